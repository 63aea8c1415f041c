import { checkShare, flagOf } from '../../base/checks.ts';
import { ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../../base/shape.ts';
import { attention } from '../../ops/attention.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { checkInitializer, initializerName, learnt } from './kernel.ts';
import {
  type CallContext,
  checkCount,
  type InitializerLike,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type LayerValues,
  listOf,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `MultiHeadAttention`. */
export interface MultiHeadAttentionOptions extends LayerOptions {
  /** Length of a head's values; null, the default: `keyDim`. */
  readonly valueDim?: number | null;
  /** Share of the attention's weights that is dropped in training, in [0, 1]; default 0. */
  readonly dropout?: number;
  /** Default true. */
  readonly useBias?: boolean;
  /** Extent of the output's last axis; null, the default: that of the queries. */
  readonly outputShape?: number | null;
  /** Whether no place attends to those after it, for models that predict what comes next. Default false; in Keras an option of the call. */
  readonly useCausalMask?: boolean;
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike;
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike;
}

const OPTIONS = {
  ...LAYER_OPTIONS,
  valueDim: true,
  dropout: true,
  useBias: true,
  outputShape: true,
  useCausalMask: true,
  kernelInitializer: true,
  biasInitializer: true,
} as const;

/**
 * Attention by several heads (Vaswani et al. 2017): each place of a sequence becomes a mean of all places, weighed by how well their
 * keys fit its query. [places, features] attends to itself: [places, outputShape]. Given several tensors,
 * `apply([query, value, key, mask])`, they are the queries [from, features], the values [to, features], the keys, by default the
 * values, and a mask [from, to] or [to] for all, 0 where nothing is attended to, such as padding. Nor is a place attended to that a mask
 * leaves out among the values or the keys, as `Embedding` with `maskZero` has it; the outputs have the mask of the queries.
 *
 * Weights: query/kernel and key/kernel [features, heads, keyDim], value/kernel [features, heads, valueDim], attention_output/kernel
 * [heads, valueDim, outputShape], and with each a bias.
 */
export class MultiHeadAttention extends Layer<LayerValues> {
  readonly className = 'MultiHeadAttention';
  readonly numHeads: number;
  readonly keyDim: number;
  readonly valueDim: number | null;
  readonly dropout: number;
  readonly useBias: boolean;
  readonly outputShape: number | null;
  readonly useCausalMask: boolean;
  readonly #kernelInitializer: InitializerLike;
  readonly #biasInitializer: InitializerLike;

  /**
   * @param numHeads how many heads, at least 1
   * @param keyDim length of a head's queries and keys, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(numHeads: number, keyDim: number, options: MultiHeadAttentionOptions = {}) {
    const who = 'MultiHeadAttention';
    checkOptions(who, options, OPTIONS);
    super(options);
    const { valueDim = null, dropout = 0, useBias = true, outputShape = null, useCausalMask = false } = options;
    checkCount(who, 'numHeads', numHeads);
    checkCount(who, 'keyDim', keyDim);
    if (valueDim !== null) checkCount(who, 'valueDim', valueDim);
    if (outputShape !== null) checkCount(who, 'outputShape', outputShape);
    checkShare(who, 'dropout', dropout);
    this.numHeads = numHeads;
    this.keyDim = keyDim;
    this.valueDim = valueDim;
    this.dropout = dropout;
    this.useBias = flagOf(useBias, who, 'useBias');
    this.outputShape = outputShape;
    this.useCausalMask = flagOf(useCausalMask, who, 'useCausalMask');
    const { kernelInitializer = 'glorotUniform', biasInitializer = 'zeros' } = options;
    this.#kernelInitializer = checkInitializer(who, 'kernelInitializer', kernelInitializer);
    this.#biasInitializer = checkInitializer(who, 'biasInitializer', biasInitializer);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): MultiHeadAttention {
    return new MultiHeadAttention(saved.whole('numHeads'), saved.whole('keyDim'), {
      ...options,
      valueDim: saved.wholeOrNull('valueDim'),
      dropout: saved.number('dropout'),
      useBias: saved.flag('useBias'),
      outputShape: saved.wholeOrNull('outputShape'),
      useCausalMask: saved.flag('useCausalMask'),
      kernelInitializer: saved.initializer('kernelInitializer'),
      biasInitializer: saved.initializer('biasInitializer'),
    });
  }

  override get supportsMasking(): boolean {
    return true;
  }

  override computeMask(_: LayerValues, [query]: readonly (Tensor | null)[]): Tensor | null {
    return query;
  }

  /** `inputs`: the shapes of all inputs, where there are several. */
  override weights(input: Shape, name: string, inputs: readonly Shape[] = [input]): WeightSpec[] {
    const [query, value = query, key = value, mask] = inputs;
    const sequences = inputs.slice(0, 3).every((shape) => shape.length === 2);
    if (!sequences || inputs.length > 4 || key[0] !== value[0]) {
      throw new ShapeError(
        `Layer '${name}' (MultiHeadAttention) expects sequences [batch, places, features], as many keys as values, got ` +
          `${inputs.map(formatShape).join(', ')} an example. ` +
          `Add a Reshape before it, for example to [${input[0] ?? 1}, ${sizeOf(input.slice(1))}].`,
      );
    }
    const [from, to] = [query[0], key[0]];
    if (mask !== undefined && !sameShape(mask, [to]) && !sameShape(mask, [from, to])) {
      throw new ShapeError(
        `Layer '${name}' (MultiHeadAttention) expects a mask [${from}, ${to}] or [${to}] an example, got ${formatShape(mask)}. ` +
          'Give 1 where a place is attended to and 0 elsewhere.',
      );
    }
    if (this.useCausalMask && from !== to) {
      throw new ShapeError(
        `Layer '${name}' (MultiHeadAttention) with useCausalMask expects as many queries as keys, got ${from} and ${to}. Give a mask [${from}, ${to}] instead.`,
      );
    }
    const { numHeads, keyDim } = this;
    const valueDim = this.valueDim ?? keyDim;
    const part = (title: string, kernel: Shape, bias: Shape): WeightSpec[] => [
      learnt(`${title}/kernel`, kernel, this.#kernelInitializer),
      ...(this.useBias ? [learnt(`${title}/bias`, bias, this.#biasInitializer)] : []),
    ];
    const width = this.outputShape ?? query[1];
    return [
      ...part('query', [query[1], numHeads, keyDim], [numHeads, keyDim]),
      ...part('key', [key[1], numHeads, keyDim], [numHeads, keyDim]),
      ...part('value', [value[1], numHeads, valueDim], [numHeads, valueDim]),
      ...part('attention_output', [numHeads, valueDim, width], [width]),
    ];
  }

  /** The outputs of [batch, places, features], or of a list: queries, values, keys and a mask. */
  call(x: LayerValues, { training, weights, randomKey, masks = [] }: CallContext): Tensor {
    const [query, value = query, key = value, mask = null] = listOf<Tensor>(x);
    const each = this.useBias ? 2 : 1;
    const [forQuery, forKey, forValue, forOutput] = [0, 1, 2, 3].map((at) => weights.slice(at * each, (at + 1) * each));
    const attended = attention(heads(query, forQuery), heads(key, forKey), heads(value, forValue), {
      mask: allOf([mask, ...maskedKeys(listOf<Tensor>(x).length, masks)]),
      causal: this.useCausalMask,
      dropout: training && this.dropout > 0 ? { rate: this.dropout, key: randomKey } : null,
    });
    const [batch, places] = query.shape;
    const joined = new Tensor(attended).transpose([0, 2, 1, 3]).reshape([batch, places, -1]);
    const [kernel, bias] = forOutput;
    return joined.dense(kernel.reshape([-1, kernel.shape[2]]), bias);
  }

  config(): LayerConfig {
    const { numHeads, keyDim, valueDim, dropout, useBias, outputShape, useCausalMask } = this;
    return {
      numHeads,
      keyDim,
      valueDim,
      dropout,
      useBias,
      outputShape,
      useCausalMask,
      kernelInitializer: initializerName(this.#kernelInitializer),
      biasInitializer: initializerName(this.#biasInitializer),
    };
  }
}

/** [batch, places, features] by a kernel [features, heads, size] to [batch, heads, places, size]. */
function heads(x: Tensor, [kernel, bias]: readonly Tensor[]): Tensor['node'] {
  const [features, count, size] = kernel.shape;
  const wide = x.dense(kernel.reshape([features, count * size]), bias?.reshape([-1]));
  return wide.reshape([x.shape[0], x.shape[1], count, size]).transpose([0, 2, 1, 3]).node;
}

/** The masks of values and keys, which without inputs of their own are the queries. */
const maskedKeys = (inputs: number, [query, value, key]: readonly (Tensor | null)[]): (Tensor | null)[] => [
  inputs > 1 ? value : query,
  inputs > 2 ? key : null,
];

/** What all masks that there are let through; null: everything. */
const allOf = (masks: readonly (Tensor | null | undefined)[]): Tensor['node'] | null => {
  const given = masks.flatMap((mask) => (mask ? [besideHeads(mask)] : []));
  return given.length === 0 ? null : given.reduce((all, mask) => all.mul(mask)).node;
};

/** A mask [batch, from, to] or [batch, to] beside scores [batch, heads, from, to]. */
const besideHeads = (mask: Tensor): Tensor => {
  const [batch, ...rest] = mask.shape;
  return mask.reshape([batch, 1, ...(rest.length === 1 ? [1] : []), ...rest]);
};
