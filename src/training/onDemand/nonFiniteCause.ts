/**
 * Why a training step was not finite: the step is run again, without its update, and every operation's result is looked
 * at. What the optimizer would have changed it has left as it was, so where the steps after it were held back the step
 * computes the same as before; where training went on, it nearly does.
 */

import { OutOfMemoryError } from '../../base/errors.ts';
import { sizeOf } from '../../base/shape.ts';
import type { FiniteRange, NonFinite } from '../../callbacks/divergence/nonFinite.ts';
import { createNode, type Node } from '../../ir/op.ts';
import { isConstant, resolve, topologicalOrder } from '../../ir/walk.ts';
import { LOSS, type Part, type Product, partsOfStep } from '../../network/anatomy.ts';
import type { Named } from '../../network/network.ts';
import { backward, type StepParts } from '../../network/step.ts';
import { NONE } from '../../ops/elementwise.ts';
import { decodeFiniteStats, type FiniteStats, finiteStats } from '../../ops/finiteStats.ts';
import { packedSize, packOp } from '../../ops/pack.ts';
import type { UpdateRule } from '../../ops/update.ts';
import type { Device } from '../../runtime/device.ts';
import { Plan } from '../../runtime/plan.ts';
import { scheduleWithin } from '../../runtime/scheduleWithin.ts';
import type { StepValues } from '../../runtime/step.ts';

/** The graph of a step, every node with what it is part of. */
export interface Anatomy {
  /** What is worth looking at, inputs before users. */
  readonly nodes: readonly Node[];
  /** What makes a step bad: the loss, then the gradients in the order of the backward pass. */
  readonly ends: readonly Named[];
  readonly weights: readonly Named[];
  partOf(node: Node): Part;
  /** What a person calls a node's value. */
  nameOf(node: Node): string;
}

/** Builds the graph of a step on a batch of `batch` examples, or on a part of one, and names what its nodes belong to. */
export function anatomyOf(parts: StepParts, batch: number): Anatomy {
  const products: Product[] = [];
  const step = backward(parts, batch, (of, gradient) => products.push({ of, gradient }));
  const owned = partsOfStep(parts.network, step, products);
  const ends = [{ name: 'loss', node: step.loss }, ...step.gradients];

  const names = new Map<Node, string>();
  for (const { name, node } of [...step.given, ...step.weights]) names.set(node, name);
  for (const { name, node } of step.activations) {
    if (!names.has(resolve(node))) names.set(resolve(node), `the output of ${name}`);
  }
  const nodes = topologicalOrder(ends.map(({ node }) => node)).filter((node) => {
    // Of the leaves only weights are examined: the examples are as large as the data set, and a step reads few of them.
    if (node.op.lowering.kind === 'leaf') return names.has(node);
    return node === resolve(node) && !isConstant(node);
  });
  const partOf = (node: Node): Part => owned.get(node) ?? LOSS;
  const nameOf = (node: Node): string => names.get(node) ?? `${node.op.name} in ${partOf(node).name}`;
  return { nodes, ends, weights: step.weights, partOf, nameOf };
}

export type Findings = ReadonlyMap<Node, FiniteStats>;

/** Nodes that one plan looks at: each makes a bind group or two, and a driver in software maps memory for each of these. */
const TOGETHER = 2048;

/** What the nodes hold in each of several steps. Nodes that do not fit on the device even one by one are left out. */
export async function examine(
  device: Device,
  nodes: readonly Node[],
  steps: readonly StepValues[],
): Promise<Map<Node, FiniteStats>[]> {
  const found = steps.map(() => new Map<Node, FiniteStats>());
  const waiting: (readonly Node[])[] = [];
  for (let start = 0; start < nodes.length; start += TOGETHER) waiting.unshift(nodes.slice(start, start + TOGETHER));
  for (let some = waiting.pop(); some !== undefined; some = waiting.pop()) {
    const results = await examineTogether(device, some, steps);
    if (results !== null) {
      results.forEach((stats, at) => {
        for (const [node, one] of stats) found[at].set(node, one);
      });
    } else if (some.length > 1) {
      const half = Math.ceil(some.length / 2);
      waiting.push(some.slice(half), some.slice(0, half));
    }
  }
  return found;
}

/** Null where they do not fit on the device together. */
async function examineTogether(
  device: Device,
  nodes: readonly Node[],
  steps: readonly StepValues[],
): Promise<Map<Node, FiniteStats>[] | null> {
  const stats = nodes.map(finiteStats);
  // Side by side, to be read at once. The planner puts each behind the node that it looks at, which may be freed then.
  const all = createNode(packOp, stats, NONE);
  let plan: Plan;
  try {
    // Not by Plan.compile, which may measure kernels first.
    plan = await Plan.of(device, await scheduleWithin([all], device));
  } catch (error) {
    if (error instanceof OutOfMemoryError) return null;
    throw error;
  }
  try {
    const results: Map<Node, FiniteStats>[] = [];
    for (const values of steps) {
      plan.run([values]);
      const words = await device.read(plan.storageOf(all), 'int32', sizeOf(all.shape));
      results.push(
        new Map(
          nodes.map((node, at) => {
            const start = at * packedSize(sizeOf(stats[at].shape));
            return [node, decodeFiniteStats(words.subarray(start, start + sizeOf(stats[at].shape)))];
          }),
        ),
      );
    }
    return results;
  } finally {
    plan.dispose();
  }
}

/** What went wrong first, as far as the findings tell; null where nothing did. */
export function diagnose(anatomy: Anatomy, found: Findings, rule: UpdateRule): Omit<NonFinite, 'step'> | null {
  const { nodes, ends, partOf, nameOf } = anatomy;
  const isBad = (node: Node): boolean => {
    const stats = found.get(resolve(node));
    return stats !== undefined && stats.nans + stats.infinities > 0;
  };
  const end = ends.find(({ node }) => isBad(node));
  if (end === undefined) return overflowingSquare(anatomy, found, rule);
  // Only operations whose bad values reach this end are suspects: a later operation may have made others finite again.
  const leading = new Set<Node>();
  const stack = [resolve(end.node)];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (leading.has(node)) continue;
    leading.add(node);
    stack.push(...node.inputs.filter(isBad).map(resolve));
  }
  const source = nodes.find((node) => leading.has(node)) ?? resolve(end.node);
  const { phase, name, layer, of } = partOf(source);
  const inputs: FiniteRange[] = [];
  for (const input of source.inputs) {
    const stats = found.get(resolve(input));
    if (stats !== undefined) inputs.push({ name: nameOf(resolve(input)), min: stats.min, max: stats.max });
  }
  return {
    tensor: phase === 'backward' ? end.name : name,
    phase,
    layer,
    op: source.op.lowering.kind === 'leaf' ? null : source.op.name,
    of: of?.op.name ?? null,
    ...statsOf(found, source),
    inputs,
  };
}

const UNKNOWN: FiniteStats = { nans: 0, infinities: 0, min: null, max: null };
const statsOf = (found: Findings, node: Node): FiniteStats => found.get(resolve(node)) ?? UNKNOWN;

/** A gradient that is finite, but not where the rule squares it. */
function overflowingSquare(
  { ends, partOf }: Anatomy,
  found: Findings,
  rule: UpdateRule,
): Omit<NonFinite, 'step'> | null {
  if (!rule.squares) return null;
  for (const { name, node } of ends.slice(1)) {
    const stats = statsOf(found, node);
    const largest = Math.max(-(stats.min ?? 0), stats.max ?? 0);
    if (Number.isFinite(Math.fround(largest * largest))) continue;
    const { layer, of } = partOf(resolve(node));
    return {
      tensor: name,
      phase: 'backward',
      layer,
      op: resolve(node).op.name,
      of: of?.op.name ?? null,
      ...stats,
      inputs: [],
    };
  }
  return null;
}

/** The answer where the step, run again, shows nothing that is not finite. */
const UNKNOWN_CAUSE: Omit<NonFinite, 'step'> = {
  tensor: 'a tensor',
  phase: 'unknown',
  layer: null,
  op: null,
  of: null,
  nans: 0,
  infinities: 0,
  min: null,
  max: null,
  inputs: [],
};

/** Where everything that a step computes is finite: the update itself has overflowed. The range is that of all weights. */
function overflowingUpdate({ weights }: Anatomy, found: Findings): Omit<NonFinite, 'step'> {
  const ranges = weights.map(({ node }) => statsOf(found, node));
  const min = Math.min(...ranges.map((stats) => stats.min ?? Number.POSITIVE_INFINITY));
  const max = Math.max(...ranges.map((stats) => stats.max ?? Number.NEGATIVE_INFINITY));
  return {
    tensor: 'an updated weight',
    phase: 'update',
    layer: null,
    op: null,
    of: null,
    nans: 0,
    infinities: 0,
    min: Number.isFinite(min) ? min : null,
    max: Number.isFinite(max) ? max : null,
    inputs: [],
  };
}

/** A step to be run again: where its parts begin, one after the other. A batch that is taken whole is one part. */
export interface Suspect {
  readonly rule: UpdateRule;
  /** Examples of the whole batch. */
  readonly batch: number;
  /** Whether the weights are those that the step met. */
  readonly held: boolean;
  readonly parts: readonly { readonly size: number; readonly values: StepValues }[];
  /** The inputs of the step's graph for `size` examples. */
  partsFor(size: number): StepParts;
}

/** Why a step was not finite. Parts are looked at in their order, equally large ones by one plan. */
export async function findCause(
  device: Device,
  { rule, batch, parts, partsFor, held }: Suspect,
): Promise<Omit<NonFinite, 'step'>> {
  const sizes = [...new Set(parts.map(({ size }) => size))];
  let last: Omit<NonFinite, 'step'> | null = null;
  for (const size of sizes) {
    const anatomy = anatomyOf(partsFor(size), batch);
    const steps = parts.filter((part) => part.size === size).map(({ values }) => values);
    for (const found of await examine(device, anatomy.nodes, steps)) {
      const cause = diagnose(anatomy, found, rule);
      if (cause !== null) return cause;
      last ??= held ? overflowingUpdate(anatomy, found) : UNKNOWN_CAUSE;
    }
  }
  return last ?? (held ? overflowingUpdate(anatomyOf(partsFor(batch), batch), new Map()) : UNKNOWN_CAUSE);
}
