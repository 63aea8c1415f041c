import { describe } from '../../base/describe.ts';
import { ArgumentError } from '../../base/errors.ts';
import { checkName, checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { concat } from '../../ops/concat.ts';
import { flip } from '../../ops/stridedSlice.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { GRU } from './gru.ts';
import {
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
 * together (Schuster and Paliwal 1997). With `returnSequences` both results of a step stand at that step. Weights: those of the layer
 * twice, `forward_lstm/kernel`, …, `backward_lstm/bias` for an `LSTM`.
 */
export class Bidirectional extends Layer {
  readonly className = 'Bidirectional';
  /** The layer that was given. */
  readonly forwardLayer: LSTM | GRU | SimpleRNN;
  /** The one like it that goes the other way. */
  readonly backwardLayer: LSTM | GRU | SimpleRNN;
  /** How their results are put together. */
  readonly mergeMode: MergeMode;

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
    this.forwardLayer = layer;
    this.backwardLayer = layer.reversed();
    this.mergeMode = checkName('Bidirectional', 'mergeMode', options.mergeMode ?? 'concat', MODES);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Bidirectional {
    const name = saved.isNull('layerName') ? undefined : saved.text('layerName');
    const kind = CLASSES[saved.choice('layer', CLASS_NAMES)];
    return new Bidirectional(kind.fromConfig(saved, { name }), {
      ...options,
      mergeMode: saved.choice('mergeMode', MODES),
    });
  }

  /** What the names of either layer's weights begin with. @internal */
  get folders(): readonly [forward: string, backward: string] {
    const { givenName, className } = this.forwardLayer;
    const called = givenName ?? { LSTM: 'lstm', GRU: 'gru', SimpleRNN: 'simple_rnn' }[className];
    return [`forward_${called}/`, `backward_${called}/`];
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    const [forward, backward] = this.folders;
    const under = (folder: string, specs: readonly WeightSpec[]): WeightSpec[] =>
      specs.map((spec) => ({ ...spec, name: folder + spec.name }));
    return [
      ...under(forward, this.forwardLayer.weights(input, name)),
      ...under(backward, this.backwardLayer.weights(input, name)),
    ];
  }

  call(x: Tensor, context: CallContext): Tensor {
    const half = context.weights.length / 2;
    const forward = this.forwardLayer.call(x, { ...context, weights: context.weights.slice(0, half) });
    const backward = this.backwardLayer.call(x, { ...context, weights: context.weights.slice(half) });
    const inOrder = this.forwardLayer.returnSequences ? new Tensor(flip(backward.node, [1])) : backward;
    return MERGES[this.mergeMode](forward, inOrder);
  }

  config(): LayerConfig {
    const { className, givenName } = this.forwardLayer;
    return { layer: className, layerName: givenName, mergeMode: this.mergeMode, ...this.forwardLayer.config() };
  }
}
