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
}

/** What of a model decides where its sums lie. */
interface Measured extends Pick<Goal, 'targets'> {
  readonly network: { readonly outputShapes: readonly Shape[]; readonly regularized: boolean };
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
 * The sums of a model: the loss's; of several targets those of their losses; those of the metrics; of targets with weighted ones
 * the sum of their weights; where there are regularizers that of the penalties, which are part of the loss.
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

  constructor({ targets, network: { outputShapes, regularized } }: Measured) {
    this.#losses = ['loss', ...lossKeys(targets)];
    let end = this.#losses.length;
    this.#places = targets.flatMap((target) =>
      target.metrics.map(({ name, metric, weighted }) => {
        const start = end;
        end += sizeOfMetric(metric, outputShapes[target.output]) ?? 1;
        return { key: keyOf(targets, target, name), metric, weighted, start, end, target };
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
    for (const { key, metric, weighted, start, end, target } of this.#places) {
      const count = weighted ? all[this.#weights.get(target) ?? 0] : examples;
      logs[key] = metric.value?.(all.slice(start, end), count) ?? all[start] / count;
    }
    return logs;
  }
}

/** Whether a target's examples count by their weights anywhere but in the loss. */
const weighs = ({ metrics }: Target): boolean => metrics.some(({ weighted }) => weighted);

/**
 * The sums of a batch's metrics, and of the weights, in the order of `Measures`. `ys`: labels of each target; `weights`: of the
 * target's examples [batch], or null for ones.
 */
export function metricSums(
  targets: readonly Target[],
  ys: readonly Node[],
  { outputs, masks }: Pick<Forward, 'outputs' | 'masks'>,
  weights: ByTarget<Node>,
): Node[] {
  const [batch] = outputs[0].shape;
  const sums = targets.flatMap(({ metrics, output }, at) => {
    const own = weights?.[at] ?? null;
    const rows = own === null ? null : reshape(own, [batch, 1]);
    return metrics.map(({ metric, weighted }) => {
      const numbers = perExampleMasked(metric, ys[at], outputs[output], masks[output]);
      const alone = numbers.shape.length === 1;
      const shares = alone ? own : rows;
      const counted = weighted && shares !== null ? mul(numbers, shares) : numbers;
      return alone ? sum(counted) : sum(counted, 0);
    });
  });
  const total = (at: number): Node => {
    const own = weights?.[at] ?? null;
    return own === null ? fullNode(batch) : sum(own);
  };
  return [...sums, ...targets.flatMap((target, at) => (weighs(target) ? [total(at)] : []))];
}
