/** Weights of another program, of Keras above all, put into a model by their names. */

import { DataError, ShapeError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import type { Weight } from '../callbacks/index.ts';
import type { Numbers } from '../io/numbers.ts';
import { quote } from '../io/quote.ts';
import { layerNames } from '../network/layerNames.ts';
import type { AnyLayer } from '../nn/layers/layer.ts';

/** What of a model is needed: every model has it. */
export interface WeightedModel {
  /** In order. */
  readonly layers: readonly AnyLayer[];
  /** Copies of all weights, layer by layer. */
  getWeights(): Promise<Weight[]>;
  /** Replaces all weights, in that order. */
  setWeights(weights: readonly Float32Array[]): Promise<void>;
}

/** A tensor of a file, row-major, as `decodeSafetensors`, `decodeNpz` and `getWeights` give it. */
export interface NamedTensor {
  /** Extents, the first one outermost. */
  readonly shape: readonly number[];
  /** As many values as the shape holds. */
  readonly data: Numbers;
}

/** Options of `loadWeightsByName`. */
export interface LoadByNameOptions {
  /** Leave a weight whose shape differs as it is, instead of throwing; default false. */
  readonly skipMismatch?: boolean;
}

/** What became of every weight and every tensor. */
export interface LoadedByName {
  /** Weights that were loaded, as the model calls them: `conv2d/kernel`. */
  readonly loaded: readonly string[];
  /** Weights without a tensor; they keep their values. */
  readonly missing: readonly string[];
  /** Weights whose tensor has another shape; empty without `skipMismatch`. */
  readonly mismatched: readonly string[];
  /** Tensors that belong to no weight, as the file calls them. */
  readonly unused: readonly string[];
}

/**
 * Loads weights by the names of their layers, like Keras' `load_weights(by_name=True)`; whatever the file does not hold
 * stays as it is. `tensors` are those of a file, or another model's: `await other.getWeights()`. The layouts are Keras':
 * convolution kernels [height, width, in, out], dense kernels [in, out].
 *
 * These names are understood, for a layer `conv2d`, behind any folders: `conv2d/kernel`, `conv2d/kernel:0`,
 * `conv2d/conv2d/kernel:0`, `sequential/conv2d/kernel`, `bn/moving_mean` and `bn/movingMean`, and Keras 3's numbered
 * `layers/conv2d/vars/0`, where the first layer of each class goes by the class alone, whatever its name; of a DepthwiseConv2D also
 * Keras 2's `depthwise_kernel`.
 * In Keras, either of these writes such a file:
 *
 * ```python
 * numpy.savez('weights.npz', **{w.path: w.numpy() for w in model.weights})
 * safetensors.numpy.save_file({w.path: w.numpy() for w in model.weights}, 'weights.safetensors')
 * ```
 *
 * ```ts
 * const { tensors } = decodeSafetensors(await readFile('weights.safetensors'));
 * const { missing, unused } = await loadWeightsByName(model, tensors);
 * ```
 *
 * All shapes are checked before the first weight changes.
 * @throws ShapeError for a tensor of another shape.
 * @throws DataError where no tensor has the name of a weight, or several fit one weight equally well.
 */
export async function loadWeightsByName(
  model: WeightedModel,
  tensors:
    | ReadonlyMap<string, NamedTensor>
    | Readonly<Record<string, NamedTensor>>
    | readonly (NamedTensor & { readonly name: string })[],
  options: LoadByNameOptions = {},
): Promise<LoadedByName> {
  checkOptions('loadWeightsByName', options, { skipMismatch: true });
  const entries: (readonly [string, NamedTensor])[] = Array.isArray(tensors)
    ? tensors.map((tensor) => [tensor.name, tensor])
    : tensors instanceof Map
      ? [...tensors]
      : Object.entries(tensors);
  const find = finderOf(new Map(entries));
  const weights = await model.getWeights();
  const aliases = otherNames(model.layers, weights);
  const used = new Set<string>();
  const [loaded, missing, mismatched]: string[][] = [[], [], []];
  const values = weights.map(({ name, shape, data }) => {
    const found = find(name, aliases.get(name) ?? []);
    if (found === null) {
      missing.push(name);
      return data;
    }
    used.add(found.name);
    if (sameShape(found.tensor.shape, shape)) {
      loaded.push(name);
      return Float32Array.from(found.tensor.data);
    }
    if (options.skipMismatch !== true) throw mismatch(name, shape, found);
    mismatched.push(name);
    return data;
  });
  if (loaded.length + mismatched.length === 0 && weights.length > 0) {
    const listed = (names: readonly string[]): string =>
      names.length === 0 ? 'nothing' : names.slice(0, 4).map(quote).join(', ') + (names.length > 4 ? ', …' : '');
    throw new DataError(
      `loadWeightsByName: no tensor has the name of a weight: the model has ${listed(weights.map(({ name }) => name))}, ` +
        `the file ${listed(entries.map(([name]) => name))}. ${remedyFor(entries.map(([name]) => name))}`,
    );
  }
  if (loaded.length > 0) await model.setWeights(values);
  return { loaded, missing, mismatched, unused: entries.map(([name]) => name).filter((name) => !used.has(name)) };
}

/** Names that PyTorch gives: `0.weight`, `features.3.running_mean`. */
const PYTORCH = /(^|\.)(weight|bias|running_mean|running_var)$/;

/** What helps where a file has no name in common with the model. */
function remedyFor(names: readonly string[]): string {
  if (names.length === 0) return 'Write the file again, with the weights in it.';
  if (!names.some((name) => PYTORCH.test(name))) return 'Give the layers the names that they have in the file.';
  return (
    'These are names of PyTorch, whose kernels lie [out, in] and [out, in, height, width]: ' +
    'transpose them and give them to setWeights, as "Weights of PyTorch" in docs/saving.md shows.'
  );
}

interface Found {
  /** As the file calls it. */
  readonly name: string;
  readonly tensor: NamedTensor;
}

/** Finds a weight's tensor under the weight's own name, else under one of the aliases. */
function finderOf(
  tensors: ReadonlyMap<string, NamedTensor>,
): (weight: string, aliases: readonly string[]) => Found | null {
  // Every name under each of its endings: folders in front do not matter. Few: the fewer, the better the fit.
  const byEnding = new Map<string, { readonly found: Found; readonly folders: number }[]>();
  for (const [name, tensor] of tensors) {
    const parts = plainName(name).split('/');
    for (let folders = Math.max(0, parts.length - MAX_PARTS); folders < parts.length; folders++) {
      const ending = parts.slice(folders).join('/');
      const known = byEnding.get(ending);
      const candidate = { found: { name, tensor }, folders };
      if (known === undefined) byEnding.set(ending, [candidate]);
      else known.push(candidate);
    }
  }
  return (weight, aliases) => {
    for (const name of [weight, ...aliases]) {
      const candidates = byEnding.get(name)?.toSorted((a, b) => a.folders - b.folders) ?? [];
      const [best, next] = candidates;
      if (best === undefined) continue;
      if (best.folders === next?.folders) {
        throw new DataError(
          `loadWeightsByName: weight '${weight}' could be ${quote(best.found.name)} or ${quote(next.found.name)}. ` +
            'Pass only the tensors of one model.',
        );
      }
      return best.found;
    }
    return null;
  };
}

/** Parts of a name that are compared, from its end: a hostile file may hold names of any length. */
const MAX_PARTS = 32;

/** A tensor's name as a weight is called here: no `:0`, and `moving_mean` in camelCase. */
function plainName(name: string): string {
  const path = name.replace(/:\d+$/, '');
  const begin = path.lastIndexOf('/') + 1;
  return path.slice(0, begin) + path.slice(begin).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Keras 2's names that differ, and Keras 3's `<layer>/vars/<number>` of the weights, with two ways to call the layer: Keras' own numbers the layers of
 * each class in their order, whatever they are named; others write the layer's name.
 */
function otherNames(layers: readonly AnyLayer[], weights: readonly Weight[]): Map<string, readonly string[]> {
  const byClass = layerNames(layers.map(({ className }) => ({ className, givenName: null })));
  const names = layerNames(layers);
  const counted = new Map(names.map((name, at) => [name, byClass[at]]));
  const depthwise = new Set(names.filter((_, at) => layers[at].className === 'DepthwiseConv2D'));
  const next = new Map<string, number>();
  return new Map(
    weights.map(({ name }) => {
      const layer = layerOf(name);
      const number = next.get(layer) ?? 0;
      next.set(layer, number + 1);
      const old = depthwise.has(layer) && name === `${layer}/kernel` ? [`${layer}/depthwiseKernel`] : [];
      return [name, [...old, `${counted.get(layer)}/vars/${number}`, `${layer}/vars/${number}`]];
    }),
  );
}

const layerOf = (weight: string): string => weight.slice(0, weight.lastIndexOf('/'));

function mismatch(weight: string, shape: readonly number[], { name, tensor }: Found): ShapeError {
  const layer = layerOf(weight);
  return new ShapeError(
    `loadWeightsByName: layer '${layer}' expects ${weight.slice(layer.length + 1)} of shape ${formatShape(shape)}, ` +
      `${quote(name)} has ${formatShape(tensor.shape)}. Give the layer the settings that it had when the file was written ` +
      '(layouts are [height, width, in, out] and [in, out]), or pass skipMismatch: true to leave such weights as they are.',
  );
}
