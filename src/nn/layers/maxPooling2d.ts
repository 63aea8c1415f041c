import type { Pool2dOptions } from '../../ops/pool2d.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { LayerOptions } from './layer.ts';
import { Pooling2D } from './pooling2d.ts';
import type { SavedLayer } from './savedLayer.ts';

/** The largest value of each window; the pool size defaults to 2. */
export class MaxPooling2D extends Pooling2D {
  /** @internal */
  static override readonly name: string = 'MaxPooling2D';
  readonly className = 'MaxPooling2D';

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): MaxPooling2D {
    return new MaxPooling2D(saved.pair('poolSize'), { ...options, ...saved.window() });
  }

  /** @internal */
  protected pool(x: Tensor, options: Pool2dOptions): Tensor {
    return x.maxPool2d(options);
  }
}
