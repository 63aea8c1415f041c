/** How a GPU permutes axes whose neighbours lie far apart: see transpose_tile.wgsl. */

import { type Shape, sizeOf, stridesOf } from '../../base/shape.ts';
import type { KernelTemplate, Node } from '../../ir/op.ts';
import { valueType } from '../../ir/scope.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';

/** Neighbours that lie at most so far apart share lines of memory as they are. */
const NEAR = 4;
/** Elements below which there is less than one tile. */
const SMALL = 1024;
const SIDE = 32;

/** Neighbouring axes that stay neighbours, as one. */
interface Run {
  size: number;
  /** Elements between neighbours in the input. */
  stride: number;
}

/** The result's axes from outside, with those that stay together merged. */
function runsOf(shape: Shape, permutation: readonly number[]): Run[] {
  const strides = stridesOf(shape);
  const runs: Run[] = [];
  for (const axis of permutation) {
    const [size, stride] = [shape[axis], strides[axis]];
    if (size === 1) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.stride === stride * size) {
      last.size *= size;
      last.stride = stride;
    } else {
      runs.push({ size, stride });
    }
  }
  return runs;
}

/** WGSL of where the `other`th combination of places along `runs` begins, with these strides. */
function startOf(runs: readonly Run[], strides: readonly number[]): string {
  let inner = 1;
  const terms = runs.map(({ size }, at) => {
    const term = `other / ${inner}u % ${size}u * ${strides[at]}u`;
    inner *= size;
    return term;
  });
  return terms.length === 0 ? '0u' : terms.join(' + ');
}

/** The kernel of a permutation of `x`; null where reading element by element is as good. */
export function permutation(x: Node, axes: readonly number[]): KernelTemplate | null {
  if (x.dtype === 'uint8' || sizeOf(x.shape) < SMALL) return null;
  const runs = runsOf(x.shape, axes);
  const rows = runs.at(-1);
  const columns = runs.find(({ stride }) => stride === 1);
  if (rows === undefined || columns === undefined || rows.stride <= NEAR || rows.size <= NEAR) return null;
  const to = stridesOf(runs.map(({ size }) => size));
  const others = runs.filter((run) => run !== rows && run !== columns);
  const count = others.reduce((product, { size }) => product * size, 1);
  const element = valueType(x.dtype, 1);
  return {
    label: 'transpose',
    source: shaders.transpose_tile,
    workgroup: 256,
    builtins: ['workgroup_index', 'local_invocation_index'],
    holes: {
      ROWS: rows.size,
      COLUMNS: columns.size,
      OTHERS: count,
      ELEMENT: element,
      STEP_FROM: rows.stride,
      STEP_TO: to[runs.indexOf(columns)],
      FROM: startOf(
        others,
        others.map(({ stride }) => stride),
      ),
      TO: startOf(
        others,
        others.map((run) => to[runs.indexOf(run)]),
      ),
    },
    reads: [{ name: 'x', operand: x, element }],
    grid: Math.ceil(columns.size / SIDE) * Math.ceil(rows.size / SIDE) * count,
  };
}
