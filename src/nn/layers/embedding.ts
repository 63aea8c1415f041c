import { flagOf } from '../../base/checks.ts';
import { ArgumentError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { lookup } from '../../ops/lookup.ts';
import { ones } from '../../tensor/creation.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { everyValue, type RuledInputs, type ValueRule } from '../valueRules.ts';
import { checkInitializer, initializerName, learnt } from './kernel.ts';
import {
  type CallContext,
  checkCount,
  type InitializerLike,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `Embedding`. */
export interface EmbeddingOptions extends LayerOptions {
  /** Default `randomUniform`, within ±0.05. */
  readonly embeddingsInitializer?: InitializerLike;
  /** Whether 0 is no id but a place that is left out, as padding is: the layers behind are given a mask. Default false. */
  readonly maskZero?: boolean;
}

/**
 * Whole numbers from 0 to inputDim - 1 to learnt vectors: [...] to [..., outputDim]. Where the layer is the first, other numbers
 * in inputs that the host has are an error; later in a model they give NaN. Weights: embeddings [inputDim, outputDim].
 */
export class Embedding extends Layer implements RuledInputs {
  readonly className = 'Embedding';
  readonly inputDim: number;
  readonly outputDim: number;
  readonly maskZero: boolean;
  readonly #initializer: InitializerLike;

  /**
   * @param inputDim how many different numbers there are, at least 1
   * @param outputDim length of a vector, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(inputDim: number, outputDim: number, options: EmbeddingOptions = {}) {
    checkOptions('Embedding', options, { ...LAYER_OPTIONS, embeddingsInitializer: true, maskZero: true });
    super(options);
    checkCount('Embedding', 'inputDim', inputDim);
    checkCount('Embedding', 'outputDim', outputDim);
    // Layers are given float32, which holds whole numbers up to here.
    if (inputDim > 2 ** 24) {
      throw new ArgumentError(
        `Embedding: inputDim may be at most 2^24, as inputs are float32, got ${inputDim}. Use fewer ids.`,
      );
    }
    this.inputDim = inputDim;
    this.outputDim = outputDim;
    this.maskZero = flagOf(options.maskZero ?? false, 'Embedding', 'maskZero');
    const { embeddingsInitializer = 'randomUniform' } = options;
    this.#initializer = checkInitializer('Embedding', 'embeddingsInitializer', embeddingsInitializer);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Embedding {
    const embeddingsInitializer = saved.initializer('embeddingsInitializer');
    return new Embedding(saved.whole('inputDim'), saved.whole('outputDim'), {
      ...options,
      embeddingsInitializer,
      ...(saved.keys.includes('maskZero') && { maskZero: saved.flag('maskZero') }),
    });
  }

  /** @internal */
  get inputRule(): ValueRule {
    return everyValue(
      `whole numbers from 0 to ${this.inputDim - 1} for the layer '${this.givenName ?? this.className}'`,
      (id) => Number.isInteger(id) && id >= 0 && id < this.inputDim,
      'Correct them, or give the layer a larger inputDim.',
    );
  }

  override get supportsMasking(): boolean {
    return this.maskZero;
  }

  override computeMask(ids: Tensor): Tensor {
    return ones([]).sub(ids.equal(0));
  }

  override weights(_: Shape): WeightSpec[] {
    return [learnt('embeddings', [this.inputDim, this.outputDim], this.#initializer)];
  }

  call(x: Tensor, { weights: [embeddings] }: CallContext): Tensor {
    // A NaN is no id: as a whole number it would be one.
    const ids = x.equal(x).where(x, -1).cast('int32');
    return new Tensor(lookup(embeddings.node, ids.node));
  }

  config(): LayerConfig {
    const { inputDim, outputDim, maskZero } = this;
    return { inputDim, outputDim, maskZero, embeddingsInitializer: initializerName(this.#initializer) };
  }
}
