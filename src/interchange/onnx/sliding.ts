/** How a window of a kernel or a pooling moves over its input. */
import { type Margins, type Padding, type Shape, spanOf, windowOf } from '../../base/shape.ts';
import { intsAttribute, type OnnxAttribute } from './file.ts';

/** How a window moves: a number or a name for each dimension of an image, or of a sequence. */
export interface Sliding {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly (Padding | Margins)[];
  readonly dilation?: readonly number[];
}

/** Kernel size, strides, dilation and padding: first in front along each dimension, then behind. */
export function slidingAttributes({ size, strides, dilation }: Sliding, around: readonly Margins[]): OnnxAttribute[] {
  const pads = [...around.map(([before]) => before), ...around.map(([, after]) => after)];
  const attributes = [
    intsAttribute('kernel_shape', size),
    intsAttribute('strides', strides),
    intsAttribute('pads', pads),
  ];
  if (dilation?.some((step) => step > 1)) attributes.push(intsAttribute('dilations', dilation));
  return attributes;
}

/** Those of a window over so many pixels, with the padding that `same` comes to. */
export function windowAttributes(extents: Shape, sliding: Sliding): OnnxAttribute[] {
  const { size, strides, padding, dilation } = sliding;
  const around = padding.map((one, d): Margins => {
    if (typeof one !== 'string') return one;
    const span = spanOf(size[d], dilation?.[d] ?? 1);
    const { output, before } = windowOf(extents[d], span, strides[d], one, 'exportOnnx');
    // Without padding the last pixels may be left over: that is no negative padding.
    const after = one === 'same' ? Math.max((output - 1) * strides[d] + span - extents[d] - before, 0) : 0;
    return [before, after];
  });
  return slidingAttributes(sliding, around);
}
