/**
 * From nodes to kernels in order, with a place in memory for every result. Pure: it knows the adapter only as a `Target`,
 * so memory can be told without a GPU.
 */

import { roundUp, sizeOf } from '../base/shape.ts';
import { isScratch, type KernelTemplate, type KernelVariant, type Node, type Target, variantsOf } from '../ir/op.ts';
import type { Replacements } from '../ir/rebuild.ts';
import { OFFSET_ALIGNMENT } from '../ir/storage.ts';
import { homeOf, resolve } from '../ir/walk.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { specialise } from '../wgsl/template.ts';
import { emitLoad, emitStore, isContiguousView, KernelText } from './expressions.ts';
import { fuse } from './fuse.ts';
import type { Group } from './groups.ts';
import { type KernelDraft, type ScheduledKernel, sideBySide, writeKernel } from './kernelText.ts';
import { type Placement, placeInMemory } from './placement.ts';
import { type PassesOnDemand, rewrite } from './rewrite/rewrite.ts';
import { checkSizes } from './sizes.ts';

export interface Schedule {
  readonly kernels: readonly ScheduledKernel[];
  readonly placement: Placement;
  /** Leaves that the kernels read or write, or that are fetched as they are. */
  readonly leaves: readonly Node[];
  /** The node that stands for each root after rewriting. */
  readonly roots: ReadonlyMap<Node, Node>;
  /** The nodes whose operation knows several ways; an adapter may offer but one of them. */
  readonly tunable: readonly Node[];
}

/**
 * Compiles the graph of `asked` for a kind of adapter. Roots that have a value keep their memory to themselves. `passesFor`
 * may be null where the graph needs no pass that is loaded on demand, and `note` is told what passes replace (see rewrite.ts).
 */
export function schedule(
  asked: readonly Node[],
  target: Target,
  passesFor: PassesOnDemand | null,
  note?: (replaced: Replacements) => void,
): Schedule {
  checkSizes(asked);
  const rewritten = rewrite(asked, passesFor, note);
  const roots = asked.map((root) => rewritten.get(root) ?? root);
  const groups = fuse(roots, target.maxStorageBuffers);
  const packs = new Map<Node, { readonly pack: Node; readonly offset: number }>();
  for (const group of groups) {
    const readers = group.anchor === null ? group.members : [group.anchor, ...group.members];
    for (const node of readers) for (const input of node.inputs) notePack(homeOf(input).home, packs);
  }
  for (const root of roots) notePack(homeOf(root).home, packs);

  const drafts = groups.flatMap((group) => compileGroup(group, target, packs));
  const kernels = sideBySide(drafts, target).map((parts) => writeKernel(parts, target.maxGroups));
  const leaves = new Set<Node>();
  for (const kernel of kernels) {
    for (const { operand } of kernel.bindings) {
      if (isScratch(operand)) continue;
      const { home } = homeOf(operand);
      if (home.op.lowering.kind === 'leaf') leaves.add(home);
    }
  }
  const fetched = new Set<Node>();
  for (const root of roots) {
    const source = resolve(root);
    const { home } = homeOf(source);
    if (home.op.lowering.kind === 'leaf') leaves.add(home);
    else if (source.op.lowering.kind !== 'effect') fetched.add(source);
  }
  const tunable = groups.flatMap(({ anchor }) => (anchor !== null && variantsOf(anchor) !== null ? [anchor] : []));
  const placement = placeInMemory(kernels, packs, fetched);
  return { kernels, placement, leaves: [...leaves], roots: rewritten, tunable };
}

function notePack(node: Node, packs: Map<Node, { readonly pack: Node; readonly offset: number }>): void {
  const { lowering } = node.op;
  if (lowering.kind !== 'pack') return;
  const offsets = lowering.offsets(node);
  node.inputs.forEach((input, at) => {
    packs.set(resolve(input), { pack: node, offset: offsets[at] });
  });
}

function compileGroup(group: Group, target: Target, packs: ReadonlyMap<Node, unknown>): KernelDraft[] {
  const { anchor } = group;
  if (anchor === null) {
    const tiled = tilesOf(group, target);
    if (tiled !== null) return [assemble(tiled.template, tiled.group, target, packs, true, true)];
    const size = sizeOf(group.members[0].shape);
    // Bytes are stored four to a word; every result's memory is whole vec4s, so the last word may reach past the end.
    const bytes = group.outputs.some((node) => node.dtype === 'uint8');
    const torn = group.members.some((node) => isView(node) && !isContiguousView(node));
    const way = size % 4 === 0 ? target.ways.pointwise(size, torn) : { width: 1 as const, turns: null };
    const width = bytes ? 4 : way.width;
    const turns = way.width === width ? way.turns : null;
    const count = Math.ceil(size / width);
    const block = 64 * (turns ?? 1);
    const template: KernelTemplate = {
      label: group.members.map((node) => node.op.name).join('+'),
      source: shaders.pointwise,
      builtins: turns === null ? ['global_invocation_index'] : ['workgroup_index', 'local_invocation_index'],
      holes: { BLOCKS: turns !== null },
      uniforms: turns === null ? { count } : { count, block },
      grid: Math.ceil(count / block),
      width,
      apart: turns === null ? undefined : 64 * width,
    };
    return [assemble(template, group, target, packs, true, true)];
  }
  const { lowering } = anchor.op;
  if (lowering.kind !== 'kernel' && lowering.kind !== 'reduce' && lowering.kind !== 'effect') {
    throw new Error(`${anchor.op.name} has no kernel.`);
  }
  const templates = chosenVariant(anchor, target)?.kernels() ?? lowering.kernels(anchor, target);
  return templates.map((template, at) =>
    assemble(template, group, target, packs, at === 0, at === templates.length - 1),
  );
}

/** A group whose first view that reads far apart is computed by a kernel of its own, which the others follow. */
function tilesOf(group: Group, target: Target): { readonly template: KernelTemplate; readonly group: Group } | null {
  if (group.outputs.some((node) => node.dtype === 'uint8')) return null;
  for (const node of group.members) {
    const { lowering } = node.op;
    const template = lowering.kind === 'view' ? (lowering.tiles?.(node, target) ?? null) : null;
    if (template === null) continue;
    return { template, group: { ...group, anchor: node, members: group.members.filter((other) => other !== node) } };
  }
  return null;
}

const isView = ({ op }: Node): boolean => op.lowering.kind === 'view';

/** How a node is computed: as the target's choices say, else by the default; null where its operation knows one way only. */
export function chosenVariant(node: Node, target: Target): KernelVariant | null {
  const variants = variantsOf(node);
  if (variants === null) return null;
  const offered = variants.offered(node, target);
  const { choices } = target;
  const choice = choices?.get(variants.key(node)) ?? choices?.get(node.op.name);
  return offered.find((variant) => variant.name === choice) ?? offered[0];
}

function assemble(
  template: KernelTemplate,
  group: Group,
  target: Target,
  packs: ReadonlyMap<Node, unknown>,
  first: boolean,
  last: boolean,
): KernelDraft {
  const text = new KernelText(target.ways.broadcastAsUniform);
  for (const [name, value] of Object.entries(template.uniforms ?? {})) text.uniform('u32', value, name);
  for (const [name, value] of Object.entries(template.floats ?? {})) text.uniform('f32', value, name);
  for (const { operand, element, name, uniform } of template.reads ?? []) {
    const access = uniform === undefined ? 'read' : 'uniform';
    text.bind(isScratch(operand) ? operand : resolve(operand), access, element, name, uniform);
  }
  for (const { operand, element, name } of template.writes ?? []) {
    text.bind(isScratch(operand) ? operand : resolve(operand), 'read_write', element, name);
  }
  text.usesStep = template.usesStep ?? false;
  const width = template.width ?? 1;
  const kind = group.anchor?.op.lowering.kind;
  const { apart } = template;
  if (kind === 'reduce' && first && group.anchor !== null) {
    text.apart = apart ?? 0;
    emitLoad(text, group.anchor, group.prologue, width, resolve);
  }
  text.apart = kind === 'reduce' ? 0 : (apart ?? 0);
  if (last && kind !== 'effect') {
    const gapAfter = (node: Node): number =>
      packs.has(node) ? roundUp(sizeOf(node.shape), OFFSET_ALIGNMENT / 4) - sizeOf(node.shape) : 0;
    emitStore(text, group.anchor, group.members, group.outputs, width, resolve, gapAfter);
  }
  if (apart !== undefined) text.writeKeep();
  const fused = group.members.length > 0 && group.anchor !== null && last;
  return {
    label: fused ? [template.label, ...group.members.map((node) => node.op.name)].join('+') : template.label,
    text,
    ...specialise(template.label, template.source, template.holes ?? {}),
    effect: kind === 'effect',
    part: { template, group, first, last },
  };
}
