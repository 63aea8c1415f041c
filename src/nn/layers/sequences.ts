/** What layers of sequences have in common. */

import { ShapeError } from '../../base/errors.ts';
import { formatShape, type Shape } from '../../base/shape.ts';

/** Throws unless the inputs are sequences. */
export function expectSequences(input: Shape, name: string, className: string): void {
  if (input.length === 2) return;
  throw new ShapeError(
    `Layer '${name}' (${className}) expects sequences [batch, steps, channels], got ${formatShape(input)} an example. ` +
      `Add a Reshape before it, for example to [${input[0] ?? 1}, ${input.length > 2 ? -1 : 1}].`,
  );
}
