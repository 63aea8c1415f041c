/** The settings of a layer as a file has them. */

import type { Padding } from '../../base/shape.ts';
import { SavedState } from '../../io/state.ts';
import { type InitializerName, isInitializerName } from '../initializers.ts';
import { type ActivationName, activationNames } from './activations.ts';
import { type AnyLayer, type LayerOptions, PADDINGS } from './layer.ts';

/** Every method throws a DataError that names the layer and the setting where it is not what was asked for. */
export class SavedLayer extends SavedState {
  /** One number for the height and one for the width. */
  pair(key: string): readonly [number, number] {
    const [height, width] = this.numbers(key, 2);
    return [height, width];
  }

  activation(): ActivationName {
    return this.choice('activation', activationNames);
  }

  /** How a window moves over images. */
  window(): { strides: readonly [number, number]; padding: Padding } {
    return { strides: this.pair('strides'), padding: this.choice('padding', PADDINGS) };
  }

  /** The options of a layer that has a kernel, a bias and an activation. */
  kernelOptions() {
    return {
      activation: this.activation(),
      useBias: this.flag('useBias'),
      kernelInitializer: this.#initializer('kernelInitializer'),
      biasInitializer: this.#initializer('biasInitializer'),
    };
  }

  /** A function has no name to be saved by: the weights come from the file anyway. */
  #initializer(key: string): InitializerName | undefined {
    const name = this.isNull(key) ? '' : this.text(key);
    return isInitializerName(name) ? name : undefined;
  }
}

/** The class of a layer that a file can hold. */
export interface LoadableLayer {
  /** The layer that its `config()` describes. */
  fromConfig(saved: SavedLayer, options: LayerOptions): AnyLayer;
}
