/**
 * Convolution + bias + ReLU + 2×2 max pooling and its gradient on GPUs: workgroups share the pixels under a tile of windows.
 */

import { type Shape, sizeOf } from '../../base/shape.ts';
import type { Binding, KernelTemplate, Node, Scratch, Target } from '../../ir/op.ts';
import { GUARANTEED_WORKGROUP } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import type { Holes } from '../../wgsl/template.ts';
import {
  type ConvPoolAttributes as Attributes,
  imageHoles,
  type PoolingWays,
  patchHoles,
  weightReads,
  winnerWrites,
} from '../pooling.ts';
import { sumOfParts } from '../reduce.ts';

/** Windows of a workgroup, at most: the pixels of so many always fit its memory. */
const WINDOWS = 64;
/** Words of memory that every workgroup has. */
const WORDS = GUARANTEED_WORKGROUP.bytes / 4;
/** Threads of a workgroup of the gradient, at most, and workgroups that keep a GPU busy. */
const THREADS = 256;
const BUSY = 256;
/** Fours of channels that a workgroup of the gradient takes: with them neighbouring threads read 128 bytes. */
const BLOCK = 8;
/** Taps of a thread: each takes four registers. */
const TAPS = 16;

interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** Tiles beside each other. */
  readonly across: number;
}

/** The tile that leaves the fewest of a workgroup's threads without a window; of several the widest. */
function tileOf(width: number): Tile {
  let best: Tile = { rows: 1, columns: 1, across: width };
  const used = ({ rows, columns, across }: Tile): number => (rows * columns * width) / (across * columns);
  for (let across = Math.min(width, Math.ceil(width / WINDOWS) + 7); across >= Math.ceil(width / WINDOWS); across--) {
    const columns = Math.ceil(width / across);
    const tile = { rows: Math.floor(WINDOWS / columns), columns, across };
    if (used(tile) >= used(best)) best = tile;
  }
  return best;
}

/** What the shared text needs, and the number of words of the tile's pixels. */
function tileHoles(
  attributes: Attributes,
  { rows, columns, across }: Tile,
): { readonly holes: Holes; readonly words: number; readonly aligned: boolean } {
  const { input, kernel } = attributes;
  const wide = (2 * columns + kernel[1] - 1) * input[3];
  const patchRows = kernel[0] + 1;
  const aligned = (input[2] * input[3]) % 4 === 0;
  return {
    holes: {
      ...imageHoles(attributes),
      PH: patchRows,
      ROWS: rows,
      COLUMNS: columns,
      TILES_X: across,
      WIDE: wide,
      ALIGNED: aligned,
      // A tile may begin three floats behind an aligned one.
      VECTORS: Math.ceil((wide + 3) / 4),
    },
    words: rows * patchRows * wide,
    aligned,
  };
}

const imageOf = (x: Node, aligned: boolean): Binding => ({
  name: 'x',
  operand: x,
  element: aligned ? 'vec4f' : 'f32',
});

/** Rows of windows, through all images. */
const rowsOf = ({ output: [batch, height] }: Attributes): number => (batch * height) / 2;

function forward(inputs: readonly Node[], attributes: Attributes): KernelTemplate[] {
  const [x, kernel, bias] = inputs;
  const { winners, output } = attributes;
  const tile = tileOf(output[2] / 2);
  const { holes, words, aligned } = tileHoles(attributes, tile);
  const windows = tile.rows * tile.columns;
  const quads = output[3] / 4;
  // A whole row of few channels, else 128 bytes of it.
  const chunk = quads <= 10 ? quads : 8;
  const results = windows * (chunk * 4 + (winners === null ? 0 : Math.ceil(chunk / 4)));
  return [
    {
      label: 'conv2d+relu+maxPool2d',
      source: `${shaders.conv2d_pool_tile}\n${shaders.conv2d_pool_workgroup}`,
      workgroup: WINDOWS,
      builtins: ['workgroup_index', 'local_invocation_index'],
      holes: {
        ...holes,
        MEMORY: Math.max(words, results),
        WORKGROUP: WINDOWS,
        CHUNK: chunk,
        TURN: 1 - (chunk % 2),
        ...patchHoles(attributes),
        WINNERS: winners !== null,
      },
      reads: [imageOf(x, aligned), ...weightReads(kernel, bias)],
      writes: winnerWrites(attributes),
      uniforms: { rows: rowsOf(attributes) },
      grid: Math.ceil(rowsOf(attributes) / tile.rows) * tile.across,
      width: 4,
    },
  ];
}

/** Partial sums, and the kernel that adds them. */
function gradient(
  [x, dy]: readonly Node[],
  attributes: Attributes,
  shape: Shape,
  target: Target,
  select: boolean,
): KernelTemplate[] {
  const { winners, kernel, input, output } = attributes;
  const tile = tileOf(output[2] / 2);
  const { holes, words, aligned } = tileHoles(attributes, tile);
  const quads = output[3] / 4;
  const blocks = Math.ceil(quads / BLOCK);
  const block = Math.ceil(quads / blocks);
  const kernelRows = Math.ceil(kernel[0] / Math.ceil((kernel[0] * kernel[1]) / TAPS));
  const slices = input[3] * Math.ceil(kernel[0] / kernelRows);
  const slots = 2 ** Math.floor(Math.log2(THREADS / (block * slices)));
  const workgroup = block * slices * slots;
  const sums = kernelRows * kernel[1] + 1;
  const atOnce = Math.min(sums, Math.floor(WORDS / (4 * workgroup)));
  const tiles = Math.ceil(rowsOf(attributes) / tile.rows) * tile.across;
  const chunk = Math.ceil(tiles / Math.ceil(BUSY / blocks));
  const chunks = Math.ceil(tiles / chunk);
  const partial: Scratch = { bytes: chunks * sizeOf(shape) * 4 };
  return [
    {
      label: 'conv2dPoolGradient (parts)',
      source: `${shaders.conv2d_pool_tile}\n${shaders.conv2d_pool_gradient_workgroup}`,
      workgroup,
      builtins: ['workgroup_id', 'local_invocation_index'],
      holes: {
        ...holes,
        MEMORY: Math.max(words, atOnce * workgroup * 4),
        WORKGROUP: workgroup,
        BLOCK: block,
        SLICES: slices,
        SLOTS: slots,
        KH: kernel[0],
        KW: kernel[1],
        PW: kernel[1] + 1,
        KROWS: kernelRows,
        PROWS: kernelRows + 1,
        SUMS: sums,
        AT_ONCE: atOnce,
        ROUNDS: Math.ceil(sums / atOnce),
        SELECT: select,
      },
      reads: [
        imageOf(x, aligned),
        { name: 'dy', operand: dy, element: 'vec4f' },
        { name: 'winners', operand: winners ?? dy, element: 'u32' },
      ],
      writes: [{ name: 'partial', operand: partial, element: 'vec4f' }],
      uniforms: { rows: rowsOf(attributes), tiles, chunk },
      grid: [blocks, chunks, 1],
    },
    ...sumOfParts('conv2dPoolGradient', partial, { outer: 1, extent: chunks, inner: sizeOf(shape) }, target),
  ];
}

export const pooling: PoolingWays = {
  forward,
  // See conv2d_pool_gradient_workgroup.wgsl.
  gradient: (...of) => [
    // Of the same useful products it takes a fifth fewer instructions.
    { name: 'selected', kernels: () => gradient(...of, true) },
    { name: 'products', kernels: () => gradient(...of, false) },
  ],
};
