import { checkOptions } from '../../base/optionNames.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { checkFinite, LAYER_OPTIONS, type LayerConfig, type LayerOptions, PointwiseLayer } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** x scale + offset, for instance `new Rescaling(1 / 255)` for images of bytes. */
export class Rescaling extends PointwiseLayer {
  readonly className = 'Rescaling';
  readonly scale: number;
  readonly offset: number;

  /** @param scale factor of the inputs */
  constructor(
    scale: number,
    options: LayerOptions & {
      /** Added after scaling; default 0. */
      readonly offset?: number;
    } = {},
  ) {
    checkOptions('Rescaling', options, { ...LAYER_OPTIONS, offset: true });
    super(options);
    const { offset = 0 } = options;
    checkFinite('Rescaling', 'scale', scale);
    checkFinite('Rescaling', 'offset', offset);
    this.scale = scale;
    this.offset = offset;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Rescaling {
    return new Rescaling(saved.number('scale'), { ...options, offset: saved.number('offset') });
  }

  call(x: Tensor): Tensor {
    const scaled = x.mul(this.scale);
    return this.offset === 0 ? scaled : scaled.add(this.offset);
  }

  config(): LayerConfig {
    return { scale: this.scale, offset: this.offset };
  }
}
