/** The residual network for CIFAR-10 of He et al. 2016, section 4.2. */
import {
  Activation,
  BatchNormalization,
  type CallContext,
  Conv2D,
  Dense,
  GlobalAveragePooling2D,
  Layer,
  type LayerOptions,
  type Shape,
  stridedSlice,
  type Tensor,
} from '../../src/index.ts';

/** relu(layers(x) + x). Where it halves the image or adds channels, x is every second pixel, with channels of zeros. */
export class ResidualBlock extends Layer {
  readonly className = 'ResidualBlock';
  readonly #layers: readonly Layer[];

  constructor(
    readonly filters: number,
    readonly strides = 1,
    options: LayerOptions = {},
  ) {
    super(options);
    this.#layers = [...convolution(filters, strides), new Activation('relu'), ...convolution(filters)];
  }

  call(x: Tensor, { apply }: CallContext): Tensor {
    const y = this.#layers.reduce((value, layer) => apply(layer, value), x);
    const { strides } = this;
    const kept = strides === 1 ? x : stridedSlice(x, [], [], [1, strides, strides]);
    const added = this.filters - x.shape[3];
    // biome-ignore format: an axis an entry
    return y.add(added === 0 ? kept : kept.pad([[0, 0], [0, 0], [0, 0], [0, added]])).relu();
  }

  config() {
    return { filters: this.filters, strides: this.strides };
  }
}

/** A convolution whose outputs are normalised. */
const convolution = (filters: number, strides = 1): Layer[] => [
  new Conv2D(filters, 3, { strides, padding: 'same', useBias: false, kernelInitializer: 'heNormal' }),
  new BatchNormalization({ momentum: 0.9 }),
];

/**
 * Three stages of `blocks` residual blocks, of `width`, 2 `width` and 4 `width` channels: 6 `blocks` + 2 layers with weights. Three
 * blocks of width 16 have 0.27 million parameters.
 */
export function resnetLayers(blocks: number, { width = 16, classes = 10 } = {}): Layer[] {
  const stage = (filters: number, strides: number): Layer[] =>
    Array.from({ length: blocks }, (_, at) => new ResidualBlock(filters, at === 0 ? strides : 1));
  return [
    ...convolution(width),
    new Activation('relu'),
    ...stage(width, 1),
    ...stage(2 * width, 2),
    ...stage(4 * width, 2),
    new GlobalAveragePooling2D(),
    new Dense(classes, { activation: 'softmax' }),
  ];
}

/** Of CIFAR-10's images. */
export const IMAGE: Shape = [32, 32, 3];
