/**
 * A model as a safetensors file: weights by their names, the optimizer's moments as `optimizer/…`, and in the metadata the
 * architecture, the optimizer, loss and metrics, and how far training had come. Where the training stands that was under way goes into the
 * metadata as well, its arrays as `training/…`.
 */

import { ArgumentError, DataError } from '../../base/errors.ts';
import { formatShape, type Shape, sameShape } from '../../base/shape.ts';
import type { Weight } from '../../callbacks/index.ts';
import { quote } from '../../io/quote.ts';
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from '../../io/safetensors.ts';
import { decodeState, encodeState, SavedState, type State } from '../../io/state.ts';
import type { Goal, Target } from '../../network/compiled.ts';
import type { Composition } from '../../network/composition.ts';
import { type Network, placeLayers } from '../../network/network.ts';
import type { SavedMoments } from '../../network/optimizerState.ts';
import type { CustomObjects } from '../../nn/layers/makeLayer.ts';
import { checkMeasure, type Loss, savedLoss } from '../../nn/losses.ts';
import {
  type Metric,
  type MetricConfig,
  type MetricName,
  type ModelMetric,
  metricNames,
  resolveMetric,
  resolveMetrics,
} from '../../nn/metrics.ts';
import { makeOptimizer } from '../../nn/optimizers/makeOptimizer.ts';
import type { Optimizer } from '../../nn/optimizers/optimizer.ts';
import { savedRareLoss } from '../../nn/rareLosses.ts';
import { savedRareMetric } from '../../nn/rareMetrics.ts';
import { makeSchedule } from '../../nn/schedules/makeSchedule.ts';
import type { LearningRateSchedule } from '../../nn/schedules/schedule.ts';
import { architectureOf, compositionFrom, readArchitecture } from './architecture.ts';

/** Names of moments begin with this. */
export const MOMENT = 'optimizer/';
const TRAINING = 'training';

/** What of a model is saved. */
export interface ModelState {
  readonly network: Network;
  readonly seed: number;
  /** Training steps taken. */
  readonly step: number;
  /** In the network's order. */
  readonly weights: readonly Weight[];
  /** Null before the model is compiled. */
  readonly optimizer: OptimizerState | null;
  /** What it is trained for; null before the model is compiled. */
  readonly goal: Pick<Goal, 'targets'> | null;
  /** Where the training stands; null before there is one. */
  readonly training: State | null;
}

export function encodeModel(state: ModelState): Uint8Array<ArrayBuffer> {
  const { network, seed, step, weights, optimizer } = state;
  const { steps, leftOut } = optimizer ?? { steps: 0, leftOut: 0 };
  const training = encodeState(state.training, TRAINING);
  const moments = [...(optimizer?.moments ?? [])];
  return encodeSafetensors(
    [
      ...weights,
      ...moments.map(([name, data]) => ({ name: `${MOMENT}${name}`, shape: [data.length], data })),
      ...training.tensors,
    ],
    {
      format: 'wgrad',
      architecture: JSON.stringify(architectureOf(network, seed)),
      optimizer: encodeState(
        optimizer && {
          name: optimizer.name,
          config: optimizer.config,
          schedule: scheduleState(optimizer.schedule),
          frozen: optimizer.frozen,
        },
        'optimizer',
      ).json,
      goal: encodeState(state.goal && goalState(state.goal, network), 'goal').json,
      steps: String(step),
      optimizer_steps: String(steps - leftOut),
      optimizer_steps_left_out: String(leftOut),
      training: training.json,
    },
  );
}

/** Null for a learning rate that follows none. */
const scheduleState = (schedule: LearningRateSchedule | null): State =>
  schedule && { name: schedule.name, config: schedule.config() };

/** What a user wrote has no name by which it could be found again: `own`. */
function targetState({ loss, metrics }: Target): Readonly<Record<string, State>> {
  const known = ({ name, config }: Metric): MetricName | undefined =>
    metricNames.find((one) => config !== undefined && resolveMetric(one, loss).name === name);
  const saved = (metric: Metric): State => {
    const { name, kind, config } = metric;
    if (kind !== undefined && config !== undefined) return { name, own: false, kind, config };
    return { name: known(metric) ?? name, own: known(metric) === undefined };
  };
  const list = (weighted: boolean): State[] =>
    metrics.flatMap((one: ModelMetric) => (one.weighted === weighted ? [saved(one.metric)] : []));
  return {
    loss: { name: loss.name, config: loss.config ?? null },
    metrics: list(false),
    weightedMetrics: list(true),
  };
}

/** Of a model with one output it is that output's. */
function goalState({ targets }: Pick<Goal, 'targets'>, { outputShapes }: Network): State {
  const [first] = targets;
  if (outputShapes.length === 1 && first.weight === 1) return targetState(first);
  return {
    targets: targets.map((target) => ({ ...targetState(target), output: target.output, weight: target.weight })),
  };
}

/** What the model was compiled with, or in words what of it a file cannot keep. */
function goalIn(
  text: string,
  optimizer: SavedOptimizer | null,
  network: Network,
  known: CustomObjects,
): Goal | string | null {
  const state = decodeState(text, new Map());
  if (state === null || optimizer === null) return null;
  const saved = new SavedState('what the model is trained for', state);
  const { outputNames } = network.composition;
  const targets: Target[] = [];
  const own: string[] = [];
  const single = !saved.keys.includes('targets');
  for (const one of single ? [saved] : saved.records('targets')) {
    const output = single ? 0 : one.whole('output');
    if (output >= outputNames.length) {
      throw new DataError(
        `load: the file's model is trained for output ${output}, the model has ${outputNames.length}. It is damaged; save the model again.`,
      );
    }
    const measures = measuresIn(one, known);
    if ('own' in measures) own.push(...measures.own);
    else targets.push({ ...measures, name: outputNames[output], output, weight: single ? 1 : one.number('weight') });
  }
  const made = madeOptimizer(optimizer);
  if (made === null) own.push(`the optimizer ${quote(optimizer.name)}`);
  if (optimizer.ownSchedule !== null) own.push(`the schedule ${quote(optimizer.ownSchedule)} of your own`);
  return made === null || own.length > 0 || targets.length === 0 ? own.join(' and ') : { optimizer: made, targets };
}

/** Loss and metrics of a target, or in words which are the user's own. */
function measuresIn(
  saved: SavedState,
  known: CustomObjects,
): Pick<Target, 'loss' | 'metrics'> | { readonly own: readonly string[] } {
  const custom = (name: string): Metric | null => {
    const object = Object.hasOwn(known, name) ? known[name] : null;
    return object === null || typeof object === 'function' ? null : checkMeasure('customObjects', object, [name]);
  };
  const lossName = saved.record('loss').text('name');
  const loss = lossIn(saved.record('loss')) ?? custom(lossName);
  const own = loss === null ? [`the loss ${quote(lossName)} of your own`] : [];
  const metricIn = (metric: SavedState): (Metric | MetricName)[] => {
    if (!metric.flag('own')) return [savedMetric(metric)];
    const found = custom(metric.text('name'));
    if (found !== null) return [found];
    own.push(`the metric ${quote(metric.text('name'))} of your own`);
    return [];
  };
  const metrics = saved.records('metrics').flatMap(metricIn);
  // Older files have none.
  const weighted = saved.keys.includes('weightedMetrics') ? saved.records('weightedMetrics') : [];
  const weightedMetrics = weighted.flatMap(metricIn);
  if (loss === null || own.length > 0) return { own };
  return { loss, metrics: resolveMetrics(metrics, weightedMetrics, loss) };
}

/** A metric of the library: one that has a name, or one that a function makes. */
function savedMetric(saved: SavedState): Metric | MetricName {
  if (!saved.keys.includes('kind')) return saved.choice('name', metricNames);
  const settings = saved.record('config');
  const config: MetricConfig = Object.fromEntries(
    settings.keys.map((key) => [key, settings.isText(key) ? settings.text(key) : settingIn(settings, key)]),
  );
  return undamaged('metric', () => savedRareMetric(saved.text('kind'), config));
}

/** The optimizer that a file describes; null where it is none of the library's. */
function madeOptimizer(saved: SavedOptimizer): Optimizer | null {
  try {
    return saved.make();
  } catch (error) {
    if (error instanceof ArgumentError) return null;
    throw error;
  }
}

const settingIn = (saved: SavedState, key: string): number | boolean =>
  saved.isFlag(key) ? saved.flag(key) : saved.number(key);

/** Settings of a loss or an optimizer: numbers and flags. */
const settingsIn = (saved: SavedState): Readonly<Record<string, number | boolean>> =>
  Object.fromEntries(saved.keys.map((key) => [key, settingIn(saved, key)]));

/** Null for one of the user's own. */
function lossIn(saved: SavedState): Loss | null {
  const config = saved.recordOrNull('config');
  if (config === null) return null;
  const [name, settings] = [saved.text('name'), settingsIn(config)];
  return undamaged('loss', () => savedLoss(name, settings) ?? savedRareLoss(name, settings));
}

/** What a file describes; `what` must not have settings outside their range. */
function undamaged<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof ArgumentError)) throw cause;
    throw new DataError(`load: the file's ${what} is damaged: ${cause.message} Save the model again.`, { cause });
  }
}

/** An optimizer as it stands. */
export interface OptimizerState extends SavedMoments {
  readonly name: string;
  /** Its settings, the learning rate of that moment among them. */
  readonly config: Readonly<Record<string, number | boolean>>;
  /** What its learning rate follows, if anything. */
  readonly schedule: LearningRateSchedule | null;
  /** Layers whose weights it did not move: it has no moments of theirs. */
  readonly frozen: readonly string[];
}

/** What a file remembers of an optimizer. */
export interface SavedOptimizer extends OptimizerState {
  readonly learningRate: number;
  /** Name of the schedule that it had where that was of the user's own; else null. */
  readonly ownSchedule: string | null;
  /**
   * An optimizer of the same settings.
   * @throws ArgumentError where it is none of the library's
   */
  make(): Optimizer;
}

export interface SavedModel {
  /** In the network's order. */
  readonly weights: readonly Weight[];
  /** Null where the model had not been compiled. */
  readonly optimizer: SavedOptimizer | null;
  /**
   * What the model was compiled with, or in words what of it a file cannot keep; null where it had not been, and in older files.
   */
  readonly goal: Goal | string | null;
  /** Training steps taken. */
  readonly steps: number;
  /** Where the training stood; null where there had been none. */
  readonly training: State | null;
}

/** A safetensors file, decoded. */
export type ModelFile = ReturnType<typeof decodeSafetensors>;

/** Reads what a model of this network has saved. */
export function decodeModel(
  { tensors, metadata }: ModelFile,
  network: Network,
  customObjects: CustomObjects = {},
): SavedModel {
  const optimizer = optimizerIn(metadata, tensors);
  return {
    weights: network.places.map(({ name, shape }) => weightIn(tensors, name, shape)),
    optimizer,
    goal: goalIn(metadata.goal ?? 'null', optimizer, network, customObjects),
    steps: stepsIn(metadata.steps),
    training: decodeState(metadata.training ?? 'null', tensors),
  };
}

function weightIn(tensors: ReadonlyMap<string, SafetensorsTensor>, name: string, shape: Shape): Weight {
  const found = tensors.get(name);
  if (!(found?.data instanceof Float32Array)) {
    throw new DataError(
      `load: the file has no float32 weight '${name}'. It was saved from another model; build that one.`,
    );
  }
  if (sameShape(found.shape, shape)) return { name, shape, data: found.data };
  throw new DataError(
    `load: the file's weight '${name}' has shape ${formatShape(found.shape)}, the model's ${formatShape(shape)}. It was saved from ` +
      'another model; build that one.',
  );
}

function stepsIn(text = '0'): number {
  const steps = Number(text);
  if (Number.isSafeInteger(steps) && steps >= 0) return steps;
  throw new DataError(
    `load: the file has ${quote(text)} where a number of steps belongs. It is damaged; save the model again.`,
  );
}

function momentsIn(tensors: ReadonlyMap<string, SafetensorsTensor>): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const [name, { data }] of tensors) {
    if (name.startsWith(MOMENT) && data instanceof Float32Array) values.set(name.slice(MOMENT.length), data);
  }
  return values;
}

function optimizerIn(
  metadata: Readonly<Record<string, string>>,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
): SavedOptimizer | null {
  const state = decodeState(metadata.optimizer ?? 'null', tensors);
  if (state === null) return null;
  const saved = new SavedState('the optimizer', state);
  const settings = saved.record('config');
  const leftOut = stepsIn(metadata.optimizer_steps_left_out);
  const [name, config] = [saved.text('name'), settingsIn(settings)];
  // Older files have none.
  const given = saved.keys.includes('schedule') ? saved.recordOrNull('schedule') : null;
  const schedule = given && scheduleIn(given);
  return {
    name,
    config,
    schedule,
    ownSchedule: schedule === null ? (given?.text('name') ?? null) : null,
    make: () => makeOptimizer(name, config, schedule),
    // Older files have none.
    frozen: saved.keys.includes('frozen') ? saved.texts('frozen') : [],
    learningRate: learningRateIn(settings),
    moments: momentsIn(tensors),
    steps: stepsIn(metadata.optimizer_steps) + leftOut,
    leftOut,
  };
}

/** Null for one of the user's own. */
const scheduleIn = (saved: SavedState): LearningRateSchedule | null =>
  undamaged('schedule', () => makeSchedule(saved.text('name'), saved.record('config')));

function learningRateIn(settings: SavedState): number {
  const rate = settings.number('learningRate');
  if (Number.isFinite(Math.fround(rate)) && rate >= 0) return rate;
  throw new DataError(`load: the file has the learning rate ${rate}. It is damaged; save the model again.`);
}

/** What a file describes, to make an equal model of. */
export function decodeArchitecture(
  bytes: Uint8Array,
  customObjects: CustomObjects,
  kind: 'Sequential' | 'Model',
): { composition: Composition; seed: number } {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const architecture = readArchitecture({ metadata });
  const found = architecture.graph === undefined ? 'Sequential' : 'Model';
  if (found !== kind) {
    throw new DataError(`load: the file holds a ${found}, not a ${kind}. Load it with ${found}.load.`);
  }
  const composition = compositionFrom(architecture, customObjects);
  // Before weights are drawn: a file of a few bytes may describe a model of any size.
  for (const { name, specs } of placeLayers(composition).layers) {
    for (const spec of specs) weightIn(tensors, `${name}/${spec.name}`, spec.shape);
  }
  return { composition, seed: architecture.seed };
}
