/**
 * Convolution + bias + ReLU + 2×2 max pooling and its gradient on GPUs: workgroups share the pixels under a tile of windows.
 */

import { type Shape, sizeOf } from '../../base/shape.ts';
import type { Binding, KernelTemplate, KernelVariant, Node, Scratch, Target } from '../../ir/op.ts';
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

/** The tile of so many windows at most that leaves the fewest of their threads without one; of several the widest. */
function tileOf(width: number, windows: number): Tile {
  let best: Tile = { rows: 1, columns: 1, across: width };
  const used = ({ rows, columns, across }: Tile): number => (rows * columns * width) / (across * columns);
  for (let across = Math.min(width, Math.ceil(width / windows) + 7); across >= Math.ceil(width / windows); across--) {
    const columns = Math.ceil(width / across);
    const tile = { rows: Math.floor(windows / columns), columns, across };
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
  const tile = tileOf(output[2] / 2, WINDOWS);
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

/** How a gradient's kernel is made: what a workgroup of it shares and what its threads sum up. */
interface Summing {
  readonly source: string;
  readonly tile: Tile;
  /** Of a workgroup, at most. */
  readonly threads: number;
  /** Channels of a thread. */
  readonly width: 2 | 4;
  /** Threads with the same channels that sum up different things. */
  readonly slices: number;
  /** Sums of each channel. */
  readonly sums: number;
  /** Words of the workgroup's memory that they may take then. */
  readonly words: number;
  readonly holes: Holes;
}

/** Partial sums, and the kernel that adds them. */
function gradient(
  [x, dy]: readonly Node[],
  attributes: Attributes,
  shape: Shape,
  target: Target,
  { source, tile, threads, width, slices, sums, words: room, holes: own }: Summing,
): KernelTemplate[] {
  const { winners, kernel, output } = attributes;
  const { holes, words, aligned } = tileHoles(attributes, tile);
  const quads = output[3] / 4;
  const blocks = Math.ceil(quads / BLOCK);
  const block = Math.ceil(quads / blocks) * (4 / width);
  const slots = 2 ** Math.floor(Math.log2(threads / (block * slices)));
  const workgroup = block * slices * slots;
  const atOnce = Math.min(sums, Math.floor(room / (width * workgroup)));
  const tiles = Math.ceil(rowsOf(attributes) / tile.rows) * tile.across;
  const chunk = Math.ceil(tiles / Math.ceil(BUSY / blocks));
  const chunks = Math.ceil(tiles / chunk);
  const partial: Scratch = { bytes: chunks * sizeOf(shape) * 4 };
  return [
    {
      label: 'conv2dPoolGradient (parts)',
      source: [shaders.conv2d_pool_tile, shaders.conv2d_pool_gradient_sums, source].join('\n'),
      workgroup,
      builtins: ['workgroup_id', 'local_invocation_index'],
      holes: {
        ...holes,
        ...own,
        MEMORY: Math.max(words, atOnce * workgroup * width),
        WORKGROUP: workgroup,
        BLOCK: block,
        SLOTS: slots,
        OWNERS: block * slices,
        WIDTH: width,
        KH: kernel[0],
        KW: kernel[1],
        SUMS: sums,
        AT_ONCE: atOnce,
        ROUNDS: Math.ceil(sums / atOnce),
      },
      reads: [
        imageOf(x, aligned),
        { name: 'dy', operand: dy, element: width === 4 ? 'vec4f' : 'vec2f' },
        { name: 'winners', operand: winners ?? dy, element: 'u32' },
      ],
      writes: [{ name: 'partial', operand: partial, element: 'f32' }],
      uniforms: { rows: rowsOf(attributes), tiles, chunk },
      grid: [blocks, chunks, 1],
    },
    ...sumOfParts('conv2dPoolGradient', partial, { outer: 1, extent: chunks, inner: sizeOf(shape) }, target),
  ];
}

/** A thread has one input channel and some rows of the kernel: see conv2d_pool_gradient_workgroup.wgsl. */
function byTaps({ input, kernel, output }: Attributes, select: boolean): Summing {
  const kernelRows = Math.ceil(kernel[0] / Math.ceil((kernel[0] * kernel[1]) / TAPS));
  const slices = input[3] * Math.ceil(kernel[0] / kernelRows);
  return {
    source: shaders.conv2d_pool_gradient_workgroup,
    tile: tileOf(output[2] / 2, WINDOWS),
    threads: THREADS,
    width: 4,
    slices,
    sums: kernelRows * kernel[1] + 1,
    words: WORDS,
    holes: { SLICES: slices, PW: kernel[1] + 1, KROWS: kernelRows, PROWS: kernelRows + 1, SELECT: select },
  };
}

/** A thread has all taps of two channels: see conv2d_pool_gradient_winograd.wgsl. */
function byWinograd({ input, output }: Attributes): Summing {
  const tile = tileOf(output[2] / 2, WINDOWS / 2);
  return {
    source: shaders.conv2d_pool_gradient_winograd,
    tile,
    threads: THREADS / 2,
    width: 2,
    slices: 1,
    sums: 9 * input[3] + 1,
    words: WORDS / 2,
    holes: { FACTORS: 16 * input[3], PRODUCTS: 16 * input[3], BESIDE: tile.across > 1 },
  };
}

export const pooling: PoolingWays = {
  forward,
  gradient(inputs, attributes, shape, target) {
    const { kernel, input } = attributes;
    const way = (name: string, summing: () => Summing): KernelVariant => ({
      name,
      kernels: () => gradient(inputs, attributes, shape, target, summing()),
    });
    const taps = [
      // Of the same useful products it takes a fifth fewer instructions.
      way('selected', () => byTaps(attributes, true)),
      way('products', () => byTaps(attributes, false)),
    ];
    if (kernel[0] !== 3 || kernel[1] !== 3) return taps;
    const winograd = way('winograd', () => byWinograd(attributes));
    // Signs and zeros of a gradient are found once for all input channels: it pays from two on.
    return input[3] > 1 ? [winograd, ...taps] : [taps[0], winograd, taps[1]];
  },
};
