/**
 * A model as a safetensors file: weights by their names, the optimizer's moments as `optimizer/…`, and in the metadata the
 * architecture, the optimizer and how far training had come.
 */

import type { Weight } from '../callbacks/index.ts';
import { DataError } from '../errors.ts';
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from '../io/safetensors.ts';
import { type Layer, type LayerConfig, makeLayer } from '../layers/index.ts';
import type { Optimizer } from '../optimizers.ts';
import type { Shape } from '../shape.ts';
import type { Progress } from './compiled.ts';
import type { Moments } from './moments.ts';
import type { Network } from './network.ts';
import { readWeights, weightPlaces } from './weights.ts';

const MOMENT = 'optimizer/';

/** What of a model is saved. */
export interface ModelState {
  readonly network: Network;
  readonly seed: number;
  readonly progress: Progress;
  /** Null before the model is compiled. */
  readonly optimizer: Optimizer | null;
  /** Null before it is trained. */
  readonly moments: Moments | null;
}

export async function encodeModel(state: ModelState): Promise<Uint8Array<ArrayBuffer>> {
  const { network, seed, progress, optimizer, moments } = state;
  const values = moments === null ? [] : await moments.read();
  const names = moments?.names ?? [];
  const architecture: Architecture = {
    inputShape: network.inputShape,
    seed,
    layers: network.layers.map(({ layer, name }) => ({ className: layer.className, name, config: layer.config() })),
  };
  return encodeSafetensors(
    [
      ...(await readWeights(network)),
      ...values.map((data, at) => ({ name: `${MOMENT}${names[at]}`, shape: [data.length], data })),
    ],
    {
      format: 'wgrad',
      architecture: JSON.stringify(architecture),
      optimizer: JSON.stringify(optimizer === null ? null : { name: optimizer.name, config: optimizer.config() }),
      steps: String(progress.step),
      optimizer_steps: String(moments?.steps ?? 0),
    },
  );
}

/** What a file remembers of an optimizer. */
export interface SavedMoments {
  /** The optimizer's name. */
  readonly optimizer: string | null;
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly steps: number;
}

export interface SavedModel {
  /** In the network's order. */
  readonly weights: readonly Weight[];
  readonly moments: SavedMoments;
  /** Training steps taken. */
  readonly steps: number;
}

/** Reads what a model of this network has saved. */
export function decodeModel(bytes: Uint8Array, network: Network): SavedModel {
  const { tensors, metadata } = decodeSafetensors(bytes);
  return {
    weights: weightPlaces(network).map(({ name }) => weightIn(tensors, name)),
    moments: {
      optimizer: optimizerNameOf(metadata.optimizer),
      values: momentsIn(tensors),
      steps: Number(metadata.optimizer_steps ?? 0),
    },
    steps: Number(metadata.steps ?? 0),
  };
}

function weightIn(tensors: ReadonlyMap<string, SafetensorsTensor>, name: string): Weight {
  const found = tensors.get(name);
  if (found?.data instanceof Float32Array) return { name, shape: found.shape, data: found.data };
  throw new DataError(
    `load: the file has no float32 weight '${name}'. It was saved from another model; build that one.`,
  );
}

function momentsIn(tensors: ReadonlyMap<string, SafetensorsTensor>): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const [name, { data }] of tensors) {
    if (name.startsWith(MOMENT) && data instanceof Float32Array) values.set(name.slice(MOMENT.length), data);
  }
  return values;
}

function optimizerNameOf(json: string | undefined): string | null {
  const saved: unknown = JSON.parse(json ?? 'null');
  return typeof saved === 'object' && saved !== null && 'name' in saved ? String(saved.name) : null;
}

interface Architecture {
  readonly inputShape: Shape;
  readonly seed: number;
  readonly layers: readonly { readonly className: string; readonly name: string; readonly config: LayerConfig }[];
}

function isArchitecture(value: unknown): value is Architecture {
  return (
    typeof value === 'object' &&
    value !== null &&
    'inputShape' in value &&
    Array.isArray(value.inputShape) &&
    'layers' in value &&
    Array.isArray(value.layers)
  );
}

/** The layers that a file describes, to make an equal model of. */
export function decodeArchitecture(bytes: Uint8Array): { layers: Layer[]; inputShape: Shape; seed: number } {
  const { metadata } = decodeSafetensors(bytes);
  if (metadata.format !== 'wgrad' || metadata.architecture === undefined) {
    throw new DataError(
      'load: the file holds no wgrad model (its metadata names no architecture). Load weights into a model with model.load().',
    );
  }
  const saved: unknown = JSON.parse(metadata.architecture);
  if (!isArchitecture(saved)) {
    throw new DataError('load: the architecture in the file is damaged. Save the model again.');
  }
  const { inputShape, seed } = saved;
  return {
    layers: saved.layers.map(({ className, name, config }) => makeLayer(className, config, { name })),
    inputShape,
    seed,
  };
}
