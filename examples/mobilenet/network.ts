/** MobileNetV2 (Sandler et al. 2018), with the layers and strides of Keras' applications. */
import {
  Add,
  BatchNormalization,
  Conv2D,
  Dense,
  DepthwiseConv2D,
  GlobalAveragePooling2D,
  input,
  type Layer,
  Model,
  ReLU,
  type SymbolicTensor,
} from '../../src/index.ts';

/** How often wider it becomes within, channels, how many in a row, and strides of the first of them. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/**
 * Images in [-1, 1], which it halves five times, to shares of classes. `width`: how many of the paper's channels all layers but the last
 * convolution have, as a share; `momentum`: of the moving averages.
 */
export function mobileNetV2({ inputShape = [32, 32, 3], width = 1, classes = 10, momentum = 0.999, seed = 0 } = {}) {
  const plain = { useBias: false, padding: 'same' } as const;
  const normal = (x: SymbolicTensor, layer: Layer) => new BatchNormalization({ momentum }).apply(layer.apply(x));
  const clipped = (x: SymbolicTensor, layer: Layer) => new ReLU({ maxValue: 6 }).apply(normal(x, layer));
  const pixels = (filters: number) => new Conv2D(filters, 1, plain);

  const image = input(inputShape);
  let x = clipped(image, new Conv2D(channelsOf(32 * width), 3, { ...plain, strides: 2 }));
  for (const [expansion, channels, count, first] of STAGES) {
    for (let at = 0; at < count; at++) {
      const strides = at === 0 ? first : 1;
      const wide = expansion === 1 ? x : clipped(x, pixels(expansion * x.shape[2]));
      const deep = clipped(wide, new DepthwiseConv2D(3, { ...plain, strides }));
      const y = normal(deep, pixels(channelsOf(channels * width)));
      x = at === 0 ? y : new Add().apply([x, y]);
    }
  }
  const last = clipped(x, pixels(Math.max(1280, channelsOf(1280 * width))));
  const scores = new Dense(classes, { activation: 'softmax' }).apply(new GlobalAveragePooling2D().apply(last));
  return new Model({ inputs: image, outputs: scores, seed });
}

/** The nearest multiple of 8 that is not much smaller. */
function channelsOf(wanted: number): number {
  const near = Math.max(8, 8 * Math.floor((wanted + 4) / 8));
  return near < 0.9 * wanted ? near + 8 : near;
}
