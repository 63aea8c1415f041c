/** A small transformer that predicts what comes next (Radford et al. 2018), with layer normalisation before each part. */
import {
  type CallContext,
  Dense,
  Embedding,
  initializers,
  Layer,
  LayerNormalization,
  MultiHeadAttention,
  type Shape,
  type Tensor,
  type WeightSpec,
} from '../../src/index.ts';

/** Ids [places] to vectors [places, width]: what stands there, plus where it stands. */
export class TokensAndPlaces extends Layer {
  readonly className = 'TokensAndPlaces';
  readonly #tokens: Embedding;

  constructor(
    readonly tokens: number,
    readonly width: number,
  ) {
    super();
    this.#tokens = new Embedding(tokens, width, { embeddingsInitializer: small });
  }

  override weights([places]: Shape): WeightSpec[] {
    return [{ name: 'places', shape: [places, this.width], initializer: small, trainable: true }];
  }

  call(x: Tensor, { apply, weights: [places] }: CallContext): Tensor {
    return apply(this.#tokens, x).add(places);
  }

  config() {
    return { tokens: this.tokens, width: this.width };
  }
}

/** Attention to what came before, then a network on each place; what each gives is added to what it was given. */
export class TransformerBlock extends Layer {
  readonly className = 'TransformerBlock';
  readonly #attention: readonly Layer[];
  readonly #feedForward: readonly Layer[];

  constructor(
    readonly heads: number,
    readonly width: number,
  ) {
    super();
    this.#attention = [new LayerNormalization(), new MultiHeadAttention(heads, width / heads, { useCausalMask: true })];
    this.#feedForward = [new LayerNormalization(), new Dense(4 * width, { activation: 'gelu' }), new Dense(width)];
  }

  call(x: Tensor, { apply }: CallContext): Tensor {
    const through = (layers: readonly Layer[], value: Tensor): Tensor =>
      layers.reduce((y, layer) => apply(layer, y), value).add(value);
    return through(this.#feedForward, through(this.#attention, x));
  }

  config() {
    return { heads: this.heads, width: this.width };
  }
}

/** Logits [places, tokens] of what comes after each place. */
export const transformerLayers = ({ tokens, blocks = 2, heads = 4, width = 64 }: TransformerSize): Layer[] => [
  new TokensAndPlaces(tokens, width),
  ...Array.from({ length: blocks }, () => new TransformerBlock(heads, width)),
  new LayerNormalization(),
  new Dense(tokens),
];

export interface TransformerSize {
  readonly tokens: number;
  /** Default 2. */
  readonly blocks?: number;
  /** Default 4. */
  readonly heads?: number;
  /** A multiple of `heads`; default 64. */
  readonly width?: number;
}

const small = initializers.randomNormal({ stddev: 0.02 });
