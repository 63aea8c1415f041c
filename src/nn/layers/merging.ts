/** Layers that make one tensor of several. */

import { ArgumentError, ShapeError, WgradError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { broadcastShapes, formatShape, normalizeAxis, type Shape } from '../../base/shape.ts';
import { ones } from '../../tensor/creation.ts';
import { concat } from '../../tensor/functional.ts';
import { maximum, minimum, type Tensor } from '../../tensor/tensor.ts';
import { LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** A layer on a list of tensors. @internal */
export abstract class MergingLayer extends Layer<readonly Tensor[]> {
  /** What shapes must be, in words, and a remedy. @internal */
  protected abstract readonly expected: readonly [string, string];

  /** Throws where the shapes do not fit. @internal */
  protected abstract check(inputs: readonly Shape[]): void;

  override get supportsMasking(): boolean {
    return true;
  }

  /** A step is there where it is there in one of the inputs that have a mask; in Keras one input without a mask takes all masks away. */
  override computeMask(_: readonly Tensor[], masks: readonly (Tensor | null)[]): Tensor | null {
    const given = masks.filter((mask) => mask !== null);
    return given.length === 0 ? null : given.reduce((either, mask) => maximum(either, mask));
  }

  override weights(input: Shape, name: string, inputs: readonly Shape[] = [input]): WeightSpec[] {
    const [expected, remedy] = this.expected;
    const refuse = (cause?: unknown): never => {
      throw new ShapeError(
        `Layer '${name}' (${this.className}) expects ${expected}, got ${inputs.map((shape) => formatShape(shape)).join(', ')} an example. ${remedy}`,
        { cause },
      );
    };
    if (inputs.length < 2) refuse();
    try {
      this.check(inputs);
    } catch (error) {
      if (!(error instanceof WgradError)) throw error;
      refuse(error);
    }
    return [];
  }
}

/** One that goes element by element, with broadcasting. */
abstract class Elementwise extends MergingLayer {
  /** @internal */
  protected readonly expected: readonly [string, string] = [
    'at least two inputs that broadcast to one shape',
    'Apply it to a list: layer.apply([a, b]); bring other shapes to that of the rest before.',
  ];

  constructor(options: LayerOptions = {}) {
    checkOptions(new.target.name, options, LAYER_OPTIONS);
    super(options);
  }

  /** @internal */
  static fromConfig<T>(this: new (options: LayerOptions) => T, _: SavedLayer, options: LayerOptions): T {
    return new this(options);
  }

  /** @internal */
  protected check(inputs: readonly Shape[]): void {
    broadcastShapes(inputs, this.className);
  }

  call(xs: readonly Tensor[]): Tensor {
    const rank = Math.max(...xs.map((x) => x.rank));
    // The batch stays in front, whatever the rest broadcasts to.
    const aligned = xs.map((x) => {
      const [batch, ...rest] = x.shape;
      return x.rank === rank ? x : x.reshape([batch, ...Array<number>(rank - x.rank).fill(1), ...rest]);
    });
    return this.merge(aligned);
  }

  /** Of inputs of one rank. @internal */
  protected abstract merge(xs: readonly Tensor[]): Tensor;

  config(): LayerConfig {
    return {};
  }
}

/** The sum of the inputs, element by element; shapes of one example broadcast. */
export class Add extends Elementwise {
  /** @internal */
  static override readonly name: string = 'Add';
  readonly className = 'Add';

  /** @internal */
  protected merge(xs: readonly Tensor[]): Tensor {
    return xs.reduce((sum, x) => sum.add(x));
  }
}

/** The first of two inputs less the second, element by element; shapes of one example broadcast. */
export class Subtract extends Elementwise {
  /** @internal */
  static override readonly name: string = 'Subtract';
  readonly className = 'Subtract';
  /** @internal */
  protected override readonly expected = [
    'two inputs that broadcast to one shape',
    'Apply it to a list of two: layer.apply([a, b]).',
  ] as const;

  /** @internal */
  protected override check(inputs: readonly Shape[]): void {
    if (inputs.length > 2) throw new ShapeError('Subtract: more than two inputs. Give two.');
    super.check(inputs);
  }

  /** @internal */
  protected merge([a, b]: readonly Tensor[]): Tensor {
    return a.sub(b);
  }
}

/** The product of the inputs, element by element; shapes of one example broadcast. */
export class Multiply extends Elementwise {
  /** @internal */
  static override readonly name: string = 'Multiply';
  readonly className = 'Multiply';

  /** @internal */
  protected merge(xs: readonly Tensor[]): Tensor {
    return xs.reduce((product, x) => product.mul(x));
  }
}

/** The mean of the inputs, element by element; shapes of one example broadcast. */
export class Average extends Elementwise {
  /** @internal */
  static override readonly name: string = 'Average';
  readonly className = 'Average';

  /** @internal */
  protected merge(xs: readonly Tensor[]): Tensor {
    return xs.reduce((sum, x) => sum.add(x)).div(xs.length);
  }
}

/** The largest of the inputs, element by element; shapes of one example broadcast. */
export class Maximum extends Elementwise {
  /** @internal */
  static override readonly name: string = 'Maximum';
  readonly className = 'Maximum';

  /** @internal */
  protected merge(xs: readonly Tensor[]): Tensor {
    return xs.reduce((most, x) => maximum(most, x));
  }
}

/** The smallest of the inputs, element by element; shapes of one example broadcast. */
export class Minimum extends Elementwise {
  /** @internal */
  static override readonly name: string = 'Minimum';
  readonly className = 'Minimum';

  /** @internal */
  protected merge(xs: readonly Tensor[]): Tensor {
    return xs.reduce((least, x) => minimum(least, x));
  }
}

/** Options of `Concatenate`. */
export interface ConcatenateOptions extends LayerOptions {
  /** Along which the inputs are joined, the batch being axis 0, as in Keras; default -1, the last. */
  readonly axis?: number;
}

/** The inputs one behind the other along an axis; all other extents are the same. */
export class Concatenate extends MergingLayer {
  readonly className = 'Concatenate';
  readonly axis: number;
  /** @internal */
  protected readonly expected: readonly [string, string];

  /** @throws ArgumentError where `axis` is the batch or no whole number */
  constructor(options: ConcatenateOptions = {}) {
    checkOptions('Concatenate', options, { ...LAYER_OPTIONS, axis: true });
    super(options);
    this.axis = options.axis ?? -1;
    if (!Number.isSafeInteger(this.axis) || this.axis === 0) {
      throw new ArgumentError(
        `Concatenate: axis must be a whole number other than 0, which is the batch, got ${this.axis}. Use -1 for the last axis.`,
      );
    }
    this.expected = [
      `at least two inputs that differ in axis ${this.axis} alone`,
      'Apply it to a list: layer.apply([a, b]); bring the other axes to one extent before.',
    ];
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Concatenate {
    return new Concatenate({ ...options, axis: saved.number('axis') });
  }

  /** @internal */
  protected check(inputs: readonly Shape[]): void {
    const [first] = inputs;
    const axis = normalizeAxis(this.axis, first.length + 1, 'Concatenate') - 1;
    const rest = (shape: Shape): string => [shape.length, ...shape.filter((_, d) => d !== axis)].join();
    if (axis < 0 || inputs.some((shape) => rest(shape) !== rest(first))) {
      throw new ShapeError('Concatenate: other extents differ. Make them equal.');
    }
  }

  /** Of inputs that are joined along their steps, the masks are joined as well. */
  override computeMask(xs: readonly Tensor[], masks: readonly (Tensor | null)[]): Tensor | null {
    const rank = masks.find((mask) => mask !== null)?.rank ?? 0;
    const axis = normalizeAxis(this.axis, xs[0].rank, 'Concatenate');
    if (axis >= rank) return super.computeMask(xs, masks);
    return concat(
      xs.map((x, at) => masks[at] ?? ones(x.shape.slice(0, rank))),
      axis,
    );
  }

  call(xs: readonly Tensor[]): Tensor {
    return concat(xs, this.axis);
  }

  config(): LayerConfig {
    return { axis: this.axis };
  }
}
