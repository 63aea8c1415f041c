/** What a model tells of its examples: how loss and metrics add up, side by side, and what the sums come to. */

import type { Shape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { type ModelMetric, sizeOfMetric } from '../nn/metrics.ts';
import { mul } from '../ops/elementwise.ts';
import { fullNode } from '../ops/leaf.ts';
import { sum } from '../ops/reduce.ts';
import { reshape } from '../ops/reshape.ts';
import type { ByTarget, Goal, Target } from './compiled.ts';
import { perExampleMasked } from './customParts.ts';
import type { Forward } from './network.ts';

/** Whose sums lie where. */
interface Place extends Pick<ModelMetric, 'metric' | 'weighted'> {
  /** Its key in the logs. */
  readonly key: string;
  readonly start: number;
  readonly end: number;
  /** Whose weights it goes by. */
  readonly target: Target;
  /** Where the number of steps that are there lies, of an output with a mask; 0: examples count. */
  readonly count: number;
}

/** What of a model decides where its sums lie. */
interface Measured extends Pick<Goal, 'targets'> {
  readonly network: {
    readonly outputShapes: readonly Shape[];
    readonly outputsMasked: readonly boolean[];
    readonly regularized: boolean;
  };
}

/** Of several targets, the key of one's loss or metric in the logs. */
const keyOf = (targets: readonly Target[], target: Target, name: string): string =>
  targets.length === 1 ? name : `${target.name}_${name}`;

/** Keys of the logs: the loss, of several targets that of each, then the metrics. */
export const logKeys = ({ targets }: Pick<Goal, 'targets'>): string[] => [
  'loss',
  ...lossKeys(targets),
  ...targets.flatMap((target) => target.metrics.map(({ name }) => keyOf(targets, target, name))),
];

/** A loss that is the only one is the model's. */
const lossKeys = (targets: readonly Target[]): string[] =>
  targets.length === 1 ? [] : targets.map((target) => keyOf(targets, target, 'loss'));

/**
 * The sums of a model: the loss's; of several targets those of their losses; those of the metrics, of outputs with a mask each with the
 * number of steps that are there; of targets with weighted ones the sum of their weights; where there are regularizers that of the
 * penalties, which are part of the loss.
 */
export class Measures {
  /** How many numbers add up. */
  readonly size: number;
  /** Keys of the losses, which lie first. */
  readonly #losses: readonly string[];
  readonly #places: readonly Place[];
  /** Where the sum of a target's weights lies, of those that have weighted metrics. */
  readonly #weights: ReadonlyMap<Target, number>;
  /** Where that of the penalties lies. */
  readonly #penalty: number;

  constructor({ targets, network: { outputShapes, outputsMasked, regularized } }: Measured) {
    this.#losses = ['loss', ...lossKeys(targets)];
    let end = this.#losses.length;
    this.#places = targets.flatMap((target) =>
      target.metrics.map(({ name, metric, weighted }) => {
        const start = end;
        end += sizeOfMetric(metric, outputShapes[target.output]) ?? 1;
        const place = { key: keyOf(targets, target, name), metric, weighted, start, end, target };
        return { ...place, count: outputsMasked[target.output] ? end++ : 0 };
      }),
    );
    this.#weights = new Map(targets.filter(weighs).map((target) => [target, end++]));
    this.#penalty = regularized ? end++ : 0;
    this.size = end;
  }

  /** What of the mean loss is penalties. */
  penalty(sums: ArrayLike<number>, examples: number): number {
    return this.#penalty > 0 ? sums[this.#penalty] / examples : 0;
  }

  /** What sums over so many examples come to, by the keys of the logs. */
  logs(sums: ArrayLike<number>, examples: number): Record<string, number> {
    const all = Float64Array.from(sums);
    const logs: Record<string, number> = {};
    for (const [at, key] of this.#losses.entries()) logs[key] = all[at] / examples;
    for (const { key, metric, weighted, start, end, target, count } of this.#places) {
      const whole = weighted ? all[this.#weights.get(target) ?? 0] : examples;
      const counted = count > 0 ? all[count] : whole;
      logs[key] = metric.value?.(all.slice(start, end), counted) ?? all[start] / counted;
    }
    return logs;
  }
}

/** Whether a target's examples count by their weights anywhere but in the loss. */
const weighs = ({ metrics }: Target): boolean => metrics.some(({ weighted }) => weighted);

/**
 * What lies behind the losses of a batch, in the order of `Measures`, without penalties. `ys`: labels of each target; `weights`: of the
 * target's examples [batch], or null for ones.
 */
export function metricSums(
  targets: readonly Target[],
  ys: readonly Node[],
  { outputs, masks }: Pick<Forward, 'outputs' | 'masks'>,
  weights: ByTarget<Node>,
): Node[] {
  const [batch] = outputs[0].shape;
  const sums = targets.flatMap(({ metrics, output }, at) =>
    metrics.flatMap(({ metric, weighted }) => {
      const shares = weighted ? (weights?.[at] ?? null) : null;
      const mask = masks[output];
      const numbers = perExampleMasked(metric, ys[at], outputs[output], mask);
      const total = weighedSum(numbers, shares);
      return mask === null ? [total] : [total, weighedSum(sum(reshape(mask, [batch, -1]), 1), shares)];
    }),
  );
  const total = (at: number): Node => {
    const own = weights?.[at] ?? null;
    return own === null ? fullNode(batch) : sum(own);
  };
  return [...sums, ...targets.flatMap((target, at) => (weighs(target) ? [total(at)] : []))];
}

/** The sum over examples of numbers [batch] or [batch, size], each times its weight. */
function weighedSum(numbers: Node, weights: Node | null): Node {
  const alone = numbers.shape.length === 1;
  const counted = weights === null ? numbers : mul(numbers, alone ? weights : reshape(weights, [-1, 1]));
  return alone ? sum(counted) : sum(counted, 0);
}
