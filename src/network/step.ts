/** The graphs of a step. */

import { ArgumentError } from '../base/errors.ts';
import type { Node } from '../ir/op.ts';
import { clippedEach, commonScale } from '../ops/clipping.ts';
import { add, div, equal, maximum, mul, where } from '../ops/elementwise.ts';
import { type GradientTrace, gradients } from '../ops/gradients.ts';
import { accumulate, watch } from '../ops/health.ts';
import { fullNode } from '../ops/leaf.ts';
import { pack } from '../ops/pack.ts';
import { sum } from '../ops/reduce.ts';
import { assign, optimizerUpdate, type UpdateRule } from '../ops/update.ts';
import { type ByTarget, type Goal, oneOf } from './compiled.ts';
import { perExampleMasked } from './customParts.ts';
import { metricSums } from './measures.ts';
import { type Forward, inference, type Named, type Network } from './network.ts';
import type { MomentNodes } from './optimizerState.ts';
import type { ParameterBlock } from './parameters.ts';

/** Where a plan writes the sums of its metrics and the health words. */
export interface MetricNodes {
  readonly sums: Node;
  readonly health: Node;
}

export interface StepParts extends Pick<Goal, 'targets'> {
  readonly network: Network;
  /** One an input of the network. */
  readonly x: readonly Node[];
  /** One a target. */
  readonly y: readonly Node[];
  /** Of the examples [batch], null for ones. */
  readonly weights: ByTarget<Node>;
  /**
   * Of a part of a batch: one scalar a target, how many steps of the whole batch its mask has. Needed only where targets have masks;
   * see `countingStep` in partOfStep.ts.
   */
  readonly present?: readonly Node[];
  readonly stepMetrics: MetricNodes;
}

/** The step's sums in the order of `Measures`: the loss first. `batch`: examples of the whole batch. */
function sumsOf(
  { targets, x, y, weights, present }: StepParts,
  { outputs, masks, penalties }: Forward,
  batch: number,
): { loss: Node; values: Node[] } {
  const isPart = x[0].shape[0] < batch;
  const losses = targets.map(({ loss, output }, at) => {
    const mask = masks[output];
    const perExample = perExampleMasked(loss, y[at], outputs[output], mask);
    const own = weights?.[at] ?? null;
    const total = sum(own === null ? perExample : mul(perExample, own));
    if (mask === null) return total;
    return mul(total, exampleShare(isPart ? presentOf(present, at) : sum(mask), batch));
  });
  const shares = targets.map(({ weight }, at) => (weight === 1 ? losses[at] : mul(losses[at], fullNode(weight))));
  const penalty = penalties.length === 0 ? [] : [penalties.reduce((all, one) => add(all, one))];
  const total = [...shares, ...penalty].reduce((all, share) => add(all, share));
  const alone = targets.length === 1 ? [] : losses;
  return { loss: total, values: [total, ...alone, ...metricSums(targets, y, { outputs, masks }, weights), ...penalty] };
}

/**
 * What makes the batch times the mean over all steps that are there of their sum, as Keras takes it; 0 of a batch in which there is
 * none, where nothing is to be learnt. `steps`: how many are there.
 */
const exampleShare = (steps: Node, batch: number): Node => div(fullNode(batch), maximum(steps, fullNode(1)));

/** How many steps of the whole batch a target's mask has. */
function presentOf(present: readonly Node[] | undefined, at: number): Node {
  const own = present?.[at];
  if (own !== undefined) return own;
  throw new ArgumentError(
    'A part of a batch whose loss has a mask takes its share of the mean over all steps of the batch that are there. Give present, which countingStep adds up.',
  );
}

export interface Step {
  /** What to run, in order. */
  readonly effects: readonly Node[];
  /** Each layer's output, by the layer's name. */
  readonly activations: readonly Named[];
}

/** The backward pass of a batch, or of a part of one, and everything that a step does beside it. */
export interface Backward extends Pick<Forward, 'activations'> {
  /** What the step is given: inputs, labels, and the examples' weights where there are any. */
  readonly given: readonly (Named & { readonly phase: 'inputs' | 'labels' | 'weights' })[];
  /** The model's weights, those that are learnt first. */
  readonly weights: readonly Named[];
  /** The loss's mean over the whole batch, or a part's share of it. */
  readonly loss: Node;
  /** One gradient a trainable weight. */
  readonly slopes: readonly Node[];
  /** The same with names, in the order in which they are computed: the last layer's first. */
  readonly gradients: readonly Named[];
  /** Adds up loss and metrics. */
  readonly metrics: Node;
  /** New values of weights that are not trainable: what writes them, and those that it writes. */
  readonly moving: readonly { readonly effect: Node; readonly weights: readonly Node[] }[];
}

/** Several ones are told apart by their names. */
const namedAs = <P extends 'inputs' | 'labels'>(phase: P, nodes: readonly Node[], names: readonly string[]) =>
  nodes.map((node, at) => ({ name: oneOf(phase, names, at), node, phase }));

/** Those that all targets have in common need no name. */
function namedWeights(weights: ByTarget<Node>, names: readonly string[]): Backward['given'] {
  const own = names.flatMap((name, at) => {
    const node = weights?.[at] ?? null;
    return node === null ? [] : [{ name, node, phase: 'weights' as const }];
  });
  const shared = own.every(({ node }) => node === own[0].node);
  const what = 'example weights';
  if (shared) return own.slice(0, 1).map((one) => ({ ...one, name: what }));
  return own.map((one) => ({ ...one, name: `${what} '${one.name}'` }));
}

/** `batch`: examples of the whole batch; the gradient is that of the loss's mean over it. */
export function backward(parts: StepParts, batch: number, trace?: GradientTrace): Backward {
  const { network, x, stepMetrics } = parts;
  const trainable = network.trainable.nodes();
  const fixed = network.fixed.nodes();
  const forward = network.forward(x, true, { trainable, fixed });
  const { loss, values } = sumsOf(parts, forward, batch);
  const mean = mul(loss, fullNode(1 / batch));
  const slopes = gradients(mean, trainable, trace);
  const names = network.trainable.parameters.map((parameter) => parameter.name);
  const targetNames = parts.targets.map(({ name }) => name);
  return {
    given: [
      ...namedAs('inputs', x, network.composition.inputNames),
      ...namedAs('labels', parts.y, targetNames),
      ...namedWeights(parts.weights, targetNames),
    ],
    weights: [
      ...names.map((name, at) => ({ name, node: trainable[at] })),
      ...network.fixed.parameters.map(({ name }, at) => ({ name, node: fixed[at] })),
    ],
    activations: forward.activations,
    loss: mean,
    slopes,
    gradients: names.map((name, at) => ({ name: `gradient of ${name}`, node: slopes[at] })).reverse(),
    metrics: accumulate(stepMetrics.sums, stepMetrics.health, values),
    moving: assigned(forward.updates, network.fixed, fixed, stepMetrics),
  };
}

/** Writes new values into weights of layers: by one dispatch those that lie side by side in `block`, where the `fixed` ones are. */
function assigned(
  updates: Forward['updates'],
  block: ParameterBlock,
  fixed: readonly Node[],
  { health }: MetricNodes,
): Backward['moving'] {
  const values = new Map(updates.map(({ weight, value }) => [weight, whereFinite(value, weight)]));
  const moving: Backward['moving'][number][] = [];
  for (let begin = 0; begin < fixed.length; begin++) {
    const side: Node[] = [];
    for (let value = values.get(fixed[begin]); value !== undefined; value = values.get(fixed[begin + side.length])) {
      side.push(value);
    }
    if (side.length === 0) continue;
    const effect = assign(block.run(begin, side.length), pack(side), health);
    moving.push({ effect, weights: fixed.slice(begin, begin + side.length) });
    begin += side.length;
  }
  for (const [weight, value] of values) {
    if (!fixed.includes(weight)) moving.push({ effect: assign(weight, value, health), weights: [weight] });
  }
  return moving;
}

/** Gradients side by side; the optimizer leaves out a step in which one is not finite. */
export const watchedPack = (slopes: readonly Node[], { health }: MetricNodes, rule: UpdateRule): Node =>
  pack(slopes, (slope) => watch(slope, health, rule));

/** The same, each clipped by its norm where the rule says so. */
function clippedPack(slopes: readonly Node[], metrics: MetricNodes, rule: UpdateRule): Node {
  if (rule.clipping?.by !== 'norm') return watchedPack(slopes, metrics, rule);
  const watched = slopes.map((slope) => watch(slope, metrics.health, rule));
  return pack(clippedEach(watched, rule));
}

/** The update of all weights, by gradients that lie side by side like them. */
export const update = (
  { network, stepMetrics: { health } }: Pick<StepParts, 'network' | 'stepMetrics'>,
  rule: UpdateRule,
  { moments, leftOut }: MomentNodes,
  packed: Node,
): Node =>
  optimizerUpdate(rule, network.trainable.node, moments, packed, { health, leftOut }, commonScale([packed], rule));

/** A training step, and what it is made of. */
export interface TrainingStep extends Step {
  readonly backward: Backward;
}

/** One optimizer step: forward, loss, gradients, metrics, update. */
export function trainingStep(
  parts: StepParts,
  rule: UpdateRule,
  moments: MomentNodes,
  trace?: GradientTrace,
): TrainingStep {
  const taken = backward(parts, parts.x[0].shape[0], trace);
  const { slopes, metrics, moving, activations } = taken;
  const updates = slopes.length > 0 ? [update(parts, rule, moments, clippedPack(slopes, parts.stepMetrics, rule))] : [];
  return { effects: [metrics, ...updates, ...moving.map(({ effect }) => effect)], activations, backward: taken };
}

/** The value where it is finite, else the old one: one NaN must not spoil a moving average for good. */
const whereFinite = (value: Node, old: Node): Node => where(equal(mul(value, fullNode(0)), fullNode(0)), value, old);

/** Loss and metrics of a batch without training, or of a part of one of `batch` examples. */
export function evaluationStep(parts: StepParts, batch = parts.x[0].shape[0]): Step {
  const { network, x, stepMetrics } = parts;
  const forward = inference(network, x);
  const { values } = sumsOf(parts, forward, batch);
  return {
    effects: [accumulate(stepMetrics.sums, stepMetrics.health, values)],
    activations: forward.activations,
  };
}
