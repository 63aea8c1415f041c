/**
 * Writes a kernel's WGSL: declarations, the functions that fused chains may call, the kernel's own text, and the entry point.
 *
 * Small kernels that do not wait for each other share a dispatch: the first workgroups run the first one, the next ones the
 * second. Every built-in value is then what it would be if the kernel ran alone. A kernel keeps a dispatch to itself if it
 * asks for it, takes many workgroups, has an effect, declares a struct, or does not say how much workgroup memory it uses;
 * those that share one have workgroups of the same shape and fit into one's memory together.
 */

import { KERNEL_BLOCKS } from '../base/kernelBlocks.ts';
import { type Builtin, isScratch, type KernelTemplate, type Operand, type Target } from '../ir/op.ts';
import { type Access, FLAGS } from '../ir/scope.ts';
import { type Grid, GUARANTEED_WORKGROUP, linearGrid } from '../ir/target.ts';
import { isComposed, resolve } from '../ir/walk.ts';
import { declaredIn, freshIn, renamed } from '../wgsl/names.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { type Specialised, uncommented } from '../wgsl/template.ts';
import { type BoundVariable, fitsUniforms, type KernelText, type UniformField } from './expressions.ts';
import type { Group } from './groups.ts';

/** What a kernel is made of, for whoever tells a person. */
export interface KernelPart {
  readonly template: KernelTemplate;
  /** The group that it computes: one of several kernels, in order, where the operation takes several. */
  readonly group: Group;
  readonly first: boolean;
  readonly last: boolean;
}

/** The layer that a kernel belongs to; null for none. */
export type LayerOf = (part: KernelPart) => string | null;

/** A kernel before its text is written out. */
export interface KernelDraft extends Specialised {
  readonly label: string;
  readonly part: KernelPart;
  readonly text: KernelText;
  /** True when it writes into memory that outlives the plan. */
  readonly effect: boolean;
}

/** Workgroups up to which a kernel is small: its launch costs about as much as its work. */
const SMALL = 64;

/** Drafts that share a dispatch. */
interface Dispatch {
  readonly drafts: KernelDraft[];
  /** What is bound: flags once. */
  bindings: readonly BoundVariable[];
  /** Bytes of workgroup memory. */
  memory: number;
}

/** The drafts in an order in which they can run, those that share a dispatch together. */
export function sideBySide(
  drafts: readonly KernelDraft[],
  { maxStorageBuffers, workgroup = GUARANTEED_WORKGROUP }: Pick<Target, 'maxStorageBuffers' | 'workgroup'>,
): KernelDraft[][] {
  const dispatches: Dispatch[] = [];
  /** Those that may take one more, in their order: where kernels are many, most dispatches are full. */
  const open: number[] = [];
  /** After which dispatch an operand has its value. */
  const written = new Map<Operand, number>();
  for (const draft of drafts) {
    let earliest = 0;
    for (const { operand, element } of draft.text.bindings) {
      if (element === FLAGS) continue;
      for (const part of partsOf(operand)) earliest = Math.max(earliest, (written.get(part) ?? -1) + 1);
    }
    const shape = `${shapeOf(draft)}`;
    const shares = canShare(draft);
    const { memory = 0 } = draft.part.template;
    let bindings: readonly BoundVariable[] = [];
    let place = shares ? firstFrom(open, earliest) : open.length;
    for (; place < open.length; place++) {
      const { drafts: others, bindings: bound, memory: used } = dispatches[open[place]];
      bindings = boundOnce([...bound, ...draft.text.bindings]);
      const binds = bindings.length <= maxStorageBuffers && fitsUniforms(bindings);
      const fits = binds && used + memory <= workgroup.bytes;
      if (fits && `${shapeOf(others[0])}` === shape) break;
    }
    const at = open[place] ?? dispatches.length;
    if (at === dispatches.length) {
      dispatches.push({ drafts: [draft], bindings: boundOnce(draft.text.bindings), memory });
      if (shares) open.push(at);
    } else {
      dispatches[at].drafts.push(draft);
      dispatches[at].bindings = bindings;
      dispatches[at].memory += memory;
    }
    // Every kernel writes to memory of its own: nothing fits any more.
    if (shares && dispatches[at].bindings.length >= maxStorageBuffers) open.splice(place, 1);
    for (const { operand, access } of draft.text.bindings) {
      if (access === 'read_write') written.set(operand, at);
    }
  }
  return dispatches.map((dispatch) => dispatch.drafts);
}

/** The first place in a rising list whose number is at least `least`. */
function firstFrom(rising: readonly number[], least: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What must have its value before an operand is read: for a pack or stretch, what lies in it. */
function partsOf(operand: Operand): readonly Operand[] {
  if (isScratch(operand) || !isComposed(operand)) return [operand];
  return operand.inputs.flatMap((input) => partsOf(resolve(input)));
}

/** [x, y, z] */
const threeOf = (extents: number | Grid): number[] => [extents, 1, 1].flat().slice(0, 3);
/** Workgroups of a grid, or invocations of a workgroup. */
export const productOf = (extents: number | Grid): number =>
  threeOf(extents).reduce((product, extent) => product * extent);
const shapeOf = ({ part: { template } }: KernelDraft): number[] => threeOf(template.workgroup ?? 64);

/**
 * Effects stay alone: what they write may be read through other nodes. Structs have members that renaming would miss.
 */
const canShare = ({
  effect,
  functions,
  part: {
    template: { alone, grid, memory },
  },
}: KernelDraft): boolean =>
  !(effect || alone || productOf(grid) > SMALL || /\bstruct\b/.test(functions)) &&
  (memory !== undefined || !/<\s*workgroup\b/.test(functions));

/** One dispatch's kernel. */
export function writeKernel(drafts: readonly KernelDraft[], maxGroups?: number): ScheduledKernel {
  const [first] = drafts;
  const alone = drafts.length === 1;
  const parts = alone ? [partOf(first)] : drafts.map(renamedPart);
  const bindings = boundOnce(parts.flatMap((part) => part.bindings));
  const fields = parts.flatMap((part) => part.fields);
  const main = alone
    ? statementsOf(first, parts[0].main, 'all_workgroup_id', 'all_num_workgroups')
    : choiceOf(drafts, parts, fields);
  // An operation's own names that begin so end in its number.
  const parameters = [...new Set(main.match(/\ball_[a-z_]+\b/g))].map((name) => {
    const type = /index|subgroup/.test(name) ? 'u32' : 'vec3u';
    return `@builtin(${name.slice(4)}) ${name}: ${type}`;
  });
  const enables = new Set(drafts.flatMap(({ part }) => part.template.enables ?? []));
  const usesStep = drafts.some(({ text }) => text.usesStep || text.usesRandom);
  const source = [
    ...[...enables].map((name) => `enable ${name};`),
    ...(fields.length === 0
      ? []
      : [
          `struct Params { ${fields.map(({ name, kind }) => `${name}: ${kind}`).join(', ')} }`,
          '@group(0) @binding(0) var<uniform> params: Params;',
        ]),
    ...(usesStep ? [shaders.step] : []),
    ...bindings.map((binding, at) => `@group(0) @binding(${at + 1}) ${declarationOf(binding)}`),
    ...parts.map((part) => part.functions),
    `@compute @workgroup_size(${shapeOf(first)})\nfn main(${parameters.join(', ')}) {\n${main}\n}`,
  ].join('\n');
  const grids = drafts.map(({ part }) => part.template.grid);
  return {
    label: drafts.map((draft) => draft.label).join(' | '),
    source,
    bindings: bindings.map(({ operand, access }) => ({ operand, access })),
    uniforms: wordsOf(fields),
    usesStep,
    threads: productOf(first.part.template.workgroup ?? 64),
    grid:
      alone && typeof grids[0] !== 'number'
        ? grids[0]
        : linearGrid(
            grids.reduce((sum: number, grid) => sum + productOf(grid), 0),
            maxGroups,
          ),
    parts: drafts.map((draft) => draft.part),
  };
}

/** A position as one number, counted along x, then y, then z. */
const linear = (id: string, extents: string): string => `((${id}.z * ${extents}.y + ${id}.y) * ${extents}.x + ${id}.x)`;

/**
 * A kernel's statements after its built-in values, as WGSL defines them for a grid of `groups` workgroups, of which this one is
 * `id`, the `index`-th. What begins with `all_` is WGSL's own value, which holds for the whole dispatch.
 */
function statementsOf(
  draft: KernelDraft,
  main: string,
  id: string,
  groups: string,
  index = linear(id, groups),
): string {
  const [x, y, z] = shapeOf(draft);
  const size = `vec3u(${x}, ${y}, ${z})`;
  const position = `(${id} * ${size} + all_local_invocation_id)`;
  const values: Partial<Record<Builtin, string>> = {
    workgroup_id: id,
    num_workgroups: groups,
    workgroup_index: index,
    global_invocation_id: position,
    global_invocation_index:
      y * z === 1 ? `${index} * ${x}u + all_local_invocation_index` : linear(position, `(${groups} * ${size})`),
  };
  const { builtins = ['global_invocation_index'] } = draft.part.template;
  return [...builtins.map((name) => `let ${name} = ${values[name] ?? `all_${name}`};`), main].join('\n');
}

/** The statements of several kernels: the workgroup's number chooses whose. What it compares with is added to `fields`. */
function choiceOf(drafts: readonly KernelDraft[], parts: readonly Part[], fields: UniformField[]): string {
  let end = 0;
  const choices = drafts.map((draft, at) => {
    const { grid } = draft.part.template;
    const field = (name: string, value: number): string => {
      fields.push({ name: `${name}${at}`, kind: 'u32', value });
      return `params.${name}${at}`;
    };
    const index = at === 0 ? 'at' : `(at - params.end${at - 1})`;
    const [x, y, z] = threeOf(grid).map((extent, d) => field('xyz'[d], extent));
    const id = `vec3u(${index} % ${x}, ${index} / ${x} % ${y}, ${index} / (${x} * ${y}))`;
    end += productOf(grid);
    const statements = statementsOf(draft, parts[at].main, id, `vec3u(${x}, ${y}, ${z})`, index);
    return `if (at < ${field('end', end)}) {\n${statements}\n}`;
  });
  return `let at = ${linear('all_workgroup_id', 'all_num_workgroups')};\n${choices.join(' else ')}`;
}

/** Without what another binding has bound already: flags that several kernels set. */
const boundOnce = (bindings: readonly BoundVariable[]): BoundVariable[] =>
  bindings.filter(
    ({ operand, element }, at) =>
      element !== FLAGS || bindings.findIndex((other) => other.operand === operand && other.element === FLAGS) === at,
  );

function declarationOf({ access, variable, element, length }: BoundVariable): string {
  return access === 'uniform'
    ? `var<uniform> ${variable}: array<${element}, ${length}>;`
    : `var<storage, ${access}> ${variable}: array<${element}>;`;
}

/** What a kernel writes of its own. */
interface Part extends Specialised {
  readonly bindings: readonly BoundVariable[];
  readonly fields: readonly UniformField[];
}

/** A kernel with everything that its text calls. */
function partOf({
  text,
  functions,
  main,
  part: {
    template: { width = 1 },
  },
}: KernelDraft): Part {
  const types =
    width === 4
      ? 'alias V = vec4f;\nalias U = vec4u;\nalias I = vec4i;\nalias B = vec4<bool>;'
      : 'alias V = f32;\nalias U = u32;\nalias I = i32;\nalias B = bool;';
  const random = text.usesRandom ? randomBits(width) : '';
  const whole = [types, shaders.functions, random, ...text.functions, functions].join('\n');
  return { bindings: text.bindings, fields: text.fields, functions: whole, main };
}

function randomBits(width: 1 | 4): string {
  const counter = (index: string): string => `pcg4d(vec4u((${index}) ^ ${KERNEL_BLOCKS}u, step.step, key, step.seed))`;
  const bits = width === 4 ? counter('i') : `${counter('i / 4u')}[i % 4u]`;
  return `${shaders.random}\nfn random_bits(i: u32, key: u32) -> U { return ${bits}; }`;
}

/** The same under names of its own: all that it declares gets the kernel's number. */
function renamedPart(draft: KernelDraft, at: number, drafts: readonly KernelDraft[]): Part {
  const part = partOf(draft);
  const [functions, main] = [uncommented(part.functions), uncommented(part.main)];
  const ending = freshIn(functions + main, `_${at}`);
  const own = (name: string): string => name + ending;
  const names = new Map(declaredIn(functions).map((name) => [name, own(name)]));
  const bindings = part.bindings.map((binding) => {
    const variable = binding.element === FLAGS ? flagsOf(binding, drafts) : own(binding.variable);
    names.set(binding.variable, variable);
    return { ...binding, variable };
  });
  const fields = part.fields.map((field) => {
    const name = `${field.name}_${at}`;
    names.set(`params.${field.name}`, `params.${name}`);
    return { ...field, name };
  });
  return { bindings, fields, functions: renamed(functions, names), main: renamed(main, names) };
}

/** The name of flags, one for all kernels of a dispatch that set them. */
function flagsOf({ operand }: BoundVariable, drafts: readonly KernelDraft[]): string {
  const all = drafts.flatMap(({ text }) => text.bindings);
  return `flags${all.findIndex((other) => other.operand === operand && other.element === FLAGS)}`;
}

/** The uniforms' words, padded to whole vec4s. */
function wordsOf(fields: readonly UniformField[]): Uint32Array {
  const words = new Uint32Array(Math.ceil(fields.length / 4) * 4);
  const floats = new Float32Array(words.buffer);
  fields.forEach(({ kind, value }, at) => {
    if (kind === 'u32') words[at] = value;
    else floats[at] = value;
  });
  return words;
}

/** A kernel ready to be compiled, and what it binds. */
export interface ScheduledKernel {
  readonly label: string;
  readonly source: string;
  readonly bindings: readonly { readonly operand: Operand; readonly access: Access }[];
  /** Words of `params`; empty when the kernel has none. */
  readonly uniforms: Uint32Array;
  readonly usesStep: boolean;
  /** Invocations of a workgroup. */
  readonly threads: number;
  readonly grid: Grid;
  /** The kernels that share its dispatch: most often one. */
  readonly parts: readonly KernelPart[];
}
