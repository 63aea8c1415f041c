import { ArgumentError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { lookup } from '../../ops/lookup.ts';
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
}

/**
 * Whole numbers from 0 to inputDim - 1 to learnt vectors: [...] to [..., outputDim]. Where the layer is the first, other numbers
 * in inputs that the host has are an error; later in a model they give NaN. Weights: embeddings [inputDim, outputDim]. Keras'
 * `mask_zero` is not there: no layer hands masks on.
 */
export class Embedding extends Layer implements RuledInputs {
  readonly className = 'Embedding';
  readonly inputDim: number;
  readonly outputDim: number;
  readonly #initializer: InitializerLike;

  /**
   * @param inputDim how many different numbers there are, at least 1
   * @param outputDim length of a vector, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(inputDim: number, outputDim: number, options: EmbeddingOptions = {}) {
    checkOptions('Embedding', options, { ...LAYER_OPTIONS, embeddingsInitializer: true });
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
    const { embeddingsInitializer = 'randomUniform' } = options;
    this.#initializer = checkInitializer('Embedding', 'embeddingsInitializer', embeddingsInitializer);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Embedding {
    const embeddingsInitializer = saved.initializer('embeddingsInitializer');
    return new Embedding(saved.whole('inputDim'), saved.whole('outputDim'), { ...options, embeddingsInitializer });
  }

  /** @internal */
  get inputRule(): ValueRule {
    return everyValue(
      `whole numbers from 0 to ${this.inputDim - 1} for the layer '${this.givenName ?? this.className}'`,
      (id) => Number.isInteger(id) && id >= 0 && id < this.inputDim,
      'Correct them, or give the layer a larger inputDim.',
    );
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
    const { inputDim, outputDim } = this;
    return { inputDim, outputDim, embeddingsInitializer: initializerName(this.#initializer) };
  }
}
