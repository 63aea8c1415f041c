/**
 * Writes a kernel's WGSL: declarations, the functions that fused chains may call, and the kernel's own text. Small kernels
 * that do not wait for each other share a dispatch: the first workgroups run the first one, the next ones the second.
 */

import { KERNEL_BLOCKS } from '../base/random.ts';
import { isScratch, type Operand } from '../ir/op.ts';
import { type Access, FLAGS } from '../ir/scope.ts';
import { type Grid, linearGrid } from '../ir/target.ts';
import { isComposed, resolve } from '../ir/walk.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import type { BoundVariable, KernelText, UniformField } from './expressions.ts';

/** A kernel before its text is written out. */
export interface KernelDraft {
  readonly label: string;
  readonly text: KernelText;
  /** The template, specialised; ends in the entry point `main`. */
  readonly body: string;
  /** WGSL extensions. */
  readonly enables: readonly string[];
  /** Elements that one `store` or `load` takes. */
  readonly width: 1 | 4;
  /** A number: that many workgroups in a row. */
  readonly grid: Grid | number;
  /** True when it writes into memory that outlives the plan. */
  readonly effect: boolean;
}

/** Workgroups up to which a kernel is small: its launch costs about as much as its work. */
const SMALL = 64;
const ENTRY = /@compute @workgroup_size\((\d+)\)\s*fn main\(([\s\S]*?)\)\s*\{/;

/** Drafts that share a dispatch. */
interface Dispatch {
  readonly drafts: KernelDraft[];
  /** What is bound: flags once. */
  bindings: readonly BoundVariable[];
}

/** The drafts in an order in which they can run, those that share a dispatch together. */
export function sideBySide(drafts: readonly KernelDraft[], maxStorageBuffers: number): KernelDraft[][] {
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
    const workgroup = workgroupOf(draft);
    const shares = canShare(draft);
    let bindings: readonly BoundVariable[] = [];
    let place = shares ? firstFrom(open, earliest) : open.length;
    for (; place < open.length; place++) {
      const { drafts: others, bindings: bound } = dispatches[open[place]];
      bindings = boundOnce([...bound, ...draft.text.bindings]);
      if (bindings.length <= maxStorageBuffers && workgroupOf(others[0]) === workgroup) break;
    }
    const at = open[place] ?? dispatches.length;
    if (at === dispatches.length) {
      dispatches.push({ drafts: [draft], bindings: boundOnce(draft.text.bindings) });
      if (shares) open.push(at);
    } else {
      dispatches[at].drafts.push(draft);
      dispatches[at].bindings = bindings;
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

const workgroupOf = (draft: KernelDraft): string | undefined => ENTRY.exec(draft.body)?.[1];

/**
 * Effects stay alone: what they write may be read through other nodes. Structs have members that renaming would miss.
 * Workgroup memory is short: that of several kernels need not fit.
 */
function canShare(draft: KernelDraft): boolean {
  return (
    !draft.effect &&
    typeof draft.grid === 'number' &&
    draft.grid <= SMALL &&
    !/^(struct |var<workgroup>)/m.test(draft.body)
  );
}

/** One dispatch's kernel. */
export function writeKernel(drafts: readonly KernelDraft[], maxGroups?: number): ScheduledKernel {
  const parts = drafts.length === 1 ? [partOf(drafts[0])] : drafts.map(renamedPart);
  const bindings = boundOnce(parts.flatMap((part) => part.bindings));
  const fields = parts.flatMap((part) => part.fields);
  let grid: Grid;
  let entry = '';
  if (drafts.length === 1) {
    const [{ grid: own }] = drafts;
    grid = typeof own === 'number' ? linearGrid(own, maxGroups) : own;
  } else {
    let end = 0;
    const calls = drafts.map((draft, at) => {
      const begin = at === 0 ? '0u' : `params.end${at - 1}`;
      end += Number(draft.grid);
      fields.push({ name: `end${at}`, kind: 'u32', value: end });
      return `if (at < params.end${at}) { ${callOf(draft, at, begin)} }`;
    });
    grid = linearGrid(end, maxGroups);
    entry = [
      `@compute @workgroup_size(${workgroupOf(drafts[0])})`,
      'fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {',
      '  let at = group.y * groups.x + group.x;',
      `  ${calls.join('\n  else ')}`,
      '}',
    ].join('\n');
  }
  const usesStep = drafts.some(({ text }) => text.usesStep || text.usesRandom);
  const source = [
    ...[...new Set(drafts.flatMap(({ enables }) => enables))].map((name) => `enable ${name};`),
    ...(fields.length === 0
      ? []
      : [
          `struct Params { ${fields.map(({ name, kind }) => `${name}: ${kind}`).join(', ')} }`,
          '@group(0) @binding(0) var<uniform> params: Params;',
        ]),
    ...(usesStep ? [shaders.step] : []),
    ...bindings.map((binding, at) => `@group(0) @binding(${at + 1}) ${declarationOf(binding)}`),
    ...parts.map((part) => part.body),
    entry,
  ].join('\n');
  return {
    label: drafts.map((draft) => draft.label).join(' | '),
    source,
    bindings: bindings.map(({ operand, access }) => ({ operand, access })),
    uniforms: wordsOf(fields),
    usesStep,
    grid,
  };
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

interface Part {
  readonly bindings: readonly BoundVariable[];
  readonly fields: readonly UniformField[];
  readonly body: string;
}

/** A kernel with everything that its text calls. */
function partOf({ text, body, width }: KernelDraft): Part {
  const types =
    width === 4
      ? 'alias V = vec4f;\nalias U = vec4u;\nalias I = vec4i;\nalias B = vec4<bool>;'
      : 'alias V = f32;\nalias U = u32;\nalias I = i32;\nalias B = bool;';
  const whole = [types, shaders.functions, text.usesRandom ? randomBits(width) : '', ...text.functions, body].join(
    '\n',
  );
  return { bindings: text.bindings, fields: text.fields, body: whole };
}

function randomBits(width: 1 | 4): string {
  const counter = (index: string): string => `pcg4d(vec4u((${index}) ^ ${KERNEL_BLOCKS}u, step.step, key, step.seed))`;
  const bits = width === 4 ? counter('i') : `${counter('i / 4u')}[i % 4u]`;
  return `${shaders.random}\nfn random_bits(i: u32, key: u32) -> U { return ${bits}; }`;
}

/** The same under names of its own, with a plain function in the place of the entry point. */
function renamedPart(draft: KernelDraft, at: number, drafts: readonly KernelDraft[]): Part {
  const { bindings, fields, body } = partOf(draft);
  const plain = body
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(ENTRY, (_, __, parameters: string) => `fn main(${parameters.replace(/@builtin\(\w+\)\s*/g, '')}) {`);
  const declared = [...plain.matchAll(/(?:^|;\s*)(?:fn|const|alias|var<[^>]*>)\s+(\w+)/gm)].map(([, name]) => name);
  const names = new Map(declared.map((name) => [name, `${name}_${at}`]));
  for (const binding of bindings) names.set(binding.variable, sharedName(binding, at, drafts));
  // What follows a point is a member, except after `params.`.
  const renamed = plain
    .replace(/(?<![\w.])[A-Za-z_]\w*/g, (word) => names.get(word) ?? word)
    .replace(/\bparams\.(\w+)/g, (_, field: string) => `params.${field}_${at}`);
  return {
    bindings: bindings.map((binding) => ({ ...binding, variable: sharedName(binding, at, drafts) })),
    fields: fields.map((field) => ({ ...field, name: `${field.name}_${at}` })),
    body: renamed,
  };
}

/** A binding's name in a dispatch that several kernels share; flags have that of the first kernel that sets them. */
function sharedName({ operand, element, variable }: BoundVariable, at: number, drafts: readonly KernelDraft[]): string {
  if (element === FLAGS) {
    for (const [first, { text }] of drafts.entries()) {
      const same = text.bindings.find((other) => other.operand === operand && other.element === FLAGS);
      if (same !== undefined) return `${same.variable}_${first}`;
    }
  }
  return `${variable}_${at}`;
}

/** Calls a part as if its workgroups were the only ones, all in one row. */
function callOf(draft: KernelDraft, at: number, begin: string): string {
  const values: Record<string, string> = {
    workgroup_id: `vec3u(at - ${begin}, 0u, 0u)`,
    num_workgroups: `vec3u(params.end${at} - ${begin}, 1u, 1u)`,
    local_invocation_index: 'thread',
  };
  const parameters = ENTRY.exec(draft.body)?.[2] ?? '';
  const wanted = [...parameters.matchAll(/@builtin\((\w+)\)/g)].map(([, builtin]) => values[builtin]);
  return `main_${at}(${wanted.join(', ')});`;
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
  readonly grid: Grid;
}
