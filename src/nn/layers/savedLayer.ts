/** The settings of a layer as a file has them. */

import { DataError } from '../../base/errors.ts';
import type { ConvPadding, Padding } from '../../base/shape.ts';
import { SavedState } from '../../io/state.ts';
import type { SequencePadding } from '../../ops/conv1d.ts';
import { type InitializerName, isInitializerName } from '../initializers.ts';
import { l1l2, type Regularizer } from '../regularizers.ts';
import { type ActivationName, activationNames } from './activations.ts';
import { OWN } from './kernel.ts';
import { type AnyLayer, type LayerOptions, PADDINGS } from './layer.ts';

/** Every method throws a DataError that names the layer and the setting where it is not what was asked for. */
export class SavedLayer extends SavedState {
  /** One number for the height and one for the width. */
  pair(key: string): readonly [number, number] {
    const [height, width] = this.numbers(key, 2);
    return [height, width];
  }

  /** One axis or several. */
  axes(key: string): number | readonly number[] {
    return this.isNumber(key) ? this.number(key) : this.numbers(key);
  }

  activation(): ActivationName {
    return this.choice('activation', activationNames);
  }

  /** How a window moves over images. */
  window(): { strides: readonly [number, number]; padding: Padding } {
    return { strides: this.pair('strides'), padding: this.choice('padding', PADDINGS) };
  }

  /** How a kernel moves over images; files of before there was more have strides and padding alone. */
  sliding() {
    return {
      strides: this.pair('strides'),
      padding: this.#convPadding(),
      ...(this.keys.includes('dilationRate') && { dilationRate: this.pair('dilationRate') }),
    };
  }

  /** The groups of a convolution; likewise. */
  groups() {
    return this.keys.includes('groups') ? { groups: this.whole('groups') } : {};
  }

  /** How a window moves over sequences. */
  steps(): { strides: number; padding: Padding } {
    return { strides: this.whole('strides'), padding: this.choice('padding', PADDINGS) };
  }

  /** The padding of sequences: a name, or steps in front and behind. */
  sequencePadding(): SequencePadding {
    if (!this.isList('padding')) return this.choice('padding', [...PADDINGS, 'causal'] as const);
    const [before, after] = this.numbers('padding', 2);
    return [before, after];
  }

  /** Whether pooled axes are kept; files of before there was a choice do not say. */
  keepDims() {
    return this.keys.includes('keepDims') ? { keepDims: this.flag('keepDims') } : {};
  }

  #convPadding(): ConvPadding {
    if (!this.isList('padding')) return this.choice('padding', PADDINGS);
    const [above, below, left, right] = this.numbers('padding', 4);
    return [
      [above, below],
      [left, right],
    ];
  }

  /** The options of a layer that has a kernel, a bias and an activation. */
  kernelOptions() {
    return {
      ...this.biasOptions(),
      kernelInitializer: this.initializer('kernelInitializer'),
      ...this.regularizers(['kernelRegularizer']),
    };
  }

  /** Those of a layer that has a bias and an activation. */
  biasOptions() {
    return {
      activation: this.activation(),
      useBias: this.flag('useBias'),
      biasInitializer: this.initializer('biasInitializer'),
      ...this.regularizers(['biasRegularizer', 'activityRegularizer']),
    };
  }

  /** The penalties with these names. */
  regularizers<Name extends string>(names: readonly Name[]): Partial<Record<Name, Regularizer>> {
    const found: Partial<Record<Name, Regularizer>> = {};
    for (const name of names) found[name] = this.#regularizer(name);
    return found;
  }

  /** Files of layers without one have none. */
  #regularizer(key: string): Regularizer | undefined {
    if (!this.keys.includes(key)) return undefined;
    if (this.isText(key) && this.text(key) === OWN) {
      throw new DataError(
        `load: a layer has a ${key} of your own, which a file cannot keep. Build the model in code and load its weights with load(), or ` +
          'make the layer yourself with customObjects.',
      );
    }
    const [l1, l2] = this.numbers(key, 2);
    if (l1 >= 0 && l2 >= 0 && Number.isFinite(l1 + l2)) return l1l2({ l1, l2 });
    throw new DataError(`load: the file has the ${key} [${l1}, ${l2}]. It is damaged; save the model again.`);
  }

  /** A function has no name to be saved by: the weights come from the file anyway. */
  initializer(key: string): InitializerName | undefined {
    const name = this.isNull(key) ? '' : this.text(key);
    return isInitializerName(name) ? name : undefined;
  }
}

/** The class of a layer that a file can hold. */
export interface LoadableLayer {
  /** The layer that its `config()` describes. */
  fromConfig(saved: SavedLayer, options: LayerOptions): AnyLayer;
}
