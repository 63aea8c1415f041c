import type { Pool2dOptions } from '../../ops/pool2d.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { LayerOptions } from './layer.ts';
import { Pooling2D } from './pooling2d.ts';
import type { SavedLayer } from './savedLayer.ts';

/** The mean of each window's pixels, padding left out; the pool size defaults to 2. */
export class AveragePooling2D extends Pooling2D {
  /** @internal */
  static override readonly name: string = 'AveragePooling2D';
  readonly className = 'AveragePooling2D';

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): AveragePooling2D {
    return new AveragePooling2D(saved.pair('poolSize'), { ...options, ...saved.window() });
  }

  /** @internal */
  protected pool(x: Tensor, options: Pool2dOptions): Tensor {
    return x.avgPool2d(options);
  }
}
