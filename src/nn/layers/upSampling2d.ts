import { checkName, checkOptions } from '../../base/optionNames.ts';
import { type Pair, pairOf, type Shape } from '../../base/shape.ts';
import { tensor } from '../../tensor/creation.ts';
import { padEdge } from '../../tensor/shaping.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { expectImages, LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

const INTERPOLATIONS = ['nearest', 'bilinear'] as const;
type Interpolation = (typeof INTERPOLATIONS)[number];

/** Options of `UpSampling2D`. */
export interface UpSampling2DOptions extends LayerOptions {
  /** `nearest`, the default, repeats pixels; `bilinear` draws lines between their centres. */
  readonly interpolation?: Interpolation;
}

/** Images `size` times as large: [height, width, channels] to [height size, width size, channels]. */
export class UpSampling2D extends Layer {
  readonly className = 'UpSampling2D';
  readonly size: readonly [number, number];
  readonly interpolation: Interpolation;

  /**
   * @param size how many rows and columns become of one, or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(size: Pair = 2, options: UpSampling2DOptions = {}) {
    checkOptions('UpSampling2D', options, { ...LAYER_OPTIONS, interpolation: true });
    super(options);
    this.size = pairOf(size, 'UpSampling2D size');
    const { interpolation = 'nearest' } = options;
    this.interpolation = checkName('UpSampling2D', 'interpolation', interpolation, INTERPOLATIONS);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): UpSampling2D {
    const interpolation = saved.choice('interpolation', INTERPOLATIONS);
    return new UpSampling2D(saved.pair('size'), { ...options, interpolation });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return [];
  }

  call(x: Tensor): Tensor {
    const [rows, columns] = this.size;
    if (this.interpolation === 'bilinear') return between(between(x, 1, rows), 2, columns);
    const [batch, height, width, channels] = x.shape;
    const apart = x.reshape([batch, height, 1, width, 1, channels]);
    const repeated = apart.broadcastTo([batch, height, rows, width, columns, channels]);
    return repeated.reshape([batch, height * rows, width * columns, channels]);
  }

  config(): LayerConfig {
    return { size: this.size, interpolation: this.interpolation };
  }
}

/**
 * `size` values for each one along an axis, on the lines between neighbours, with centres as far apart as those of pixels of 1 / size;
 * beyond the outermost centres the values stay the same.
 */
function between(x: Tensor, axis: number, size: number): Tensor {
  if (size === 1) return x;
  const padded = padEdge(
    x,
    x.shape.map((_, d) => (d === axis ? [1, 1] : [0, 0])),
  );
  const apart = x.shape.toSpliced(axis + 1, 0, 1);
  const from = (begin: number): Tensor =>
    padded
      .slice(
        x.shape.map((_, d) => (d === axis ? begin : 0)),
        x.shape,
      )
      .reshape(apart);
  const centre = x.reshape(apart);
  // How far each of the new values lies behind the old one that it is nearest to.
  const behind = Array.from({ length: size }, (_, i) => (i + 0.5) / size - 0.5);
  const beside = (values: readonly number[]): Tensor =>
    tensor(
      values,
      apart.map((_, d) => (d === axis + 1 ? size : 1)),
    );
  const neighbour = beside(behind.map((place) => (place < 0 ? 1 : 0))).where(from(0), from(2));
  const y = centre.add(neighbour.sub(centre).mul(beside(behind.map(Math.abs))));
  return y.reshape(x.shape.with(axis, x.shape[axis] * size));
}
