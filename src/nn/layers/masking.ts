import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { ones } from '../../tensor/creation.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { checkFinite, LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';
import { expectSequences } from './sequences.ts';

/** Options of `Masking`. */
export interface MaskingOptions extends LayerOptions {
  /** Default 0. */
  readonly maskValue?: number;
}

/**
 * Leaves out steps of [steps, features] whose features are all `maskValue`, as padding is: the layers behind are given a mask, and such
 * steps become 0.
 */
export class Masking extends Layer {
  readonly className = 'Masking';
  readonly maskValue: number;
  /** By what the layer was applied to: `call` and who asks for the mask after it have the same one. */
  readonly #masks = new WeakMap<Tensor, Tensor>();

  /** @throws ArgumentError where `maskValue` is not finite */
  constructor(options: MaskingOptions = {}) {
    checkOptions('Masking', options, { ...LAYER_OPTIONS, maskValue: true });
    super(options);
    this.maskValue = options.maskValue ?? 0;
    checkFinite('Masking', 'maskValue', this.maskValue);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Masking {
    return new Masking({ ...options, maskValue: saved.number('maskValue') });
  }

  override get supportsMasking(): boolean {
    return true;
  }

  /** Whatever was left out before: the values alone decide, as in Keras. */
  override computeMask(x: Tensor): Tensor {
    const mask = this.#masks.get(x) ?? ones([]).sub(x.equal(this.maskValue).min(-1));
    this.#masks.set(x, mask);
    return mask;
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectSequences(input, name, this.className);
    return [];
  }

  call(x: Tensor): Tensor {
    const mask = this.computeMask(x);
    return mask.reshape([...mask.shape, 1]).where(x, 0);
  }

  config(): LayerConfig {
    return { maskValue: this.maskValue };
  }
}
