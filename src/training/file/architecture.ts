/** What a model is made of, as its file has it: layers in a row or a graph of them, and the models among them. */

import { describe } from '../../base/describe.ts';
import { ArgumentError, DataError } from '../../base/errors.ts';
import { isRecord } from '../../base/isRecord.ts';
import { printable } from '../../base/printable.ts';
import type { Shape } from '../../base/shape.ts';
import { problemOfJson } from '../../io/json.ts';
import { type Composition, inARow } from '../../network/composition.ts';
import { checkLayers } from '../../network/customParts.ts';
import { type Form, HeldModel, type ModelSource } from '../../network/heldModel.ts';
import { LayerGraph } from '../../network/layerGraph.ts';
import { layerNames } from '../../network/layerNames.ts';
import { input } from '../../nn/layers/input.ts';
import {
  type AnyLayer,
  applied,
  checkInputShape,
  type LayerConfig,
  listOf,
  SymbolicTensor,
} from '../../nn/layers/layer.ts';
import { type CustomObjects, makeLayer } from '../../nn/layers/makeLayer.ts';

/** A layer. */
export interface SavedLayerEntry {
  readonly className: string;
  readonly name: string;
  readonly config: LayerConfig;
  /** Only of frozen layers. */
  readonly trainable?: boolean;
  /** Only of models. */
  readonly model?: SavedComposition;
  /**
   * Only of layers that stand in another model of the file as well, and first there: the how manieth entry that is, those of models
   * before the models' own. All else is then that entry's.
   */
  readonly shared?: number;
  /** Only of such, where nobody gave it a name: in each model it has one of its own. */
  readonly unnamed?: boolean;
}

/** Which output of which call; [-1, n]: the n-th input. */
type Place = readonly [number, number];

/** What is applied to what. */
export interface SavedGraph {
  readonly inputs: readonly { readonly name: string; readonly shape: Shape }[];
  /** `list`: where the layer is given several values. */
  readonly calls: readonly { readonly layer: number; readonly inputs: readonly Place[]; readonly list?: boolean }[];
  readonly outputs: readonly { readonly name: string; readonly place: Place }[];
  /** How inputs and outputs are given. */
  readonly forms: readonly [Form, Form];
}

/** One of the two is there. */
export interface SavedComposition {
  readonly layers: readonly SavedLayerEntry[];
  /** Of layers in a row. */
  readonly inputShape?: Shape;
  readonly graph?: SavedGraph;
}

export interface Architecture extends SavedComposition {
  readonly seed: number;
}

/** What a file keeps of a composition. `known`: the entries so far. */
function savedComposition(composition: Composition, known: Map<AnyLayer, number>): SavedComposition {
  const names = layerNames(composition.layers);
  const layers = composition.layers.map((layer, at): SavedLayerEntry => {
    const entry = { className: layer.className, name: names[at], config: layer.config() };
    const shared = known.get(layer);
    if (shared !== undefined) return { ...entry, shared, ...(layer.givenName === null ? { unnamed: true } : {}) };
    const model = layer instanceof HeldModel ? { model: savedComposition(layer.composition, known) } : {};
    known.set(layer, known.size);
    return { ...entry, ...(layer.trainable ? {} : { trainable: false }), ...model };
  });
  if (!(composition instanceof LayerGraph)) return { inputShape: composition.inputShapes[0], layers };
  const { inputs, outputs, calls, inputNames, outputNames, forms } = composition;
  const at = new Map(calls.map((call, number) => [call, number]));
  const placeOf = (value: SymbolicTensor): Place =>
    value.call === null ? [-1, inputs.indexOf(value)] : [at.get(value.call) ?? 0, value.index];
  return {
    layers,
    graph: {
      inputs: inputs.map(({ shape }, input) => ({ name: inputNames[input], shape })),
      calls: calls.map(({ layer, inputs: read }) => ({
        layer: composition.layers.indexOf(layer),
        inputs: listOf(read).map(placeOf),
        ...(Array.isArray(read) ? { list: true } : {}),
      })),
      outputs: outputs.map((value, output) => ({ name: outputNames[output], place: placeOf(value) })),
      forms,
    },
  };
}

export const architectureOf = ({ composition }: { readonly composition: Composition }, seed: number): Architecture => {
  const { inputShape, layers, graph } = savedComposition(composition, new Map());
  return graph === undefined ? { inputShape, seed, layers } : { seed, layers, graph };
};

/** Layers' names are printed. */
const isPlain = (name: unknown): boolean => typeof name === 'string' && name !== '' && printable(name) === name;

const isWhole = (size: unknown): boolean => Number.isSafeInteger(size);

const isShape = (shape: unknown): boolean => Array.isArray(shape) && shape.every(isWhole);

const isPlace = (place: unknown): boolean => Array.isArray(place) && place.length === 2 && place.every(isWhole);

const isListOf = (values: unknown, test: (value: unknown) => boolean): boolean =>
  Array.isArray(values) && values.every(test);

const isLayer = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value.className === 'string' &&
  isPlain(value.name) &&
  isRecord(value.config) &&
  (value.trainable === undefined || typeof value.trainable === 'boolean') &&
  (value.shared === undefined || isWhole(value.shared)) &&
  (value.unnamed === undefined || typeof value.unnamed === 'boolean') &&
  (value.model === undefined || isComposition(value.model));

const isForm = (form: unknown): boolean => form === 'one' || form === 'list' || form === 'record';

const isGraph = (value: unknown): boolean =>
  isRecord(value) &&
  isListOf(value.inputs, (one) => isRecord(one) && isPlain(one.name) && isShape(one.shape)) &&
  isListOf(
    value.calls,
    (one) =>
      isRecord(one) &&
      isWhole(one.layer) &&
      isListOf(one.inputs, isPlace) &&
      (one.list === undefined || typeof one.list === 'boolean'),
  ) &&
  isListOf(value.outputs, (one) => isRecord(one) && isPlain(one.name) && isPlace(one.place)) &&
  isListOf(value.forms, isForm);

const isComposition = (value: unknown): boolean =>
  isRecord(value) &&
  isListOf(value.layers, isLayer) &&
  (value.graph === undefined ? isShape(value.inputShape) : isGraph(value.graph));

const isArchitecture = (value: unknown): value is Architecture =>
  isRecord(value) && isWhole(value.seed) && isComposition(value);

const DAMAGED = 'load: the architecture in the file is damaged. Save the model again.';

/** @throws DataError where the file has none or a damaged one */
export function readArchitecture({ metadata }: { readonly metadata: Readonly<Record<string, string>> }): Architecture {
  if (metadata.format !== 'wgrad' || metadata.architecture === undefined) {
    throw new DataError(
      'load: the file holds no wgrad model (its metadata names no architecture). Load weights into a model with model.load().',
    );
  }
  const problem = problemOfJson(metadata.architecture, { depth: 64, values: 2 ** 20 });
  if (problem !== null) throw new DataError(`load: the architecture in the file ${problem}. Save the model again.`);
  let saved: unknown;
  try {
    saved = JSON.parse(metadata.architecture);
  } catch {
    saved = null;
  }
  if (isArchitecture(saved)) return saved;
  throw new DataError(DAMAGED);
}

/** Layers are applied at most so often: a few bytes may describe models within models, each applied many times. */
const MOST_APPLICATIONS = 2 ** 16;

interface Made {
  readonly composition: Composition;
  /** Of all its layers, those within models included. */
  readonly applications: number;
}

/**
 * The composition that a file describes.
 * @throws DataError where it cannot be one
 * @throws ArgumentError for custom objects that are none
 */
export function compositionFrom(saved: SavedComposition, customObjects: CustomObjects): Composition {
  const given: unknown = customObjects;
  if (typeof given !== 'object' || given === null) {
    throw new ArgumentError(
      `load: customObjects must be an object, got ${describe(given)}. Write { Name: (config, options) => new Name(options) }.`,
    );
  }
  const unnamed = new Set(
    entriesWithin(saved).flatMap((entry) => (entry.unnamed && entry.shared !== undefined ? [entry.shared] : [])),
  );
  return madeFrom(saved, { customObjects, unnamed, known: [] }).composition;
}

const entriesWithin = ({ layers }: SavedComposition): SavedLayerEntry[] =>
  layers.flatMap((entry) => [...(entry.model === undefined ? [] : entriesWithin(entry.model)), entry]);

/** A layer of an entry, and how many are applied with it. */
interface MadeLayer {
  readonly layer: AnyLayer;
  readonly cost: number;
}

/** What the compositions of a file have in common. */
interface Making {
  readonly customObjects: CustomObjects;
  /** Entries whose layers have no names of their own. */
  readonly unnamed: ReadonlySet<number>;
  /** Of the entries so far. */
  readonly known: MadeLayer[];
}

const sourceOf = (className: string, composition: Composition): ModelSource => ({
  className,
  gives: formOfOutputs(composition),
  layers: () => composition.layers,
  compose: () => composition,
  network: () => null,
});

function madeFrom({ layers: entries, inputShape, graph }: SavedComposition, making: Making): Made {
  const { customObjects, unnamed, known } = making;
  for (const shape of graph?.inputs.map((one) => one.shape) ?? [inputShape ?? []]) checkInputShape(shape, 'load');
  const all = entries.map(({ className, name: saved, config, trainable, model, shared }): MadeLayer => {
    if (shared !== undefined) {
      const first = known[shared];
      if (first === undefined) throw new DataError(DAMAGED);
      return first;
    }
    const held = model && madeFrom(model, making);
    const name = unnamed.has(known.length) ? {} : { name: saved };
    const layer =
      held === undefined
        ? makeLayer(className, config, { trainable, ...name }, customObjects)
        : new HeldModel(sourceOf(className, held.composition), name);
    const made = { layer, cost: 1 + (held?.applications ?? 0) };
    known.push(made);
    return made;
  });
  const layers = all.map(({ layer }) => layer);
  const costs = all.map(({ cost }) => cost);
  const applied = graph?.calls.map(({ layer }) => costs[layer] ?? 0) ?? costs;
  const applications = applied.reduce((sum, cost) => sum + cost, 0);
  if (applications > MOST_APPLICATIONS) {
    throw new DataError(
      `load: the file's model applies more than ${MOST_APPLICATIONS} layers. It is damaged; save the model again.`,
    );
  }
  if (graph !== undefined) return { composition: graphFrom(graph, layers), applications };
  checkLayers(layers);
  return { composition: inARow(layers, inputShape ?? []), applications };
}

const formOfOutputs = (composition: Composition): Form =>
  composition instanceof LayerGraph ? composition.forms[1] : 'one';

function graphFrom({ inputs, calls, outputs, forms }: SavedGraph, layers: readonly AnyLayer[]): LayerGraph {
  const given = inputs.map(({ name, shape }) => input(shape, { name }));
  const made: (readonly SymbolicTensor[])[] = [];
  const valueAt = ([call, index]: Place): SymbolicTensor => {
    const value = call === -1 ? given[index] : made[call]?.[index];
    if (value instanceof SymbolicTensor) return value;
    throw new DataError(DAMAGED);
  };
  for (const { layer: number, inputs: read, list = false } of calls) {
    const layer = layers[number];
    if (layer === undefined || read.length === 0) throw new DataError(DAMAGED);
    made.push(listOf(applied(layer, list ? read.map(valueAt) : valueAt(read[0]))));
  }
  return new LayerGraph(
    { values: given, names: inputs.map(({ name }) => name), form: forms[0] },
    { values: outputs.map(({ place }) => valueAt(place)), names: outputs.map(({ name }) => name), form: forms[1] },
  );
}
