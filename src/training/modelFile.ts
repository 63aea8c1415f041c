/**
 * A model as a safetensors file: weights by their names, the optimizer's moments as `optimizer/…`, and in the metadata the
 * architecture, the optimizer and how far training had come. Where the training stands that was under way goes into the
 * metadata as well, its arrays as `training/…`.
 */

import type { Weight } from '../callbacks/index.ts';
import { DataError } from '../errors.ts';
import { problemOfJson } from '../io/json.ts';
import { quote } from '../io/quote.ts';
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from '../io/safetensors.ts';
import { decodeState, encodeState, SavedState, type State } from '../io/state.ts';
import { checkInputShape, type Layer, type LayerConfig } from '../layers/layer.ts';
import { makeLayer } from '../layers/makeLayer.ts';
import { printable } from '../printable.ts';
import { formatShape, type Shape, sameShape } from '../shape.ts';
import type { SavedMoments } from './moments.ts';
import { type Network, placeLayers } from './network.ts';
import { weightPlaces } from './weights.ts';

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
      optimizer: encodeState(optimizer && { name: optimizer.name, config: optimizer.config }, 'optimizer').json,
      steps: String(step),
      optimizer_steps: String(steps - leftOut),
      optimizer_steps_left_out: String(leftOut),
      training: training.json,
    },
  );
}

/** An optimizer as it stands. */
export interface OptimizerState extends SavedMoments {
  readonly name: string;
  /** Its settings, the learning rate of that moment among them. */
  readonly config: Readonly<Record<string, number | boolean>>;
}

/** What a file remembers of an optimizer. */
export interface SavedOptimizer extends OptimizerState {
  readonly learningRate: number;
}

export interface SavedModel {
  /** In the network's order. */
  readonly weights: readonly Weight[];
  /** Null where the model had not been compiled. */
  readonly optimizer: SavedOptimizer | null;
  /** Training steps taken. */
  readonly steps: number;
  /** Where the training stood; null where there had been none. */
  readonly training: State | null;
}

/** A safetensors file, decoded. */
export type ModelFile = ReturnType<typeof decodeSafetensors>;

/** Reads what a model of this network has saved. */
export function decodeModel({ tensors, metadata }: ModelFile, network: Network): SavedModel {
  return {
    weights: weightPlaces(network).map(({ name, shape }) => weightIn(tensors, name, shape)),
    optimizer: optimizerIn(metadata, tensors),
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
  return {
    name: saved.text('name'),
    config: Object.fromEntries(
      settings.keys.map((key) => [key, settings.isFlag(key) ? settings.flag(key) : settings.number(key)]),
    ),
    learningRate: learningRateIn(settings),
    moments: momentsIn(tensors),
    steps: stepsIn(metadata.optimizer_steps) + leftOut,
    leftOut,
  };
}

function learningRateIn(settings: SavedState): number {
  const rate = settings.number('learningRate');
  if (Number.isFinite(Math.fround(rate)) && rate >= 0) return rate;
  throw new DataError(`load: the file has the learning rate ${rate}. It is damaged; save the model again.`);
}

export interface Architecture {
  readonly inputShape: Shape;
  readonly seed: number;
  readonly layers: readonly { readonly className: string; readonly name: string; readonly config: LayerConfig }[];
}

export const architectureOf = (network: Network, seed: number): Architecture => ({
  inputShape: network.inputShape,
  seed,
  layers: network.layers.map(({ layer, name }) => ({ className: layer.className, name, config: layer.config() })),
});

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isLayer = (value: unknown): boolean =>
  isRecord(value) && typeof value.className === 'string' && isPlain(value.name) && isRecord(value.config);

/** Layers' names are printed. */
const isPlain = (name: unknown): boolean => typeof name === 'string' && name !== '' && printable(name) === name;

function isArchitecture(value: unknown): value is Architecture {
  if (!isRecord(value)) return false;
  const { inputShape, seed, layers } = value;
  const isWhole = (size: unknown): boolean => Number.isSafeInteger(size);
  return (
    Array.isArray(inputShape) &&
    inputShape.every(isWhole) &&
    isWhole(seed) &&
    Array.isArray(layers) &&
    layers.every(isLayer)
  );
}

/** @throws DataError where the file has none or a damaged one */
export function readArchitecture({ metadata }: Pick<ModelFile, 'metadata'>): Architecture {
  if (metadata.format !== 'wgrad' || metadata.architecture === undefined) {
    throw new DataError(
      'load: the file holds no wgrad model (its metadata names no architecture). Load weights into a model with model.load().',
    );
  }
  const problem = problemOfJson(metadata.architecture, { depth: 16, values: 2 ** 20 });
  if (problem !== null) throw new DataError(`load: the architecture in the file ${problem}. Save the model again.`);
  let saved: unknown;
  try {
    saved = JSON.parse(metadata.architecture);
  } catch {
    saved = null;
  }
  if (isArchitecture(saved)) return saved;
  throw new DataError('load: the architecture in the file is damaged. Save the model again.');
}

/** The layers that a file describes, to make an equal model of. */
export function decodeArchitecture(bytes: Uint8Array): { layers: Layer[]; inputShape: Shape; seed: number } {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { layers: saved, inputShape, seed } = readArchitecture({ metadata });
  checkInputShape(inputShape, 'load');
  const layers = saved.map(({ className, name, config }) => makeLayer(className, config, { name }));
  // Before weights are drawn: a file of a few bytes may describe a model of any size.
  for (const { name, specs } of placeLayers(layers, inputShape)) {
    for (const spec of specs) weightIn(tensors, `${name}/${spec.name}`, spec.shape);
  }
  return { layers, inputShape, seed };
}
