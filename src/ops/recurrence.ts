/**
 * Recurrent cells over all steps of a sequence: an LSTM, a GRU and a simple one. Products of the inputs are ordinary ones, of all
 * steps at once; what is left to be done step by step is one kernel, and so is its way back, along which only what is linear is
 * left: see `CELLS`.
 */

import { GradientError, ShapeError } from '../base/errors.ts';
import { formatShape, roundUp, type Shape, sameShape, sizeOf } from '../base/shape.ts';
import {
  type BuiltInOp,
  createNode,
  expectDtype,
  expectRank,
  type KernelTemplate,
  type Node,
  type Scratch,
  type Target,
} from '../ir/op.ts';
import { GUARANTEED_WORKGROUP } from '../ir/target.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { type Holes, pickHoles } from '../wgsl/template.ts';
import { concat } from './concat.ts';
import { add, mul, relu, reluGradient, sigmoid, square, sub, tanh, where } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { dense, matmul } from './matmul.ts';
import { sum } from './reduce.ts';
import { reshape } from './reshape.ts';
import { split } from './split.ts';
import { pad, slice, transpose } from './views.ts';

/** A function that a cell may apply. */
interface CellActivation {
  /** WGSL, of `x`. */
  readonly wgsl: string;
  apply(x: Node): Node;
  /** Its slope, from its value; null: 1. */
  slope(y: Node): Node | null;
}

const rest = (x: Node): Node => sub(fullNode(1), x);

/** What the cells of recurrent layers may apply to their sums. */
export type CellActivationName = 'tanh' | 'sigmoid' | 'relu' | 'linear';

/** By these names, which are Keras'. */
export const cellActivations: Readonly<Record<CellActivationName, CellActivation>> = {
  tanh: { wgsl: 'hyperbolic_tangent(x)', apply: tanh, slope: (y) => rest(square(y)) },
  sigmoid: { wgsl: 'sigmoid(x)', apply: sigmoid, slope: (y) => mul(y, rest(y)) },
  relu: { wgsl: 'relu(x)', apply: relu, slope: (y) => reluGradient(fullNode(1), y) },
  linear: { wgsl: 'x', apply: (x) => x, slope: () => null },
};

/** Kinds of cells. */
export type Cell = 'lstm' | 'gru' | 'simple';

export interface RecurrenceAttributes {
  readonly cell: Cell;
  /** Of a candidate, and of an LSTM's cell state on its way out. */
  readonly activation: CellActivationName;
  /** Of gates. */
  readonly recurrentActivation: CellActivationName;
}

/** What a recurrence may have beside sums, kernel and bias, in the order of its inputs. */
const FURTHER = ['initial', 'mask', 'factors'] as const;
type Further = (typeof FURTHER)[number];

export interface CallAttributes extends RecurrenceAttributes {
  /** Which of `FURTHER` follow the bias. */
  readonly has: readonly Further[];
}

/** The inputs by their names. */
const operandsOf = (inputs: readonly Node[], has: readonly Further[]): Readonly<Partial<Record<Further, Node>>> =>
  Object.fromEntries(has.map((name, at) => [name, inputs[3 + at]]));

/** The values of one call, each [batch, steps, units]: what inputs and hidden states give to the sums, and the states. */
interface CellValues {
  readonly x: readonly Node[];
  readonly inner: readonly Node[];
  readonly before: readonly Node[];
  readonly after: readonly Node[];
  readonly attributes: RecurrenceAttributes;
}

/** How a cell moves, each [batch, steps, units]. */
interface CellSlopes {
  /** How each gate's sum moves what `moved` says. */
  readonly gates: readonly Node[];
  /** The same where it is the inputs' part of the sum that moves; absent: the same. */
  readonly inputGates?: readonly Node[];
  /** Of an LSTM: how h moves with c, and c with c of the step before. */
  readonly cells?: readonly [Node, Node];
  /** How h moves with h of the step before directly; absent: not at all. */
  readonly skip?: Node;
}

interface CellKind {
  /** Sums that it takes. */
  readonly gates: number;
  /** 1, or 2 where there is a cell state. */
  readonly states: number;
  /** How many slopes it has in all, without a mask. */
  readonly slopes: number;
  /** The state that each gate's sum moves. */
  readonly moved: readonly number[];
  slopesOf(values: CellValues): CellSlopes;
}

const times = (x: Node, slope: Node | null): Node => (slope === null ? x : mul(x, slope));

const CELLS: Readonly<Record<Cell, CellKind>> = {
  // i, f, g, o; c' = f c + i g, h' = o act(c')
  lstm: {
    gates: 4,
    states: 2,
    slopes: 6,
    moved: [1, 1, 1, 0],
    slopesOf({ x, inner, before: [, c], after: [, next], attributes }) {
      const [activation, gate] = functionsOf(attributes);
      const sums = x.map((one, at) => add(one, inner[at]));
      const [i, f, o] = [sums[0], sums[1], sums[3]].map((sum) => gate.apply(sum));
      const g = activation.apply(sums[2]);
      const out = activation.apply(next);
      return {
        gates: [
          times(g, gate.slope(i)),
          times(c, gate.slope(f)),
          times(i, activation.slope(g)),
          times(out, gate.slope(o)),
        ],
        cells: [times(o, activation.slope(out)), f],
      };
    },
  },
  // z, r, n; candidate = act(x_n + r inner_n), h' = z h + (1 - z) candidate
  gru: {
    gates: 3,
    states: 1,
    slopes: 4,
    moved: [0, 0, 0],
    slopesOf({ x, inner, before: [h], attributes }) {
      const [activation, gate] = functionsOf(attributes);
      const [z, r] = [0, 1].map((at) => gate.apply(add(x[at], inner[at])));
      const candidate = activation.apply(add(x[2], mul(r, inner[2])));
      const toZ = times(sub(h, candidate), gate.slope(z));
      const toCandidate = times(rest(z), activation.slope(candidate));
      const toR = times(mul(toCandidate, inner[2]), gate.slope(r));
      return { gates: [toZ, toR, mul(toCandidate, r)], inputGates: [toZ, toR, toCandidate], skip: z };
    },
  },
  // h' = act(x + inner)
  simple: {
    gates: 1,
    states: 1,
    slopes: 1,
    moved: [0],
    slopesOf: ({ after: [h], attributes }) => ({
      gates: [functionsOf(attributes)[0].slope(h) ?? fullNode(1, h.shape)],
    }),
  },
};

const functionsOf = ({ activation, recurrentActivation }: RecurrenceAttributes): [CellActivation, CellActivation] => [
  cellActivations[activation],
  cellActivations[recurrentActivation],
];

/** A step that is masked [batch, steps], 0, moves nothing and lets the states before it through. */
function maskedSlopes({ gates, inputGates, cells, skip }: CellSlopes, mask: Node): CellSlopes {
  const [batch, steps] = mask.shape;
  const present = reshape(mask, [batch, steps, 1]);
  const where0 = (slope: Node): Node => where(present, slope, fullNode(0));
  const where1 = (slope: Node): Node => where(present, slope, fullNode(1));
  return {
    gates: gates.map(where0),
    ...(inputGates && { inputGates: inputGates.map(where0) }),
    ...(cells && { cells: [where0(cells[0]), where1(cells[1])] }),
    skip: where1(skip ?? fullNode(0, gates[0].shape)),
  };
}

/** Equal pieces of the last axis. */
const pieces = (x: Node, count: number): Node[] =>
  count === 1 ? [x] : split(x, new Array<number>(count).fill((x.shape.at(-1) ?? 1) / count), x.shape.length - 1);

/** One step of [batch, steps, n], as [batch, n]; negative steps count from the end. */
export const stepOf = (x: Node, step: number): Node =>
  reshape(slice(x, [0, step, 0], [-1, 1, -1]), [x.shape[0], x.shape[2]]);

/** The states before each step: those after the step before, and before the first one the initial ones, or zeros. */
function statesBefore(states: Node, initial: Node | undefined): Node {
  const [batch, steps, size] = states.shape;
  const first = initial === undefined ? undefined : reshape(initial, [batch, 1, size]);
  if (steps === 1) return first ?? fullNode(0, states.shape);
  const earlier = slice(states, [0, 0, 0], [-1, steps - 1, -1]);
  if (first !== undefined) return concat([first, earlier], 1);
  return pad(earlier, [
    [0, 0],
    [1, 0],
    [0, 0],
  ]);
}

/** Alike for examples, which lie along the first axis; steps wait for each other. */
const BY_EXAMPLES = (whole: readonly number[]) => ({
  cuts: ({ inputs, shape }: Node) =>
    shape[0] > 1 ? [{ inputs: inputs.map((_, at) => (whole.includes(at) ? null : 0)), result: 0 }] : [],
});

/**
 * Inputs: what the inputs give to each gate [batch, steps, gates × units], recurrent kernel [units, gates × units], recurrent bias
 * [gates × units], and what `has` says: the initial states [batch, states × units] unless they are 0; a mask [batch, steps], 0 where a
 * step is left out, so that the states before it stay; factors [batch, units] by which hidden states are multiplied on their way to the
 * sums, of a dropout that is the same in all steps. The states after each step [batch, steps, states × units]: hidden states, and behind
 * them an LSTM's cell states.
 */
export const recurrenceOp: BuiltInOp<CallAttributes> = {
  name: 'recurrence',
  infer(inputs, { cell, has }) {
    const [x, kernel, bias] = inputs;
    const { initial, mask, factors } = operandsOf(inputs, has);
    const { gates, states } = CELLS[cell];
    for (const input of inputs) expectDtype(input, 'float32', cell);
    expectRank(x, 3, cell, `sums of ${gates} × units [batch, steps, ${gates} × units]`);
    expectRank(kernel, 2, cell, `a recurrent kernel [units, ${gates} × units]`);
    const [batch, steps, width] = x.shape;
    const [units] = kernel.shape;
    const expected: [string, Node | undefined, Shape][] = [
      ['a recurrent kernel', kernel, [units, gates * units]],
      ['sums', x, [batch, steps, gates * units]],
      ['a bias', bias, [gates * units]],
      ['initial states', initial, [batch, states * units]],
      ['a mask', mask, [batch, steps]],
      ['factors', factors, [batch, units]],
    ];
    for (const [what, given, shape] of expected) {
      if (given === undefined || sameShape(given.shape, shape)) continue;
      throw new ShapeError(
        `${cell}: expected ${what} ${formatShape(shape)} for ${units} units and inputs [${batch}, ${steps}, ${width}], got ` +
          `${formatShape(given.shape)}. There are ${gates} gates side by side, each of all units.`,
      );
    }
    return { shape: [batch, steps, states * units], dtype: 'float32' };
  },
  gradient(node, g, needs) {
    const { inputs, attributes } = node;
    const { cell, has } = attributes;
    const [x, kernel, bias] = inputs;
    const { initial, mask, factors } = operandsOf(inputs, has);
    const { gates, states, moved, slopesOf } = CELLS[cell];
    const [batch, steps] = x.shape;
    const before = pieces(statesBefore(node, initial), states);
    const dropped = (hidden: Node): Node =>
      factors === undefined ? hidden : mul(hidden, reshape(factors, [batch, 1, kernel.shape[0]]));
    const read = dropped(before[0]);
    const unmasked = slopesOf({
      x: pieces(x, gates),
      inner: pieces(dense(read, kernel, bias), gates),
      before,
      after: pieces(node, states),
      attributes,
    });
    const slopes = mask === undefined ? unmasked : maskedSlopes(unmasked, mask);
    const { skip } = slopes;
    const cells: readonly Node[] = slopes.cells ?? [];
    const all = concat([...slopes.gates, ...cells, ...(skip === undefined ? [] : [skip])], -1);
    const operands = [g, transpose(kernel), all, ...(factors === undefined ? [] : [factors])];
    const toStates = pieces(createNode(recurrenceGradientOp, operands, { cell }), states);
    const toSums = (list: readonly Node[]): Node =>
      concat(
        list.map((slope, at) => mul(toStates[moved[at]], slope)),
        -1,
      );
    const toInner = toSums(slopes.gates);
    const rows = (values: Node): Node => reshape(values, [batch * steps, -1]);
    const toRead = (): Node => reshape(matmul(rows(toInner), kernel, false, true), read.shape);
    const further: Readonly<Record<Further, () => Node | null>> = {
      initial() {
        const first = (values: Node): Node => stepOf(values, 0);
        const product = matmul(first(toInner), kernel, false, true);
        const through = factors === undefined ? product : mul(product, factors);
        const hidden = skip === undefined ? through : add(through, mul(first(toStates[0]), first(skip)));
        return states === 1 ? hidden : concat([hidden, mul(first(toStates[1]), first(cells[1]))], -1);
      },
      // A step is there or it is not.
      mask: () => null,
      factors: () => sum(mul(toRead(), before[0]), 1),
    };
    return [
      needs[0] ? (slopes.inputGates === undefined ? toInner : toSums(slopes.inputGates)) : null,
      needs[1] ? matmul(rows(read), rows(toInner), true) : null,
      needs[2] ? sum(rows(toInner), 0) : null,
      ...has.map((name, at) => (needs[3 + at] ? further[name]() : null)),
    ];
  },
  partition: BY_EXAMPLES([1, 2]),
  lowering: {
    kind: 'kernel',
    kernels(node, target) {
      const { attributes } = node;
      const [x, kernel, bias] = node.inputs;
      const { initial, mask, factors } = operandsOf(node.inputs, attributes.has);
      const { gates, states } = CELLS[attributes.cell];
      const [activation, gate] = functionsOf(attributes);
      return stepByStep(node, target, {
        label: attributes.cell,
        source: [shaders.recurrence_state, shaders.recurrence].join('\n'),
        cell: attributes.cell,
        // h before and after a step, and c.
        held: 1 + states,
        reads: { x, r: kernel, b: bias, ...(initial && { initial }) },
        products: gates,
        numbers: { ...(mask && { mask }), ...(factors && { factors }) },
        holes: {
          GATES: gates,
          INITIAL: initial !== undefined,
          MASKED: mask !== undefined,
          DROPPED: factors !== undefined,
          ACTIVATION: activation.wgsl,
          GATE: gate.wgsl,
        },
      });
    },
  },
};

export interface RecurrenceGradientAttributes {
  readonly cell: Cell;
}

/**
 * Inputs: upstream gradient [batch, steps, states × units], the recurrent kernel transposed [gates × units, units], slopes
 * [batch, steps, slopes × units] as recurrence_gradient.wgsl has them, one more than without where there is a mask; and factors
 * [batch, units] where forward has them. The whole gradient to the states after each step, as the first input.
 */
export const recurrenceGradientOp: BuiltInOp<RecurrenceGradientAttributes> = {
  name: 'recurrenceGradient',
  infer: ([g]) => ({ shape: g.shape, dtype: 'float32' }),
  gradient({ attributes: { cell } }) {
    throw new GradientError(
      `${cell}: the recurrence has no second derivative here. Write the cell with tensor operations, a loop over the steps, where ` +
        'you need one.',
    );
  },
  partition: BY_EXAMPLES([1]),
  lowering: {
    kind: 'kernel',
    kernels(node, target) {
      const [g, kernel, slopes] = node.inputs;
      const factors = node.inputs.at(3);
      const { cell } = node.attributes;
      const { gates, states, slopes: unmasked } = CELLS[cell];
      const count = slopes.shape[2] / kernel.shape[1];
      return stepByStep(node, target, {
        label: `${cell} (gradient)`,
        source: [shaders.recurrence_state, shaders.recurrence_gradient].join('\n'),
        cell,
        // The gradients to the sums, and to the states before.
        held: gates + states,
        reads: { g, rt: kernel, slopes, ...(factors && { factors }) },
        products: 1,
        holes: {
          GATES: gates,
          SLOPES: count,
          SKIPS: cell === 'gru' || count > unmasked,
          DROPPED: factors !== undefined,
        },
      });
    },
  },
};

interface StepByStep {
  readonly label: string;
  readonly source: string;
  readonly cell: Cell;
  /** Numbers that the threads of a workgroup keep from step to step, for each unit of each example. */
  readonly held: number;
  /** Weights by which a thread multiplies a number of the state. */
  readonly products: number;
  /** What is read a group of units at a time. */
  readonly reads: Readonly<Record<string, Node>>;
  /** What is read a number at a time. */
  readonly numbers?: Readonly<Record<string, Node>>;
  readonly holes: Holes;
}

/** The kernel that goes along the steps of [batch, steps, states × units]. */
function stepByStep(
  { shape: [batch, steps, size] }: Node,
  target: Target,
  { label, source, cell, held, products, reads, numbers = {}, holes }: StepByStep,
): KernelTemplate[] {
  const { states } = CELLS[cell];
  const { threads, bytes } = target.workgroup ?? GUARANTEED_WORKGROUP;
  const units = size / states;
  const { width, examples, lanes } = shareOf(target, batch, units);
  const groups = Math.ceil(batch / examples);
  const state = held * examples * units;
  const memory = state * 4;
  const shared = memory <= bytes;
  const workgroup = Math.min(threads, MOST_THREADS, roundUp(units / width, lanes));
  const element = width === 4 ? 'vec4f' : 'f32';
  const kept: Scratch = { bytes: memory * groups };
  const all = {
    ...holes,
    ...{ STATES: states, STATE: state, EXAMPLES: examples, WIDTH: width, FOUR: width === 4, THREADS: workgroup },
    SUMS: CELLS[cell].gates * examples,
    AHEAD: aheadOf(target, units, products),
    ...{ LSTM: cell === 'lstm', GATED: cell !== 'simple', SHARED: shared },
    BARRIER: shared ? 'workgroupBarrier();' : 'workgroupBarrier(); storageBarrier();',
  };
  return [
    {
      label,
      source,
      workgroup,
      builtins: ['local_invocation_index', 'workgroup_index'],
      holes: pickHoles(source, all),
      reads: [
        ...Object.entries(reads).map(([name, operand]) => ({ name, operand, element })),
        ...Object.entries(numbers).map(([name, operand]) => ({ name, operand, element: 'f32' })),
      ],
      writes: shared ? [] : [{ name: 'state', operand: kept, element: 'f32' }],
      uniforms: { batch, steps, units: units / width, examples },
      grid: groups,
      width,
      ...(shared ? { memory } : {}),
    },
  ];
}

/** Threads of a workgroup beyond which each takes several units. */
const MOST_THREADS = 256;

/** How many units a thread takes at once, how many examples a workgroup does, and of how many threads its own are a multiple. */
function shareOf(target: Target, batch: number, units: number): { width: 1 | 4; examples: number; lanes: number } {
  // On the CPU loads are dear: a thread has as many results in registers as it can. A GPU needs many threads first.
  if (target.ways.kind === 'cpu') return { width: units % 4 === 0 ? 4 : 1, examples: Math.min(batch, 4), lanes: 8 };
  return { width: 1, examples: batch < BUSY ? 1 : 4, lanes: 32 };
}

/**
 * For how many numbers of a state a thread asks for weights at once. On a GPU few threads wait at each step, so that memory is as slow
 * as its answer takes; a CPU's cache answers at once. A divisor of the units.
 */
function aheadOf({ ways }: Target, units: number, products: number): number {
  const most = ways.kind === 'cpu' ? 1 : ASKED / products;
  return [16, 8, 4, 2].find((count) => count <= most && units % count === 0) ?? 1;
}

/** Weights that a thread asks for at once, at most. */
const ASKED = 16;

/** Examples from which on workgroups of a GPU take several. */
const BUSY = 512;

/** Multiplications of one kernel beyond which a sequence is cut into several: a system may end what keeps a GPU for seconds. */
const MOST_PRODUCTS = 2 ** 31;

/** What a recurrence is computed from. */
export interface RecurrenceInputs {
  /** What the inputs give to each gate [batch, steps, gates × units]. */
  readonly x: Node;
  /** [units, gates × units] */
  readonly kernel: Node;
  /** [gates × units], beside what the hidden state gives; default 0. */
  readonly bias?: Node;
  /** [batch, states × units]; default 0. */
  readonly initial?: Node;
  /** [batch, steps], 0 where a step is left out: the states before it stay. Default: none is. */
  readonly mask?: Node;
  /** [batch, units], by which hidden states are multiplied on their way to the sums; default 1. */
  readonly factors?: Node;
}

/**
 * The states after each step [batch, steps, states × units]; of long sequences in several kernels, so that none has more than
 * `mostProducts` multiplications.
 */
export function recurrence(
  inputs: RecurrenceInputs,
  attributes: RecurrenceAttributes,
  mostProducts = MOST_PRODUCTS,
): Node {
  const { x, kernel, mask, factors } = inputs;
  const bias = inputs.bias ?? fullNode(0, kernel.shape.slice(1));
  const [batch, steps] = x.shape;
  const part = (start: number, size: number, initial: Node | undefined): Node => {
    const piece = (whole: Node): Node =>
      size === steps
        ? whole
        : slice(whole, [0, start, 0].slice(0, whole.shape.length), [-1, size, -1].slice(0, whole.shape.length));
    const further = { initial, mask: mask && piece(mask), factors };
    const has = FURTHER.filter((name) => further[name] !== undefined);
    const operands = has.flatMap((name) => further[name] ?? []);
    return createNode(recurrenceOp, [piece(x), kernel, bias, ...operands], { ...attributes, has });
  };
  const most = Math.max(1, Math.floor(mostProducts / (batch * sizeOf(kernel.shape))));
  if (!(most < steps)) return part(0, steps, inputs.initial);
  const parts: Node[] = [];
  let { initial } = inputs;
  for (let start = 0; start < steps; start += most) {
    const states = part(start, Math.min(most, steps - start), initial);
    initial = stepOf(states, -1);
    parts.push(states);
  }
  return concat(parts, 1);
}

/** The hidden states [..., units] of states [..., states × units]. */
export const hiddenOf = (states: Node, cell: Cell): Node => pieces(states, CELLS[cell].states)[0];
