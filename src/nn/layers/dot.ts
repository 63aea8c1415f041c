/** The scalar products of two tensors along one axis of each. */

import { flagOf } from '../../base/checks.ts';
import { describe } from '../../base/describe.ts';
import { ArgumentError, ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { normalizeAxis, type Shape } from '../../base/shape.ts';
import { matmul } from '../../ops/matmul.ts';
import { maximum, Tensor } from '../../tensor/tensor.ts';
import { LAYER_OPTIONS, type LayerConfig, type LayerOptions } from './layer.ts';
import { MergingLayer } from './merging.ts';
import type { SavedLayer } from './savedLayer.ts';

/** The smallest norm that vectors are divided by, as in Keras. */
export const LEAST_NORM = 1e-7;

/** Options of `Dot`. */
export interface DotOptions extends LayerOptions {
  /** Along which products are added up, the batch being axis 0, as in Keras: one of both inputs, or one of each. */
  readonly axes: number | readonly [number, number];
  /**
   * Whether vectors along the axes are divided by their Euclidean norm (at least 1e-7) before, which makes the cosine of the angle
   * between them; default false.
   */
  readonly normalize?: boolean;
}

/**
 * Scalar products of two inputs: of vectors [k] and [k] their product [1], of [m, k] and [n, k] along their last axes [m, n]; in
 * general the axes of the first input without the one that is added up, then those of the second.
 */
export class Dot extends MergingLayer {
  readonly className = 'Dot';
  readonly axes: number | readonly [number, number];
  readonly normalize: boolean;
  /** @internal */
  protected readonly expected: readonly [string, string];

  /** @throws ArgumentError unless `axes` are whole numbers other than 0, which is the batch */
  constructor(options: DotOptions) {
    checkOptions('Dot', options, { ...LAYER_OPTIONS, axes: true, normalize: true }, 'axes: -1');
    super(options);
    this.axes = axesOf(options.axes);
    this.normalize = flagOf(options.normalize ?? false, 'Dot', 'normalize');
    const [first, second] = pairOfAxes(this.axes);
    this.expected = [
      `two inputs, axis ${first} of the first as long as axis ${second} of the second`,
      'Apply it to a list of two, layer.apply([a, b]), and bring them to one extent there; the batch is axis 0.',
    ];
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Dot {
    const axes = saved.axes('axes');
    return new Dot({
      ...options,
      axes: typeof axes === 'number' ? axes : [axes[0], axes[1]],
      normalize: saved.flag('normalize'),
    });
  }

  /** Its sums would count what is left out. */
  override get supportsMasking(): boolean {
    return false;
  }

  /** Which axes of inputs of these ranks, batch included, are added up. @internal */
  axesFor(ranks: readonly number[]): readonly number[] {
    const pair = pairOfAxes(this.axes);
    return ranks.map((rank, at) => normalizeAxis(pair[at], rank, 'Dot'));
  }

  /** @internal */
  protected check(inputs: readonly Shape[]): void {
    if (inputs.length > 2) throw new ShapeError('Dot: more than two inputs. Give two.');
    const axes = this.axesFor(inputs.map((shape) => shape.length + 1));
    // Of an input with fewer axes than it counts from the end, it may be the batch.
    const [a, b] = inputs.map((shape, at) => shape[axes[at] - 1]);
    if (a === undefined || a !== b) throw new ShapeError('Dot: the extents differ. Make them equal.');
  }

  call(inputs: readonly Tensor[]): Tensor {
    const axes = this.axesFor(inputs.map(({ rank }) => rank));
    const [a, b] = this.normalize ? inputs.map((x, at) => unit(x, axes[at])) : inputs;
    if (a.rank === 2 && b.rank === 2) return a.mul(b).sum(1, true);
    const [left, right] = [matrices(a, axes[0]), matrices(b, axes[1])];
    const product = matmul(left.values.node, right.values.node, left.columns, !right.columns);
    const rest = [a, b].flatMap(({ shape }, at) => shape.filter((_, d) => d !== 0 && d !== axes[at]));
    return new Tensor(product).reshape([a.shape[0], ...rest]);
  }

  config(): LayerConfig {
    return { axes: this.axes, normalize: this.normalize };
  }
}

const pairOfAxes = (axes: Dot['axes']): readonly [number, number] => (typeof axes === 'number' ? [axes, axes] : axes);

function axesOf(given: unknown): Dot['axes'] {
  const isAxis = (axis: unknown): axis is number => typeof axis === 'number' && Number.isSafeInteger(axis);
  const axes: readonly unknown[] = Array.isArray(given) ? given : [given, given];
  const [first, second] = axes;
  if (axes.length !== 2 || !isAxis(first) || !isAxis(second)) {
    throw new ArgumentError(
      `Dot: axes must be a whole number or a list of two, got ${describe(given)}. Write axes: -1 for the last axes, or axes: [1, 2].`,
    );
  }
  if (first === 0 || second === 0) {
    throw new ArgumentError(
      'Dot: axes must not be 0, which is the batch: products are of one example each. Use -1 for the last axis.',
    );
  }
  return Array.isArray(given) ? Object.freeze([first, second] as const) : first;
}

/** Vectors along an axis, divided by their norms. */
function unit(x: Tensor, axis: number): Tensor {
  // Below the least norm no gradient goes through it, so that a vector of zeros has one that is finite.
  return x.div(maximum(x.square().sum(axis, true), LEAST_NORM ** 2).sqrt());
}

/** As [batch, rest, k], or where the axis comes first as it lies: in columns, [batch, k, rest]. */
function matrices(x: Tensor, axis: number): { readonly values: Tensor; readonly columns: boolean } {
  const [batch] = x.shape;
  const extent = x.shape[axis];
  const columns = axis === 1 && x.rank > 2;
  if (columns) return { values: x.reshape([batch, extent, -1]), columns };
  const others = x.shape.flatMap((_, d) => (d === axis ? [] : [d]));
  const turned = axis === x.rank - 1 ? x : x.transpose([...others, axis]);
  return { values: turned.reshape([batch, -1, extent]), columns };
}
