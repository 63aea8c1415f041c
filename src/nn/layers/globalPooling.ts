import { flagOf } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import {
  type CallContext,
  expectImages,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';
import { expectSequences } from './sequences.ts';

/** Options of the poolings over all positions. */
export interface GlobalPoolingOptions extends LayerOptions {
  /** Keep the axes that are pooled with an extent of 1; default false. */
  readonly keepDims?: boolean;
}

abstract class GlobalPooling extends Layer {
  readonly keepDims: boolean;

  constructor(options: GlobalPoolingOptions = {}) {
    const who = new.target.name;
    checkOptions(who, options, { ...LAYER_OPTIONS, keepDims: true });
    super(options);
    this.keepDims = flagOf(options.keepDims ?? false, who, 'keepDims');
  }

  /** @internal */
  static fromConfig<T>(this: new (options: GlobalPoolingOptions) => T, saved: SavedLayer, options: LayerOptions): T {
    return new this({ ...options, ...saved.keepDims() });
  }

  config(): LayerConfig {
    return { keepDims: this.keepDims };
  }
}

abstract class GlobalPooling1D extends GlobalPooling {
  override weights(input: Shape, name: string): WeightSpec[] {
    expectSequences(input, name, this.className);
    return [];
  }
}

abstract class GlobalPooling2D extends GlobalPooling {
  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return [];
  }
}

/** The mean over all pixels: [batch, height, width, channels] to [batch, channels]. */
export class GlobalAveragePooling2D extends GlobalPooling2D {
  /** @internal */
  static override readonly name: string = 'GlobalAveragePooling2D';
  readonly className = 'GlobalAveragePooling2D';

  call(x: Tensor): Tensor {
    return x.mean([1, 2], this.keepDims);
  }
}

/** The largest of all pixels: [batch, height, width, channels] to [batch, channels]; ties share the gradient. */
export class GlobalMaxPooling2D extends GlobalPooling2D {
  /** @internal */
  static override readonly name: string = 'GlobalMaxPooling2D';
  readonly className = 'GlobalMaxPooling2D';

  call(x: Tensor): Tensor {
    return x.max([1, 2], this.keepDims);
  }
}

/**
 * The mean over all steps: [batch, steps, channels] to [batch, channels]. Steps that a mask leaves out do not count; NaN where it leaves
 * out all of an example.
 */
export class GlobalAveragePooling1D extends GlobalPooling1D {
  /** @internal */
  static override readonly name: string = 'GlobalAveragePooling1D';
  readonly className = 'GlobalAveragePooling1D';

  override get supportsMasking(): boolean {
    return true;
  }

  override computeMask(): null {
    return null;
  }

  call(x: Tensor, { masks: [mask] = [] }: CallContext): Tensor {
    if (!mask) return x.mean(1, this.keepDims);
    const present = mask.reshape([...mask.shape, 1]);
    return present.where(x, 0).sum(1, this.keepDims).div(present.sum(1, this.keepDims));
  }
}

/** The largest of all steps: [batch, steps, channels] to [batch, channels]; ties share the gradient. */
export class GlobalMaxPooling1D extends GlobalPooling1D {
  /** @internal */
  static override readonly name: string = 'GlobalMaxPooling1D';
  readonly className = 'GlobalMaxPooling1D';

  call(x: Tensor): Tensor {
    return x.max(1, this.keepDims);
  }
}
