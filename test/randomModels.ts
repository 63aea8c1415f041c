/** Random models, as plain data that other libraries can build as well: branches, merges, layers used twice, models within models. */

import { WgradError } from '../src/base/errors.ts';
import { type Shape, sameShape, sizeOf } from '../src/base/shape.ts';
import type { Tensor } from '../src/index.ts';
import { Model } from '../src/models/model.ts';
import { Sequential } from '../src/models/sequential.ts';
import * as layers from '../src/nn/layers/index.ts';
import {
  type AnyLayer,
  applied,
  type CallContext,
  Layer,
  type LayerConfig,
  type LayerOptions,
  listOf,
  type SymbolicTensor,
} from '../src/nn/layers/layer.ts';
import { makeLayer } from '../src/nn/layers/makeLayer.ts';
import { l1l2 } from '../src/nn/regularizers.ts';
import { dice } from './randomGraphs.ts';

/** Which output of which call; [-1, n]: the n-th input. */
export type Place = readonly [call: number, output: number];

/** What is applied to what. */
export interface GraphPart {
  readonly inputs: readonly Shape[];
  readonly calls: readonly { readonly part: string; readonly inputs: readonly Place[]; readonly list: boolean }[];
  readonly outputs: readonly Place[];
}

/** A layer, a model, layers in a row, or a layer of one's own that holds others: by its name, which no other has. */
export type Part = { readonly trainable: boolean } & (
  | { readonly kind: 'layer'; readonly className: string; readonly config: LayerConfig }
  | { readonly kind: 'graph'; readonly graph: GraphPart }
  | { readonly kind: 'row'; readonly inputShape: Shape; readonly parts: readonly string[] }
  | { readonly kind: 'block'; readonly parts: readonly string[]; readonly residual: boolean }
);

export type Parts = Readonly<Record<string, Part>>;

export const LOSSES = ['mse', 'sparseCategoricalCrossentropy', 'binaryCrossentropy'] as const;

/** A model with losses. */
export interface RandomModel {
  readonly parts: Parts;
  readonly graph: GraphPart;
  /** Of each input: how many ids there are, or null for any numbers. */
  readonly ids: readonly (number | null)[];
  /** Of each output. */
  readonly losses: readonly { readonly loss: (typeof LOSSES)[number]; readonly weight: number }[];
}

/** Layers one behind the other, any of them several times; the inputs may be added at the end. */
class Block extends Layer {
  readonly className = 'Block';
  readonly #names: readonly string[];
  readonly #residual: boolean;
  readonly #layers: readonly AnyLayer[];
  readonly #parts: Parts;

  constructor(
    parts: Parts,
    names: readonly string[],
    residual: boolean,
    made: readonly AnyLayer[],
    name: LayerOptions,
  ) {
    super(name);
    [this.#parts, this.#names, this.#residual, this.#layers] = [parts, names, residual, made];
  }

  call(x: Tensor, { apply }: CallContext): Tensor {
    let y = x;
    for (const layer of this.#layers) y = listOf(apply(layer, y))[0];
    return this.#residual ? y.add(x) : y;
  }

  config(): LayerConfig {
    return { parts: JSON.stringify(this.#parts), names: JSON.stringify(this.#names), residual: this.#residual };
  }
}

/** What a file with blocks is loaded with. */
export const customObjects = {
  Block(config: LayerConfig, options: LayerOptions): Layer {
    const parts: Parts = JSON.parse(String(config.parts));
    const names: readonly string[] = JSON.parse(String(config.names));
    const maker = new Maker(parts);
    return new Block(
      parts,
      names,
      config.residual === true,
      names.map((name) => maker.layer(name)),
      options,
    );
  },
};

/** Layers of parts, one a part. */
class Maker {
  readonly #parts: Parts;
  readonly #made = new Map<string, AnyLayer>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  layer(name: string): AnyLayer {
    const made = this.#made.get(name) ?? this.#make(name);
    this.#made.set(name, made);
    return made;
  }

  #make(name: string): AnyLayer {
    const part = this.#parts[name];
    const options = { name, trainable: part.trainable };
    switch (part.kind) {
      case 'layer':
        return makeLayer(part.className, part.config, options);
      case 'block': {
        const own = Object.fromEntries([...within(this.#parts, part.parts)].map((one) => [one, this.#parts[one]]));
        const held = part.parts.map((one) => this.layer(one));
        return new Block(own, part.parts, part.residual, held, options);
      }
      case 'row': {
        const { inputShape } = part;
        const row = part.parts.map((one) => this.layer(one) as Layer);
        const model = new Sequential(row, { inputShape, name });
        model.trainable = part.trainable;
        return model.asLayer();
      }
      case 'graph': {
        const model = new Model({ ...this.graph(part.graph), name });
        model.trainable = part.trainable;
        return model.asLayer();
      }
    }
  }

  graph({ inputs, calls, outputs }: GraphPart): { inputs: SymbolicTensor[]; outputs: SymbolicTensor[] } {
    const given = inputs.map((shape, at) => layers.input(shape, { name: `x${at}` }));
    const made: (readonly SymbolicTensor[])[] = [];
    const valueAt = ([call, index]: Place): SymbolicTensor => (call < 0 ? given : made[call])[index];
    for (const { part, inputs: read, list } of calls) {
      const values = read.map(valueAt);
      made.push(listOf(applied(this.layer(part), list ? values : values[0])));
    }
    return { inputs: given, outputs: outputs.map(valueAt) };
  }
}

/** The names of parts that a part holds. */
function namesIn(part: Part): readonly string[] {
  if (part.kind === 'layer') return [];
  return part.kind === 'graph' ? part.graph.calls.map((call) => call.part) : part.parts;
}

/** The names of parts and of all that they hold. */
function within(parts: Parts, names: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of names) {
    if (found.has(name)) continue;
    found.add(name);
    within(parts, namesIn(parts[name]), found);
  }
  return found;
}

/** The model that a description describes, built of new layers. */
export const modelOf = ({ parts, graph }: RandomModel, seed = 1) =>
  new Model({ ...new Maker(parts).graph(graph), seed });

/** The same where a part has a copy for each time that the graph applies it, with all that it holds: `dense_3_of_1`. */
export function unshared({ parts, graph, ...rest }: RandomModel): RandomModel {
  const all: Record<string, Part> = {};
  const copied = (name: string, at: number): string => {
    const copy = `${name}_of_${at}`;
    const part = parts[name];
    const again = (list: readonly string[]): string[] => list.map((one) => copied(one, at));
    all[copy] =
      part.kind === 'layer'
        ? part
        : part.kind === 'graph'
          ? {
              ...part,
              graph: {
                ...part.graph,
                calls: part.graph.calls.map((call) => ({ ...call, part: copied(call.part, at) })),
              },
            }
          : { ...part, parts: again(part.parts) };
    return copy;
  };
  const calls = graph.calls.map((call, at) => ({ ...call, part: copied(call.part, at) }));
  return { parts: all, graph: { ...graph, calls }, ...rest };
}

/** Whether no block holds what others use as well, which its settings could not say. */
export function isWithoutOutsiders({ parts, graph }: RandomModel): boolean {
  const places = [graph, ...Object.values(parts)].map((part) =>
    'calls' in part ? part.calls.map((call) => call.part) : namesIn(part),
  );
  const placesOf = (name: string): number => places.filter((names) => names.includes(name)).length;
  return Object.values(parts).every(
    (part) => part.kind !== 'block' || [...within(parts, part.parts)].every((name) => placesOf(name) === 1),
  );
}

/** Extents: 1, primes, and more than a vector of four. */
const EXTENTS = [1, 2, 3, 4, 5, 7];
const WIDTHS = [1, 2, 3, 4, 5, 8, 13];
/** Most elements of one example. */
const MOST = 500;

/** A value of a graph that grows. */
interface Value {
  readonly place: Place;
  readonly symbol: SymbolicTensor;
}

/** A model of about so many layers. */
export function randomModel(seed: number, { size = 10 }: { readonly size?: number } = {}): RandomModel {
  const roll = dice(seed);
  const pick = <T>(list: readonly T[]): T => list[roll(list.length)];
  const chance = (one: number, of: number): boolean => roll(of) < one;
  const parts: Record<string, Part> = {};
  const maker = new Maker(parts);
  /** Parts that may be used once more, with what they were applied to at first. */
  const known = new Map<string, readonly Shape[]>();
  let count = 0;
  const addPart = (part: Part): string => {
    const name = `${(part.kind === 'layer' ? part.className : part.kind).toLowerCase()}_${count++}`;
    parts[name] = part;
    return name;
  };
  const addLayer = (layer: AnyLayer): string =>
    addPart({ kind: 'layer', className: layer.className, config: layer.config(), trainable: !chance(1, 16) });

  /** Null where the part does not fit, or makes too much of it. */
  const symbolsOf = (
    name: string,
    inputs: readonly SymbolicTensor[],
    list: boolean,
  ): readonly SymbolicTensor[] | null => {
    try {
      const made = listOf(applied(maker.layer(name), list ? inputs : inputs[0]));
      return made.every(({ shape }) => sizeOf(shape) <= MOST) ? made : null;
    } catch (error) {
      if (error instanceof WgradError) return null;
      throw error;
    }
  };

  const pair = (most: number): [number, number] => [1 + roll(most), 1 + roll(most)];
  const sides = (): [number, number, number, number] => [roll(2), roll(3), roll(2), roll(2)];
  const activation = (): layers.ActivationName =>
    pick([
      'linear',
      'relu',
      'leakyRelu',
      'elu',
      'gelu',
      'sigmoid',
      'tanh',
      'softplus',
      'silu',
      'relu6',
      'selu',
      'softsign',
      'mish',
      'hardSilu',
      'softmax',
    ]);
  const penalty = () => (chance(1, 12) ? l1l2({ l1: 0.01 * roll(2), l2: 0.02 }) : null);
  const dense = () => ({
    activation: activation(),
    useBias: !chance(1, 4),
    kernelRegularizer: penalty(),
    activityRegularizer: penalty(),
  });
  const bias = () => ({ activation: activation(), useBias: !chance(1, 4), activityRegularizer: penalty() });
  const sliding = () => {
    const [top, bottom, left, right] = sides();
    const dilationRate = chance(1, 3) ? pair(2) : 1;
    const padding = pick([
      'same' as const,
      'valid' as const,
      [
        [top, bottom],
        [left, right],
      ] as const,
    ]);
    return { strides: chance(1, 2) ? pair(3) : 1, dilationRate, padding };
  };
  const window = () => ({ strides: chance(1, 2) ? pair(2) : undefined, padding: pick(['same', 'valid'] as const) });
  const steps = () => ({ strides: chance(1, 2) ? 1 + roll(3) : undefined, padding: pick(['same', 'valid'] as const) });
  const divisor = (n: number): number => pick(EXTENTS.filter((one) => n % one === 0));
  const flags = () => ({ center: !chance(1, 4), scale: !chance(1, 4) });
  const gated = () => ({ useBias: !chance(1, 4), returnSequences: chance(2, 3), goBackwards: chance(1, 3) });
  const recurrent = () => {
    const units = 1 + roll(5);
    return pick([
      () => new layers.LSTM(units, gated()),
      () => new layers.GRU(units, gated()),
      () => new layers.SimpleRNN(units, { ...gated(), activation: pick(['tanh', 'relu'] as const) }),
    ])();
  };

  /** Layers for any shape, which keep it. */
  const keeping = (shape: Shape): (() => AnyLayer)[] => [
    () => new layers.Activation(activation()),
    () => new layers.Dense(shape[shape.length - 1], dense()),
    () => new layers.BatchNormalization({ momentum: pick([0.5, 0.9, 0.99]), ...flags() }),
    () => new layers.LayerNormalization({ axis: chance(1, 2) ? -1 : 1 + roll(shape.length), ...flags() }),
    () => new layers.LayerNormalization({ axis: shape.map((_, d) => d + 1), ...flags() }),
    () => new layers.GroupNormalization({ groups: pick([-1, divisor(shape[shape.length - 1])]), ...flags() }),
    () => new layers.Normalization({ axis: -1, invert: chance(1, 3) }),
    () => new layers.PReLU({ sharedAxes: chance(1, 2) && shape.length > 1 ? [1] : null }),
    () =>
      new layers.ReLU({ maxValue: chance(1, 2) ? 1.5 : null, negativeSlope: 0.1 * roll(3), threshold: 0.2 * roll(2) }),
    () => new layers.LeakyReLU({ negativeSlope: 0.25 }),
    () => new layers.ELU({ alpha: 0.5 }),
    () => new layers.Softmax({ axis: 1 + roll(shape.length) }),
    () => new layers.Rescaling(pick([-1, 0.5, 2]), { offset: roll(2) }),
  ];
  const ofImages = ([height, width, channels]: Shape): (() => AnyLayer)[] => [
    ...Array<() => AnyLayer>(3).fill(() => {
      const groups = divisor(channels);
      return new layers.Conv2D(groups * (1 + roll(3)), pair(3), { ...sliding(), ...dense(), groups });
    }),
    () => new layers.Conv2D(channels, pair(4), { padding: 'same', ...dense() }),
    () => new layers.DepthwiseConv2D(pair(3), { ...sliding(), ...bias(), depthMultiplier: 1 + roll(2) }),
    () => new layers.SeparableConv2D(1 + roll(5), pair(3), { ...sliding(), ...bias(), depthMultiplier: 1 + roll(2) }),
    () => new layers.Conv2DTranspose(1 + roll(4), pair(4), { ...sliding(), ...dense() }),
    () => new layers.Conv2DTranspose(1 + roll(4), pair(3), { strides: 2, padding: 'same', outputPadding: roll(2) }),
    () => new layers.MaxPooling2D(pair(3), window()),
    () => new layers.MaxPooling2D(2),
    () => new layers.AveragePooling2D(pair(3), window()),
    () => new layers.GlobalAveragePooling2D({ keepDims: chance(1, 2) }),
    () => new layers.GlobalMaxPooling2D({ keepDims: chance(1, 2) }),
    () => new layers.UpSampling2D(pair(2), { interpolation: pick(['nearest', 'bilinear'] as const) }),
    () => {
      const [top, bottom, left, right] = sides();
      return new layers.ZeroPadding2D([
        [top, bottom],
        [left, right],
      ]);
    },
    () => {
      const [top, bottom, left, right] = sides();
      return new layers.Cropping2D([
        [top, bottom],
        [left, right],
      ]);
    },
    () => new layers.GroupNormalization({ groups: divisor(height), axis: 1, ...flags() }),
    () => new layers.PReLU({ sharedAxes: [1, 2] }),
    () =>
      new layers.Permute(
        pick([
          [2, 1, 3],
          [3, 1, 2],
          [3, 2, 1],
        ]),
      ),
    () => new layers.Reshape([height * width, channels]),
    () => new layers.Flatten(),
  ];
  const ofSequences = ([length, features]: Shape): (() => AnyLayer)[] => [
    ...Array<() => AnyLayer>(2).fill(() => {
      const groups = divisor(features);
      const padding = pick(['same' as const, 'valid' as const, 'causal' as const, [roll(2), roll(3)] as const]);
      return new layers.Conv1D(groups * (1 + roll(3)), 1 + roll(3), {
        ...{ padding, groups, strides: 1 + roll(2), dilationRate: 1 + roll(2) },
        ...dense(),
      });
    }),
    ...Array<() => AnyLayer>(2).fill(() => recurrent()),
    () => new layers.Bidirectional(recurrent(), { mergeMode: pick(['concat', 'sum', 'mul', 'ave'] as const) }),
    ...Array<() => AnyLayer>(2).fill(
      () =>
        new layers.MultiHeadAttention(1 + roll(3), 1 + roll(4), {
          ...{ useBias: !chance(1, 4), useCausalMask: chance(1, 2) },
          ...{ valueDim: chance(1, 2) ? 1 + roll(4) : null, outputShape: chance(1, 2) ? 1 + roll(5) : null },
        }),
    ),
    () => new layers.MaxPooling1D(1 + roll(3), steps()),
    () => new layers.AveragePooling1D(1 + roll(3), steps()),
    () => new layers.GlobalAveragePooling1D({ keepDims: chance(1, 2) }),
    () => new layers.GlobalMaxPooling1D({ keepDims: chance(1, 2) }),
    () => new layers.Permute([2, 1]),
    () => new layers.Reshape([1, length, features]),
    () => new layers.Flatten(),
  ];
  const ofVectors = ([features]: Shape): (() => AnyLayer)[] => [
    ...Array<() => AnyLayer>(3).fill(() => new layers.Dense(pick(WIDTHS), dense())),
    () => new layers.RepeatVector(1 + roll(4)),
    () => new layers.Reshape([divisor(features), -1]),
    () => new layers.Reshape([divisor(features), -1, 1]),
  ];
  /** Those that not every shape has come more often. */
  const fitting = (shape: Shape): (() => AnyLayer)[] => {
    if (chance(1, 3)) return keeping(shape);
    return shape.length === 3 ? ofImages(shape) : shape.length === 2 ? ofSequences(shape) : ofVectors(shape);
  };

  /** A graph of its own, in which parts of those around it may be used as well. */
  const grow = (
    shapes: readonly Shape[],
    idCounts: readonly (number | null)[],
    count: number,
    depth: number,
  ): GraphPart => {
    const calls: { part: string; inputs: readonly Place[]; list: boolean }[] = [];
    const values: Value[] = [];
    const unread = new Set<Value>();
    const add = (symbol: SymbolicTensor, place: Place): Value => {
      const value = { symbol, place };
      values.push(value);
      unread.add(value);
      return value;
    };

    /** Applies a part; null where it does not fit. */
    const call = (name: string, inputs: readonly Value[], list = inputs.length > 1): readonly Value[] | null => {
      const symbols = symbolsOf(
        name,
        inputs.map(({ symbol }) => symbol),
        list,
      );
      if (symbols === null) return null;
      if (!known.has(name))
        known.set(
          name,
          inputs.map(({ symbol }) => symbol.shape),
        );
      for (const one of inputs) unread.delete(one);
      calls.push({ part: name, inputs: inputs.map(({ place }) => place), list });
      return symbols.map((symbol, at) => add(symbol, [calls.length - 1, at]));
    };
    const shapeOf = ({ symbol }: Value): Shape => symbol.shape;
    /** Applies a new layer, trying others until one fits. */
    const callNew = (make: () => AnyLayer, inputs: readonly Value[]): readonly Value[] | null => {
      let name: string;
      try {
        name = addLayer(make());
      } catch (error) {
        if (error instanceof WgradError) return null;
        throw error;
      }
      const made = call(name, inputs);
      if (made === null) delete parts[name];
      return made;
    };

    /** One that has the same shape, made for it if there is none. */
    const beside = (x: Value): Value | null => {
      const same = values.filter((one) => one !== x && sameShape(shapeOf(one), shapeOf(x)));
      if (same.length > 0 && chance(2, 3)) return pick(same);
      return callNew(pick(keeping(shapeOf(x))), [x])?.[0] ?? null;
    };
    const merge = (x: Value): void => {
      const y = beside(x);
      if (y === null) return;
      const third = chance(1, 4) ? beside(x) : null;
      const all = chance(1, 2) ? [x, y] : [y, x];
      if (third !== null) all.push(third);
      callNew(
        pick([
          () => new layers.Add(),
          () => new layers.Multiply(),
          () => new layers.Maximum(),
          () => new layers.Minimum(),
          () => new layers.Average(),
          () => new layers.Concatenate({ axis: chance(1, 2) ? -1 : 1 + roll(shapeOf(x).length) }),
          () => new layers.Subtract(),
        ]),
        all,
      );
    };
    /** With one of another shape that is spread. */
    const mergeSpread = (x: Value): void => {
      const shape = shapeOf(x);
      const narrow = values.filter(
        (one) =>
          one !== x &&
          shapeOf(one).length <= shape.length &&
          shapeOf(one).every((n, d) => n === 1 || n === shape[d + shape.length - shapeOf(one).length]),
      );
      if (narrow.length > 0)
        callNew(pick([() => new layers.Add(), () => new layers.Multiply(), () => new layers.Maximum()]), [
          x,
          pick(narrow),
        ]);
    };
    const attend = (x: Value): void => {
      const sequences = values.filter((one) => shapeOf(one).length === 2);
      if (shapeOf(x).length !== 2) return;
      const value = pick(sequences);
      const keys = sequences.filter((one) => shapeOf(one)[0] === shapeOf(value)[0]);
      callNew(
        () => new layers.MultiHeadAttention(1 + roll(2), 1 + roll(3)),
        [x, value, ...(chance(1, 2) ? [pick(keys)] : [])],
      );
    };
    /** One that was applied before. */
    const again = (): void => {
      const names = [...known.keys()].filter((name) => parts[name] !== undefined);
      if (names.length === 0) return;
      const name = pick(names);
      const first = known.get(name) ?? [];
      const part = parts[name];
      const layer = maker.layer(name);
      const fits = (one: Value, at: number): boolean => {
        if (part.kind === 'layer' && part.className === 'Embedding') {
          return isIds(one) && idCounts[one.place[1]] === part.config.inputDim;
        }
        if (sameShape(shapeOf(one), first[at])) return true;
        if (part.kind !== 'layer' || first.length > 1 || shapeOf(one).length !== first[0].length) return false;
        try {
          const specs = (shape: Shape): string => JSON.stringify(layer.weights(shape, name).map((spec) => spec.shape));
          return specs(shapeOf(one)) === specs(first[0]);
        } catch {
          return false;
        }
      };
      const inputs = first.map((shape, at) => {
        const found = values.filter((one) => fits(one, at));
        if (found.length > 0 && chance(4, 5)) return pick(found);
        if (layer.className === 'Embedding') return null;
        // Bring a value to that shape.
        const x = pick(values);
        if (idCounts.length > 0 && x.place[0] < 0 && idCounts[x.place[1]] !== null) return null;
        const row = shapeOf(x).length === 1 ? x : (callNew(() => new layers.Flatten(), [x])?.[0] ?? null);
        const wide =
          row && (callNew(() => new layers.Dense(sizeOf(shape), { activation: 'tanh' }), [row])?.[0] ?? null);
        return wide && (callNew(() => new layers.Reshape(shape), [wide])?.[0] ?? null);
      });
      const all = inputs.filter((one) => one !== null);
      if (all.length === first.length) call(name, all, part.kind !== 'block' && part.kind !== 'row' && all.length > 1);
    };
    /** Freezes what holds others only where nothing else uses them: they are frozen in all their places or in none. */
    const heldApart = (before: ReadonlySet<string>, names: readonly string[]): boolean => {
      const held = [...within(parts, names)];
      if (held.some((one) => before.has(one)) || !chance(1, 6)) return true;
      for (const one of held) known.delete(one);
      return false;
    };
    const before = (): Set<string> => new Set(Object.keys(parts));
    const nest = (x: Value): void => {
      const earlier = before();
      const inputs = [x, ...(chance(1, 2) ? [pick(values)] : [])].filter((one) => !isIds(one));
      if (inputs.length === 0) return;
      const inner = grow(
        inputs.map(shapeOf),
        inputs.map(() => null),
        1 + roll(4),
        depth + 1,
      );
      // An input that nothing reads is none.
      if (inner.inputs.length < inputs.length || inner.calls.length === 0) return;
      const trainable = heldApart(
        earlier,
        inner.calls.map((one) => one.part),
      );
      call(addPart({ kind: 'graph', graph: inner, trainable }), inputs);
    };
    const inRow = (x: Value, kind: 'row' | 'block'): void => {
      const earlier = before();
      const names: string[] = [];
      let symbol = x.symbol;
      for (let at = 0; at < 2 + roll(2); at++) {
        const repeated = kind === 'block' && names.length > 0 && chance(1, 3);
        let name: string | null = null;
        try {
          name = repeated
            ? pick(names)
            : addLayer(pick(chance(1, 2) ? keeping(symbol.shape) : fitting(symbol.shape))());
        } catch (error) {
          if (!(error instanceof WgradError)) throw error;
        }
        if (name === null) continue;
        const first = known.get(name)?.[0];
        if (repeated && first !== undefined && !sameShape(first, symbol.shape)) continue;
        const made = symbolsOf(name, [symbol], false);
        if (made === null) {
          if (!names.includes(name)) delete parts[name];
          continue;
        }
        known.set(name, [symbol.shape]);
        names.push(name);
        symbol = made[0];
      }
      if (names.length === 0) return;
      const trainable = heldApart(earlier, names);
      const residual = kind === 'block' && sameShape(symbol.shape, shapeOf(x));
      call(
        addPart(
          kind === 'row'
            ? { kind, inputShape: shapeOf(x), parts: names, trainable }
            : { kind, parts: names, residual, trainable },
        ),
        [x],
      );
    };
    const isIds = ({ place: [from, at] }: Value): boolean => from < 0 && (idCounts[at] ?? null) !== null;

    for (const [at, shape] of shapes.entries()) add(layers.input(shape), [-1, at]);
    for (const one of [...values]) {
      const counted = idCounts[one.place[1]] ?? null;
      if (counted === null) continue;
      const [embedded] = callNew(() => new layers.Embedding(counted, pick(WIDTHS)), [one]) ?? [];
      // Ids are a mask, too: 0 is padding.
      if (embedded !== undefined && shapeOf(embedded).length === 2 && chance(1, 2))
        callNew(() => new layers.MultiHeadAttention(2, 3), [embedded, embedded, embedded, one]);
    }
    for (let turn = 0; turn < count; turn++) {
      const usable = values.filter((one) => !isIds(one));
      const x = chance(3, 4) ? usable[Math.max(0, usable.length - 1 - roll(3))] : pick(usable);
      const choice = roll(20);
      if (choice < 10) callNew(pick(fitting(shapeOf(x))), [x]);
      else if (choice < 13) merge(x);
      else if (choice < 14) mergeSpread(x);
      else if (choice < 15) attend(x);
      else if (choice < 18) again();
      else if (depth < 2) chance(1, 2) ? nest(x) : inRow(x, pick(['row', 'block'] as const));
    }
    const ends = [...unread].filter((one) => one.place[0] >= 0);
    const outputs = (ends.length > 0 ? ends : values.slice(-1)).slice(-1 - roll(3)).map(({ place }) => place);
    return pruned({ inputs: shapes, calls, outputs });
  };

  const inputs = Array.from({ length: 1 + roll(2) }, (): { shape: Shape; ids: number | null } =>
    chance(1, 5)
      ? { shape: Array.from({ length: 1 + roll(2) }, () => 1 + roll(4)), ids: 3 + roll(4) }
      : {
          shape: pick([
            () => [pick(EXTENTS), pick(EXTENTS), 1 + roll(4)],
            () => [3 + roll(6), 3 + roll(6), 1 + roll(4)],
            () => [3 + roll(6), 3 + roll(6), 1 + roll(4)],
            () => [pick(EXTENTS), 1 + roll(5)],
            () => [pick(WIDTHS)],
          ])(),
          ids: null,
        },
  );
  const whole = grow(
    inputs.map(({ shape }) => shape),
    inputs.map(({ ids }) => ids),
    size,
    0,
  );
  const made = maker.graph(whole).outputs;
  // The inputs that are left, in their order.
  const ids = whole.inputs.map((shape) => inputs.find((one) => one.shape === shape)?.ids ?? null);
  const calls = [...whole.calls];
  const losses: RandomModel['losses'][0][] = [];
  const outputs = whole.outputs.map((place, at): Place => {
    const { shape } = made[at];
    const weight = pick([1, 1, 0.5, 2]);
    const loss =
      shape.length === 1 ? (shape[0] > 1 ? pick(LOSSES) : pick(['mse', 'binaryCrossentropy'] as const)) : 'mse';
    losses.push({ loss, weight });
    if (loss === 'mse') return place;
    const head = addLayer(new layers.Activation(loss === 'binaryCrossentropy' ? 'sigmoid' : 'softmax'));
    calls.push({ part: head, inputs: [place], list: false });
    return [calls.length - 1, 0];
  });
  const used = within(
    parts,
    calls.map(({ part }) => part),
  );
  const own = Object.fromEntries(Object.entries(parts).filter(([name]) => used.has(name)));
  return { parts: own, graph: { inputs: whole.inputs, calls, outputs }, ids, losses };
}

/** Without calls and inputs that no output depends on. */
function pruned({ inputs, calls, outputs }: GraphPart): GraphPart {
  const needed = new Set<number>();
  const read = new Set<number>();
  const visit = ([call, index]: Place): void => {
    if (call < 0) read.add(index);
    else if (!needed.has(call)) {
      needed.add(call);
      for (const place of calls[call].inputs) visit(place);
    }
  };
  for (const place of outputs) visit(place);
  const [keptCalls, keptInputs] = [needed, read].map((set) => [...set].sort((a, b) => a - b));
  const moved = ([call, index]: Place): Place =>
    call < 0 ? [-1, keptInputs.indexOf(index)] : [keptCalls.indexOf(call), index];
  return {
    inputs: keptInputs.map((at) => inputs[at]),
    calls: keptCalls.map((at) => ({ ...calls[at], inputs: calls[at].inputs.map(moved) })),
    outputs: outputs.map(moved),
  };
}
