/**
 * The kernels of two networks, each as a small graph on leaves that lie on the device. The planner fuses such a graph as
 * it fuses a training step, so what is measured is what training runs.
 *
 * The study's network (examples/study/network.ts), and one like VGG: 3×3 convolutions of 64 to 256 channels.
 *
 * Work is counted by formula. A product of [M, K] by [K, N] takes 2 M N K operations; so does a convolution with
 * M = batch · height · width positions, K = 9 · channels and N = filters, and each of its two gradients (border positions
 * count in full). Through a 2×2 max pooling only every fourth position has a gradient: where the planner fuses the two,
 * M is a quarter. Bytes are those that must move: each input read once, each result written once.
 */

import {
  add,
  batchRows,
  conv2d,
  dropout,
  fullNode,
  matmul,
  maxPool2d,
  mul,
  optimizerUpdate,
  relu,
  reluGradient,
  softmaxCrossEntropyPerExample,
  standIn,
  sum,
} from '../src/graph.ts';
import { Adam, type Node } from '../src/index.ts';
import { bytes, ids, type Leaf, positive, signed, words } from './leaves.ts';

export const NETWORKS = ['study', 'vgg'] as const;
export type NetworkName = (typeof NETWORKS)[number];
export type Direction = 'forward' | 'kernel grad' | 'input grad' | 'bias grad' | 'gradient' | 'update';

export interface Graph {
  readonly roots: readonly Node[];
  /** What only prepares the kernel's inputs; its time is subtracted. */
  readonly before?: readonly Node[];
}

export interface KernelCase {
  readonly network: NetworkName;
  readonly kernel: string;
  readonly direction: Direction;
  /** False where the work is the same at every batch size. */
  readonly batched: boolean;
  /** Operations on float32; 0 where only memory counts. */
  flops(batch: number): number;
  /** Bytes that must move; absent: those of all leaves and roots. */
  bytes?(batch: number): number;
  leaves(batch: number): readonly Leaf[];
  graph(leaves: readonly Node[], batch: number): Graph;
}

type Named = Pick<KernelCase, 'network' | 'kernel' | 'direction'>;
type Body = Omit<KernelCase, keyof Named | 'batched'>;

const kernelCase = (network: NetworkName, kernel: string, direction: Direction, body: Body): KernelCase => ({
  network,
  kernel,
  direction,
  batched: true,
  ...body,
});

export const matmulFlops = (m: number, n: number, k: number): number => 2 * m * n * k;

export interface Convolution {
  /** Height and width of the images, and of the result: `same` padding. */
  readonly side: number;
  readonly channels: number;
  readonly filters: number;
}

export const convFlops = (batch: number, { side, channels, filters }: Convolution): number =>
  matmulFlops(batch * side * side, filters, 9 * channels);

/** The gradient that a node's own rule gives to one of its inputs. */
function pull(node: Node, upstream: Node, input: number): Node {
  const needs = node.inputs.map((_, at) => at === input);
  const products = node.op.gradient(node, upstream, needs);
  const product = products === 'none' ? null : products[input];
  if (product === null || product === undefined) {
    throw new Error(`'${node.op.name}' has no gradient to its input ${input}. Choose an input that has one.`);
  }
  return product;
}

const DROPPED = 0.25;
const SAME = { padding: 'same' } as const;
const IMAGE = 32 * 32 * 3;

const images = (batch: number, side: number, channels: number): Leaf => signed(batch, side, side, channels);
const kernelOf = ({ channels, filters }: Convolution): Leaf => signed(3, 3, channels, filters);
const nameOf = ({ side, channels, filters }: Convolution): string => `conv ${channels}→${filters} at ${side}²`;

/** Convolution, bias and ReLU; `behind` is what its images came through. A pooling is a kernel of its own. */
function convolution(network: NetworkName, conv: Convolution, behind: 'relu' | 'pool'): KernelCase[] {
  const { side, channels, filters } = conv;
  const flops = (batch: number): number => convFlops(batch, conv);
  const name = nameOf(conv);
  return [
    kernelCase(network, `${name} +bias+relu`, 'forward', {
      flops,
      leaves: (batch) => [images(batch, side, channels), kernelOf(conv), signed(filters)],
      graph: ([x, kernel, bias]) => ({ roots: [relu(add(conv2d(x, kernel, SAME), bias))] }),
    }),
    kernelCase(network, name, 'kernel grad', {
      flops,
      leaves: (batch) => [images(batch, side, channels), images(batch, side, filters)],
      graph([x, dy]) {
        const kernel = standIn(kernelOf(conv).shape);
        return { roots: [pull(conv2d(x, kernel, SAME), dy, 1)] };
      },
    }),
    kernelCase(network, behind === 'relu' ? `${name} +reluGradient` : name, 'input grad', {
      flops,
      leaves: (batch) => [
        images(batch, side, filters),
        kernelOf(conv),
        ...(behind === 'relu' ? [images(batch, side, channels)] : []),
      ],
      graph([dy, kernel, y], batch) {
        const x = standIn(images(batch, side, channels).shape);
        const dx = pull(conv2d(x, kernel, SAME), dy, 0);
        return { roots: [behind === 'relu' ? reluGradient(dx, y) : dx] };
      },
    }),
    biasGradient(network, name, [side, side, filters]),
  ];
}

function biasGradient(network: NetworkName, kernel: string, shape: readonly number[]): KernelCase {
  return kernelCase(network, kernel, 'bias grad', {
    flops: () => 0,
    leaves: (batch) => [signed(batch, ...shape)],
    graph: ([dy]) => ({
      roots: [
        sum(
          dy,
          shape.map((_, at) => at),
        ),
      ],
    }),
  });
}

function pooling(network: NetworkName, side: number, channels: number): KernelCase[] {
  const name = `maxPool ${channels} at ${side}²`;
  return [
    kernelCase(network, name, 'forward', {
      flops: () => 0,
      leaves: (batch) => [images(batch, side, channels)],
      graph: ([x]) => ({ roots: [maxPool2d(x, { poolSize: 2 })] }),
    }),
    kernelCase(network, `${name} +reluGradient`, 'gradient', {
      flops: () => 0,
      leaves: (batch) => [images(batch, side, channels), images(batch, side / 2, channels)],
      graph: ([x, dy]) => ({ roots: [reluGradient(pull(maxPool2d(x, { poolSize: 2 }), dy, 0), x)] }),
    }),
  ];
}

interface Dense {
  readonly inputs: number;
  readonly units: number;
  /** What follows the product and the bias. */
  readonly after: 'relu' | 'relu+dropout' | 'nothing';
  /** What the inputs came through. */
  readonly behind: 'relu' | 'relu+dropout' | 'nothing';
}

function dense(network: NetworkName, { inputs, units, after, behind }: Dense): KernelCase[] {
  const name = `dense ${inputs}→${units}`;
  const flops = (batch: number): number => matmulFlops(batch, units, inputs);
  const suffix = behind === 'relu+dropout' ? ' +dropout+reluGradient' : behind === 'relu' ? ' +reluGradient' : '';
  return [
    kernelCase(network, `${name} +bias${after === 'nothing' ? '' : `+${after}`}`, 'forward', {
      flops,
      leaves: (batch) => [signed(batch, inputs), signed(inputs, units), signed(units)],
      graph([x, kernel, bias]) {
        const product = add(matmul(x, kernel), bias);
        if (after === 'nothing') return { roots: [product] };
        const y = relu(product);
        return { roots: after === 'relu' ? [y] : [y, dropout(y, DROPPED, 1)] };
      },
    }),
    kernelCase(network, name, 'kernel grad', {
      flops,
      leaves: (batch) => [signed(batch, inputs), signed(batch, units)],
      graph: ([x, dy]) => ({ roots: [matmul(x, dy, true, false)] }),
    }),
    kernelCase(network, `${name}${suffix}`, 'input grad', {
      flops,
      leaves: (batch) => [
        signed(batch, units),
        signed(inputs, units),
        ...(behind === 'nothing' ? [] : [signed(batch, inputs)]),
      ],
      graph([dy, kernel, y]) {
        const product = matmul(dy, kernel, false, true);
        if (behind === 'nothing') return { roots: [product] };
        return { roots: [reluGradient(behind === 'relu' ? product : dropout(product, DROPPED, 1), y)] };
      },
    }),
    biasGradient(network, name, [units]),
  ];
}

/** The optimizer's step over all weights of a network. */
function update(network: NetworkName, weights: number): KernelCase {
  return {
    ...kernelCase(network, 'adam', 'update', {
      flops: () => 0,
      // Weights, two moments and the gradient come, all but the gradient go.
      bytes: () => 7 * 4 * weights,
      leaves: () => [
        signed(weights),
        signed(weights),
        positive(weights),
        signed(weights),
        words(-1, 0, 0, 0),
        words(0, 0, 0, 0),
      ],
      graph: ([weight, mean, square, slope, health, leftOut]) => ({
        roots: [optimizerUpdate(new Adam().rule, weight, [mean, square], slope, { health, leftOut })],
      }),
    }),
    batched: false,
  };
}

/** Convolution, bias, ReLU and pooling, which the planner fuses for images of few channels. */
function pooledConvolution(network: NetworkName, conv: Convolution): KernelCase[] {
  const { side, channels, filters } = conv;
  const name = `${nameOf(conv)} +bias+relu+maxPool`;
  const pooled = (batch: number): number => (batch * side * side * filters) / 4;
  const block = (x: Node, kernel: Node, bias: Node) => {
    const product = conv2d(x, kernel, SAME);
    const y = relu(add(product, bias));
    return { product, y, pool: maxPool2d(y, { poolSize: 2 }) };
  };
  return [
    kernelCase(network, `${name}+dropout`, 'forward', {
      flops: (batch) => convFlops(batch, conv),
      leaves: (batch) => [images(batch, side, channels), kernelOf(conv), signed(filters)],
      graph([x, kernel, bias]) {
        const { pool } = block(x, kernel, bias);
        return { roots: [pool, dropout(pool, DROPPED, 1)] };
      },
    }),
    kernelCase(network, name, 'kernel grad', {
      flops: (batch) => convFlops(batch, conv) / 4,
      bytes: (batch) => 4 * (batch * side * side * channels + pooled(batch) + 9 * channels * filters) + pooled(batch),
      leaves: (batch) => [
        images(batch, side, channels),
        kernelOf(conv),
        signed(filters),
        images(batch, side / 2, filters),
      ],
      graph([x, kernel, bias, dy]) {
        // It reads which position of each window won, so the forward pass must run first, with its result as a root.
        const { product, y, pool } = block(x, kernel, bias);
        const gated = reluGradient(pull(pool, dy, 0), y);
        return { roots: [pool, pull(product, gated, 1)], before: [pool, reluGradient(dy, pool)] };
      },
    }),
    biasGradient(network, nameOf(conv), [side / 2, side / 2, filters]),
  ];
}

/** Rows of the data set that batches are gathered from. */
const rowsFor = (batch: number): number => Math.max(4096, batch);

function study(): KernelCase[] {
  const network = 'study';
  const classes = 10;
  const logits = (batch: number): Leaf[] => [signed(batch, classes), ids(batch, classes)];
  return [
    kernelCase(network, 'gather bytes, to float, 1/255', 'forward', {
      flops: () => 0,
      bytes: (batch) => batch * (IMAGE * (1 + 4) + 4),
      leaves: (batch) => [bytes(rowsFor(batch), 32, 32, 3), ids(rowsFor(batch), rowsFor(batch))],
      graph: ([data, order], batch) => ({
        roots: [mul(batchRows([data], order, batch, data.shape[0]), fullNode(1 / 255))],
      }),
    }),
    ...pooledConvolution(network, { side: 32, channels: 3, filters: 32 }),
    kernelCase(network, 'dropout 8192', 'forward', {
      flops: () => 0,
      leaves: (batch) => [signed(batch, 8192)],
      graph: ([x]) => ({ roots: [dropout(x, DROPPED, 1)] }),
    }),
    ...dense(network, { inputs: 8192, units: 100, after: 'relu+dropout', behind: 'relu+dropout' }),
    ...dense(network, { inputs: 100, units: classes, after: 'nothing', behind: 'relu+dropout' }),
    kernelCase(network, 'softmax cross-entropy', 'forward', {
      flops: () => 0,
      leaves: logits,
      graph: ([x, labels]) => ({ roots: [softmaxCrossEntropyPerExample(x, labels)] }),
    }),
    kernelCase(network, 'softmax cross-entropy', 'gradient', {
      flops: () => 0,
      leaves: (batch) => [...logits(batch), signed(batch)],
      graph: ([x, labels, dy]) => ({ roots: [pull(softmaxCrossEntropyPerExample(x, labels), dy, 0)] }),
    }),
    update(network, 9 * 3 * 32 + 32 + 8192 * 100 + 100 + 100 * classes + classes),
  ];
}

function vgg(): KernelCase[] {
  const network = 'vgg';
  const weights = 9 * (64 * 64 + 64 * 128 + 128 * 256 + 256 * 256) + 4096 * 256 + 256 * 10;
  return [
    ...convolution(network, { side: 32, channels: 64, filters: 64 }, 'pool'),
    ...pooling(network, 32, 64),
    ...convolution(network, { side: 16, channels: 64, filters: 128 }, 'pool'),
    ...pooling(network, 16, 128),
    ...convolution(network, { side: 8, channels: 128, filters: 256 }, 'pool'),
    ...convolution(network, { side: 8, channels: 256, filters: 256 }, 'relu'),
    ...pooling(network, 8, 256),
    ...dense(network, { inputs: 4096, units: 256, after: 'relu', behind: 'nothing' }),
    ...dense(network, { inputs: 256, units: 10, after: 'nothing', behind: 'relu' }),
    update(network, weights),
  ];
}

/** Every case, forward before backward. */
export const kernelCases = (): KernelCase[] => [...study(), ...vgg()];
