/** Axes as options name them: Keras' numbers, of inputs [batch, ...], so that 0 is the batch. */

import { refuse } from '../../base/checks.ts';
import { ShapeError } from '../../base/errors.ts';
import { frozen, normalizeAxes, type Shape } from '../../base/shape.ts';

/** One axis or several. */
export type LayerAxes = number | readonly number[];

/** @throws ArgumentError for anything but whole numbers */
export function checkAxes(who: string, axis: LayerAxes, name = 'axis'): LayerAxes {
  const list: readonly unknown[] = Array.isArray(axis) ? axis : [axis];
  if (list.length > 0 && list.every(Number.isSafeInteger)) return typeof axis === 'number' ? axis : frozen(axis);
  refuse(who, name, 'a whole number or an array of them', axis, 'The last axis is -1; 0 is the batch.');
}

/** The axes of inputs of this shape an example, in ascending order. */
export function axesOf(axis: LayerAxes, input: Shape, name: string, className: string): number[] {
  const who = `Layer '${name}' (${className})`;
  const axes = normalizeAxes(axis, input.length + 1, who);
  if (!axes.includes(0)) return axes;
  throw new ShapeError(
    `${who}: axis 0 of inputs [batch, ...] is the batch. Count the others from 1, or from -1 backward.`,
  );
}

/** A weight [extents of the axes] in the shape in which it meets inputs [batch, ...]. */
export const besideOthers = (axes: readonly number[], inputs: Shape): number[] =>
  inputs.slice(1).map((extent, d) => (axes.includes(d + 1) ? extent : 1));
