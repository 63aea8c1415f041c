/** A model that is ready to run: where its weights lie, what it is trained for, and how far it has come. */

import type { Loss } from '../nn/losses.ts';
import type { ModelMetric } from '../nn/metrics.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { Device } from '../runtime/device.ts';
import type { Network } from './network.ts';
import type { Moments } from './optimizerState.ts';

/** What one output is trained for. */
export interface Target {
  /** The output's; begins the names of its loss and its metrics in the logs where a model has several. */
  readonly name: string;
  /** Which output it is. */
  readonly output: number;
  readonly loss: Loss;
  /** Share of its loss in that of the model. */
  readonly weight: number;
  readonly metrics: readonly ModelMetric[];
}

/** Of a model with one output. */
export const targetOf = (loss: Loss, metrics: readonly ModelMetric[] = []): Target[] => [
  { name: 'output', output: 0, loss, weight: 1, metrics },
];

/** One of each target, null for those that have none; null where none has one. */
export type ByTarget<T> = readonly (T | null)[] | null;

/** What a model is trained for. */
export interface Goal {
  readonly optimizer: Optimizer;
  /** Of the outputs that have a loss, in their order; at least one. */
  readonly targets: readonly Target[];
}

/** How far training has come; every trainer of the model moves it on. */
export interface Progress {
  /** Training steps taken since the model was built: with the seed they decide every random draw. */
  step: number;
}

export interface Compiled extends Goal {
  readonly device: Device;
  readonly network: Network;
  readonly moments: Moments;
  readonly progress: Progress;
  readonly seed: number;
}

/** What messages call one of several inputs or labels: `inputs 'image'`; a single one needs no name. */
export const oneOf = (what: string, names: readonly string[], at: number): string =>
  names.length === 1 ? what : `${what} '${names[at]}'`;

/** Classes of a classifier, else null: what chance and the loss of guessing are. */
export function classesOf({ targets, network }: Pick<Goal, 'targets'> & { readonly network: Network }): number | null {
  const [{ loss, output }] = targets;
  const { labelKind = 'numbers' } = loss;
  if (targets.length > 1 || labelKind === 'numbers') return null;
  return labelKind === 'binary' ? 2 : (network.outputShapes[output].at(-1) ?? null);
}
