import { describe } from '../../base/describe.ts';
import { ArgumentError } from '../../base/errors.ts';
import { checkName, checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { concat } from '../../ops/concat.ts';
import { flip } from '../../ops/stridedSlice.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { GRU } from './gru.ts';
import {
  type AnyLayer,
  type CallContext,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import { LSTM } from './lstm.ts';
import type { SavedLayer } from './savedLayer.ts';
import { SimpleRNN } from './simpleRNN.ts';

/** How the results of both ways are put together, [..., units] each: `concat` gives [..., 2 units], `ave` their mean. */
export type MergeMode = 'concat' | 'sum' | 'mul' | 'ave';

const MERGES: Readonly<Record<MergeMode, (forward: Tensor, backward: Tensor) => Tensor>> = {
  concat: (forward, backward) => new Tensor(concat([forward.node, backward.node], -1)),
  sum: (forward, backward) => forward.add(backward),
  mul: (forward, backward) => forward.mul(backward),
  ave: (forward, backward) => forward.add(backward).mul(0.5),
};

/** Options of `Bidirectional`. */
export interface BidirectionalOptions extends LayerOptions {
  /** How the two results are put together: `concat` (default), `sum`, `mul` or `ave`, the mean. */
  readonly mergeMode?: MergeMode;
}

const MODES = Object.keys(MERGES).filter((name): name is MergeMode => name in MERGES);
const OPTIONS = { ...LAYER_OPTIONS, mergeMode: true } as const;
const CLASSES = { LSTM, GRU, SimpleRNN } as const;
const CLASS_NAMES = Object.keys(CLASSES).filter((name): name is keyof typeof CLASSES => name in CLASSES);

/**
 * A recurrent layer and a second one like it, with weights of its own, that goes along the steps the other way; their results are put
 * together (Schuster and Paliwal 1997). With `returnSequences` both results of a step stand at that step, and as in Keras those of a step
 * that a mask leaves out are 0. Weights: those of the two layers that it holds, `forward_lstm/kernel`, …, `backward_lstm/bias` for an
 * `LSTM`.
 */
export class Bidirectional extends Layer {
  readonly className = 'Bidirectional';
  /** A copy of the layer that was given, with `forward_` before its name. */
  readonly forwardLayer: LSTM | GRU | SimpleRNN;
  /** One like it that goes the other way, with `backward_` before the name. */
  readonly backwardLayer: LSTM | GRU | SimpleRNN;
  /** How their results are put together. */
  readonly mergeMode: MergeMode;
  /** The name of the layer that was given. */
  readonly #givenName: string | null;

  /**
   * @param layer an `LSTM`, `GRU` or `SimpleRNN`
   * @throws ArgumentError for an argument outside its range
   */
  constructor(layer: LSTM | GRU | SimpleRNN, options: BidirectionalOptions = {}) {
    checkOptions('Bidirectional', options, OPTIONS);
    const given: unknown = layer;
    if (!CLASS_NAMES.some((name) => given instanceof CLASSES[name])) {
      throw new ArgumentError(
        `Bidirectional: expected a recurrent layer, got ${describe(given)}. Give one of ${CLASS_NAMES.join(', ')}.`,
      );
    }
    super({ ...(layer.inputShape === null ? {} : { inputShape: layer.inputShape }), ...options });
    const name = layer.givenName ?? { LSTM: 'lstm', GRU: 'gru', SimpleRNN: 'simple_rnn' }[layer.className];
    this.#givenName = layer.givenName;
    this.forwardLayer = layer.copy(`forward_${name}`, false);
    this.backwardLayer = layer.copy(`backward_${name}`, true);
    this.mergeMode = checkName('Bidirectional', 'mergeMode', options.mergeMode ?? 'concat', MODES);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Bidirectional {
    const named = saved.keys.includes('layerName') && !saved.isNull('layerName');
    const name = named ? saved.text('layerName') : undefined;
    const kind = CLASSES[saved.choice('layer', CLASS_NAMES)];
    return new Bidirectional(kind.fromConfig(saved, { name }), {
      ...options,
      mergeMode: saved.choice('mergeMode', MODES),
    });
  }

  override get held(): readonly AnyLayer[] {
    return [this.forwardLayer, this.backwardLayer];
  }

  override get supportsMasking(): boolean {
    return true;
  }

  override computeMask(_: Tensor, [mask]: readonly (Tensor | null)[]): Tensor | null {
    return this.forwardLayer.returnSequences ? this.#turned(mask) : null;
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    // Whether the inputs fit, under the name that a person knows; the weights are those of the layers that it holds.
    this.forwardLayer.weights(input, name);
    return [];
  }

  call(x: Tensor, { apply, masks: [mask = null] = [] }: CallContext): Tensor {
    const forward = apply(this.forwardLayer, x);
    const backward = apply(this.backwardLayer, x);
    if (!this.forwardLayer.returnSequences) return MERGES[this.mergeMode](forward, backward);
    const y = MERGES[this.mergeMode](forward, new Tensor(flip(backward.node, [1])));
    const present = this.#turned(mask);
    return present === null ? y : present.reshape([...present.shape, 1]).where(y, 0);
  }

  /** In the order in which the forward layer goes. */
  #turned(mask: Tensor | null): Tensor | null {
    return mask === null || !this.forwardLayer.goBackwards ? mask : new Tensor(flip(mask.node, [1]));
  }

  config(): LayerConfig {
    const { className } = this.forwardLayer;
    return {
      layer: className,
      ...(this.#givenName !== null && { layerName: this.#givenName }),
      mergeMode: this.mergeMode,
      ...this.forwardLayer.config(),
    };
  }
}
