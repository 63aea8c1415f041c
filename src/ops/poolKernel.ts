/** Kernels over the windows of images: max and average pooling, and their ways back. */

import { sizeOf } from '../base/shape.ts';
import type { Binding, KernelTemplate, Pooling } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { pickHoles } from '../wgsl/template.ts';
import { isLong, withLongSum } from './longSum.ts';

const TEXTS: Readonly<Record<Pooling['text'], string>> = {
  pool2d: shaders.pool2d,
  pool2d_gradient: shaders.pool2d_gradient,
  max_pool2d_pick: shaders.max_pool2d_pick,
  max_pool2d_scatter: shaders.max_pool2d_scatter,
};

export function poolKernel({ label, text, window, over, operands, holes }: Pooling): KernelTemplate {
  const { size, stride, before, input, output } = window;
  const width = input[3] % 4 === 0 ? 4 : 1;
  const count = sizeOf(over) / width;
  const reads = Object.entries(operands).map(
    ([name, operand]): Binding => ({ name, operand, element: width === 4 ? 'vec4f' : 'f32' }),
  );
  const source = withLongSum(TEXTS[text]);
  return {
    label,
    source,
    holes: pickHoles(source, {
      LONG: isLong(size[0] * size[1]),
      H: input[1],
      W: input[2],
      C: input[3] / width,
      OH: output[1],
      OW: output[2],
      KH: size[0],
      KW: size[1],
      STRIDE_Y: stride[0],
      STRIDE_X: stride[1],
      PAD_Y: before[0],
      PAD_X: before[1],
      ...holes,
    }),
    reads,
    uniforms: { count },
    grid: Math.ceil(count / 64),
    width,
  };
}
