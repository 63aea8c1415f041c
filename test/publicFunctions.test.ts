/**
 * Every public function of tensors against a float64 reference: its value, and its gradient against central differences of the
 * reference. One without a case does not compile. Where `python3` has PyTorch, that is asked, too. What kernels get wrong, many shapes and
 * special numbers, is looked at where the functions' operations are tested (ops.test.ts, functions.test.ts, shaping.test.ts, ...).
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as f from '../src/index.ts';
import { gradients } from '../src/ops/gradients.ts';
import { pythonWith } from './interchange.ts';
import type { FunctionName } from './publicNames.ts';
import * as o from './reference.ts';
import { draw, drawnAt, evaluate, given, type Input, ints, maskOf, nodeOf, oracleOf, TOLERANCE } from './support.ts';

type Array64 = o.Array64;

interface Case {
  /** Default: one of [3, 5]. */
  readonly inputs?: readonly Input[];
  /** The function called; default: with the inputs alone. */
  readonly of?: (x: f.Tensor, y: f.Tensor, z: f.Tensor) => f.Tensor;
  readonly oracle: (x: Array64, y: Array64, z: Array64) => Array64;
  /** The same of PyTorch's tensors x, y, z; null where it has none. */
  readonly torch: string | null;
  /** Of values and gradients, default 1e-5. */
  readonly tolerance?: number;
}

const { scalar64 } = o;
const one = [draw([3, 5])];
const positive = [draw([3, 5], 0.5, 3)];
const two = [draw([3, 5]), draw([5])];
const within = [draw([3, 5], -0.9, 0.9)];
const images = draw([2, 5, 4, 3]);
const sequences = draw([2, 7, 3]);
const first = 'lambda t: t.movedim(-1, 1)';
const last = 'movedim(1, -1)';

const map = (x: Array64, of: (value: number) => number): Array64 => ({ ...x, data: x.data.map(of) });
const list = (values: readonly number[]): Array64 => o.array64(values, [values.length]);
/** By the places along the last axis. */
const picked = (x: Array64, places: readonly number[]): Array64 => o.gather(x, list(places), 1);
/** Sequences as images of one row. */
const asRow = (x: Array64): Array64 => o.reshape(x, [x.shape[0], 1, ...x.shape.slice(1)]);
const ofRow = (x: Array64): Array64 => o.reshape(x, [x.shape[0], ...x.shape.slice(2)]);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const cube = (x: f.Tensor): f.Tensor => x.mul(x).mul(x);

/** The name of a function is the key; the types say which there must be. */
const cases: Readonly<Record<FunctionName, Case>> = {
  add: { inputs: two, oracle: o.add, torch: 'x + y' },
  sub: { inputs: two, oracle: o.sub, torch: 'x - y' },
  mul: { inputs: two, oracle: o.mul, torch: 'x * y' },
  div: { inputs: [draw([3, 5]), draw([5], 0.5, 2)], oracle: o.div, torch: 'x / y' },
  neg: { oracle: o.neg, torch: '-x' },
  pow: { inputs: [draw([3, 5], 0.5, 3), draw([5])], oracle: o.pow, torch: 'x ** y' },
  square: { oracle: o.square, torch: 'x.square()' },
  sqrt: { inputs: positive, oracle: o.sqrt, torch: 'x.sqrt()' },
  exp: { oracle: o.exp, torch: 'x.exp()' },
  log: { inputs: positive, oracle: o.log, torch: 'x.log()' },
  abs: { oracle: o.abs, torch: 'x.abs()' },
  sign: { oracle: o.sign, torch: 'x.sign()' },
  maximum: { inputs: two, oracle: o.maximum, torch: 'x.maximum(y)' },
  minimum: { inputs: two, oracle: o.minimum, torch: 'x.minimum(y)' },
  clip: { of: (x) => f.clip(x, -0.5, 1.25), oracle: (x) => o.clip(x, -0.5, 1.25), torch: 'x.clip(-0.5, 1.25)' },
  where: {
    inputs: [ints([1, 0, 0, 1, 1]), ...two],
    oracle: (when, a, b) => o.where(o.broadcastTo(when, a.shape), a, o.broadcastTo(b, a.shape)),
    torch: 'torch.where(x != 0, y, z)',
  },
  equal: { inputs: [given([1, 2, 3]), given([1, 4, 3])], oracle: o.equal, torch: '(x == y).double()' },
  greater: { inputs: two, oracle: o.greater, torch: '(x > y).double()' },
  less: { inputs: two, oracle: o.less, torch: '(x < y).double()' },
  relu: { oracle: o.relu, torch: 'F.relu(x)' },
  leakyRelu: { oracle: (x) => o.leakyRelu(x, 0.2), torch: 'F.leaky_relu(x, 0.2)' },
  elu: { of: (x) => f.elu(x, 0.5), oracle: (x) => o.elu(x, 0.5), torch: 'F.elu(x, 0.5)' },
  gelu: { oracle: o.gelu, torch: 'F.gelu(x)' },
  sigmoid: { oracle: o.sigmoid, torch: 'x.sigmoid()' },
  tanh: { oracle: o.tanh, torch: 'x.tanh()' },
  softplus: { oracle: o.softplus, torch: 'F.softplus(x, threshold=50)' },
  silu: { oracle: o.silu, torch: 'F.silu(x)' },
  softmax: { oracle: o.softmax, torch: 'x.softmax(-1)' },
  logSoftmax: { oracle: o.logSoftmax, torch: 'x.log_softmax(-1)' },
  floor: { oracle: o.floor, torch: 'x.floor()' },
  ceil: { oracle: o.ceil, torch: 'x.ceil()' },
  round: { oracle: o.round, torch: 'x.round()' },
  floorDivide: {
    inputs: [draw([3, 5], -9, 9), draw([5], 1, 3)],
    oracle: o.floorDivide,
    torch: 'torch.floor_divide(x, y).detach()',
  },
  mod: { inputs: [draw([3, 5], -9, 9), draw([5], 1, 3)], oracle: o.mod, torch: 'torch.remainder(x, y)' },
  sin: { oracle: o.sin, torch: 'x.sin()' },
  cos: { oracle: o.cos, torch: 'x.cos()' },
  tan: { inputs: within, oracle: o.tan, torch: 'x.tan()' },
  asin: { inputs: within, oracle: o.asin, torch: 'x.asin()' },
  acos: { inputs: within, oracle: o.acos, torch: 'x.acos()' },
  atan: { oracle: o.atan, torch: 'x.atan()' },
  atan2: { inputs: two, oracle: o.atan2, torch: 'torch.atan2(x, y)' },
  sinh: { oracle: o.sinh, torch: 'x.sinh()' },
  cosh: { oracle: o.cosh, torch: 'x.cosh()' },
  erf: { oracle: (x) => map(x, o.erf), torch: 'x.erf()' },
  isNaN: {
    inputs: [given([1, Number.NaN, 3])],
    oracle: (x) => map(x, (value) => Number(Number.isNaN(value))),
    torch: 'x.isnan().double()',
  },
  isFinite: {
    inputs: [given([1, Number.NaN, Number.POSITIVE_INFINITY])],
    oracle: (x) => map(x, (value) => Number(Number.isFinite(value))),
    torch: 'x.isfinite().double()',
  },
  isInf: {
    inputs: [given([1, Number.NaN, Number.NEGATIVE_INFINITY])],
    oracle: (x) => map(x, (value) => Number(Math.abs(value) === Number.POSITIVE_INFINITY)),
    torch: 'x.isinf().double()',
  },
  sum: { of: (x) => f.sum(x, 0), oracle: (x) => o.sum(x, 0), torch: 'x.sum(0)' },
  mean: { of: (x) => f.mean(x, -1, true), oracle: (x) => o.mean(x, 1, true), torch: 'x.mean(-1, True)' },
  max: { of: (x) => f.max(x, 0), oracle: (x) => o.max(x, 0), torch: 'x.amax(0)' },
  min: { of: (x) => f.min(x, 1), oracle: (x) => o.min(x, 1), torch: 'x.amin(1)' },
  prod: { of: (x) => f.prod(x, 1), oracle: (x) => o.prod(x, 1), torch: 'x.prod(1)' },
  logSumExp: { of: (x) => f.logSumExp(x, 0), oracle: (x) => o.logSumExp(x, 0), torch: 'x.logsumexp(0)' },
  variance: {
    of: (x) => f.variance(x, 1, false, { correction: 1 }),
    oracle: (x) => o.variance(x, 1, false, 1),
    torch: 'x.var(1, unbiased=True)',
  },
  std: { of: (x) => f.std(x, 0), oracle: (x) => o.sqrt(o.variance(x, 0)), torch: 'x.std(0, unbiased=False)' },
  any: {
    inputs: [given([0, 2, 0, 0], [2, 2])],
    of: (x) => f.any(x, 1),
    oracle: (x) =>
      o.max(
        map(x, (value) => Number(value !== 0)),
        1,
      ),
    torch: '(x != 0).any(1).double()',
  },
  all: {
    inputs: [given([3, 2, 0, 1], [2, 2])],
    of: (x) => f.all(x, 1),
    oracle: (x) =>
      o.min(
        map(x, (value) => Number(value !== 0)),
        1,
      ),
    torch: '(x != 0).all(1).double()',
  },
  argMax: { of: (x) => f.argMax(x, 0), oracle: (x) => o.argMax(x, 0), torch: 'x.argmax(0).double()' },
  argMin: { of: (x) => f.argMin(x), oracle: (x) => o.argMax(o.neg(x), 1), torch: 'x.argmin(1).double()' },
  cumsum: { oracle: (x) => o.cumsum(x, 1), torch: 'x.cumsum(-1)' },
  sort: { oracle: (x) => o.sort(x).values, torch: 'x.sort(-1)[0]' },
  argSort: {
    of: (x) => f.argSort(x, { descending: true }),
    oracle: (x) => o.sort(x, true).order,
    torch: 'x.argsort(-1, True).double()',
  },
  topK: {
    of: (x) => f.topK(x, 2).values,
    oracle: (x) => o.slice(o.sort(x, true).values, [0, 0], [3, 2]),
    torch: 'x.topk(2)[0]',
  },
  reshape: { of: (x) => f.reshape(x, [5, -1]), oracle: (x) => o.reshape(x, [5, 3]), torch: 'x.reshape(5, 3)' },
  transpose: {
    inputs: [draw([2, 3, 5])],
    of: (x) => f.transpose(x, [2, 0, 1]),
    oracle: (x) => o.transpose(x, [2, 0, 1]),
    torch: 'x.permute(2, 0, 1)',
  },
  slice: { of: (x) => f.slice(x, [1, -3], [2, 2]), oracle: (x) => o.slice(x, [1, 2], [2, 2]), torch: 'x[1:3, 2:4]' },
  stridedSlice: {
    of: (x) => f.stridedSlice(x, [null, 1], [2], [1, 2]),
    oracle: (x) => o.stridedSlice(x, [0, 1], [2, 2], [1, 2]),
    torch: 'x[:2, 1::2]',
  },
  pad: {
    of: (x) =>
      f.pad(
        x,
        [
          [1, 0],
          [2, 1],
        ],
        7,
      ),
    oracle: (x) =>
      o.pad(
        x,
        [
          [1, 0],
          [2, 1],
        ],
        7,
      ),
    torch: 'F.pad(x, (2, 1, 1, 0), value=7.0)',
  },
  padReflect: {
    of: (x) =>
      f.padReflect(x, [
        [0, 0],
        [2, 1],
      ]),
    oracle: (x) => picked(x, [2, 1, 0, 1, 2, 3, 4, 3]),
    torch: "F.pad(x[None], (2, 1), mode='reflect')[0]",
  },
  padEdge: {
    of: (x) =>
      f.padEdge(x, [
        [0, 0],
        [2, 1],
      ]),
    oracle: (x) => picked(x, [0, 0, 0, 1, 2, 3, 4, 4]),
    torch: "F.pad(x[None], (2, 1), mode='replicate')[0]",
  },
  broadcastTo: {
    inputs: [draw([3, 1])],
    of: (x) => f.broadcastTo(x, [2, 3, 5]),
    oracle: (x) => o.broadcastTo(x, [2, 3, 5]),
    torch: 'x.broadcast_to(2, 3, 5)',
  },
  expandDims: { of: (x) => f.expandDims(x, 1), oracle: (x) => o.reshape(x, [3, 1, 5]), torch: 'x.unsqueeze(1)' },
  squeeze: { inputs: [draw([3, 1, 5])], oracle: (x) => o.reshape(x, [3, 5]), torch: 'x.squeeze()' },
  stack: {
    of: (x) => f.stack([x, x.mul(2)], 1),
    oracle: (x) => o.concat([o.reshape(x, [3, 1, 5]), o.reshape(o.mul(x, scalar64(2)), [3, 1, 5])], 1),
    torch: 'torch.stack([x, x * 2], 1)',
  },
  unstack: {
    of: (x) => f.unstack(x, 1)[2].mul(f.unstack(x, 1)[0]),
    oracle: (x) => o.reshape(o.mul(picked(x, [2]), picked(x, [0])), [3]),
    torch: 'x.unbind(1)[2] * x.unbind(1)[0]',
  },
  split: { of: (x) => f.split(x, [2, 3])[1], oracle: (x) => picked(x, [2, 3, 4]), torch: 'x.split([2, 3], -1)[1]' },
  concat: {
    inputs: [draw([3, 5]), draw([3, 2])],
    of: (x, y) => f.concat([x, y]),
    oracle: (x, y) => o.concat([x, y], 1),
    torch: 'torch.cat([x, y], -1)',
  },
  tile: { of: (x) => f.tile(x, [1, 2]), oracle: (x) => o.concat([x, x], 1), torch: 'x.tile(1, 2)' },
  flip: { of: (x) => f.flip(x, 1), oracle: (x) => picked(x, [4, 3, 2, 1, 0]), torch: 'x.flip(1)' },
  gather: {
    inputs: [draw([5, 3]), ints([4, 0, 4])],
    oracle: (x, ids) => o.gather(x, ids),
    torch: 'x[y]',
  },
  oneHot: {
    inputs: [ints([2, 0, 3])],
    of: (ids) => f.oneHot(ids, 4),
    oracle: (ids) => o.oneHot(ids, 4),
    torch: 'F.one_hot(x, 4).double()',
  },
  stopGradient: {
    of: (x) => f.stopGradient(x).mul(0).add(x.square()),
    oracle: o.square,
    torch: 'x.detach() * 0 + x.square()',
  },
  matmul: { inputs: [draw([2, 3, 5]), draw([5, 2])], oracle: o.matmul, torch: 'x @ y' },
  dense: { inputs: [draw([3, 5]), draw([5, 2]), draw([2])], oracle: o.dense, torch: 'x @ y + z' },
  einsum: {
    inputs: [draw([2, 3, 5]), draw([5, 4])],
    of: (x, y) => f.einsum('bij,jk->kb', x, y),
    oracle: (x, y) => o.transpose(o.sum(o.matmul(x, y), 1)),
    torch: "torch.einsum('bij,jk->kb', x, y)",
  },
  conv2d: {
    inputs: [images, draw([3, 2, 3, 2]), draw([2])],
    of: (x, kernel, bias) => f.conv2d(x, kernel, { bias, strides: 2, padding: 1 }),
    oracle: (x, kernel, bias) => o.conv2d(x, kernel, { bias, strides: 2, padding: 1 }),
    torch: `F.conv2d((${first})(x), y.permute(3, 2, 0, 1), z, 2, 1).${last}`,
  },
  conv1d: {
    inputs: [sequences, draw([3, 3, 2]), draw([2])],
    of: (x, kernel, bias) => f.conv1d(x, kernel, { bias, strides: 2 }),
    oracle: (x, kernel, bias) => ofRow(o.conv2d(asRow(x), o.reshape(kernel, [1, 3, 3, 2]), { bias, strides: [1, 2] })),
    torch: `F.conv1d((${first})(x), y.permute(2, 1, 0), z, 2).${last}`,
  },
  depthwiseConv2d: {
    inputs: [images, draw([3, 2, 3, 2]), draw([6])],
    of: (x, kernel, bias) => f.depthwiseConv2d(x, kernel, { bias }),
    oracle: (x, kernel, bias) => o.depthwiseConv2d(x, kernel, { bias }),
    torch: `F.conv2d((${first})(x), y.permute(2, 3, 0, 1).reshape(6, 1, 3, 2), z, groups=3).${last}`,
  },
  separableConv2d: {
    inputs: [images, draw([2, 2, 3, 1]), draw([1, 1, 3, 4])],
    of: (x, each, mixing) => f.separableConv2d(x, each, mixing),
    oracle: (x, each, mixing) => o.conv2d(o.depthwiseConv2d(x, each), mixing),
    torch: `F.conv2d(F.conv2d((${first})(x), y.permute(2, 3, 0, 1), groups=3), z.permute(3, 2, 0, 1)).${last}`,
  },
  conv2dTranspose: {
    inputs: [images, draw([3, 2, 4, 3]), draw([4])],
    of: (x, kernel, bias) => f.conv2dTranspose(x, kernel, { bias, strides: 2 }),
    oracle: (x, kernel, bias) => o.conv2dTranspose(x, kernel, { bias, strides: 2 }),
    torch: `F.conv_transpose2d((${first})(x), y.permute(3, 2, 0, 1), z, 2).${last}`,
  },
  maxPool2d: {
    inputs: [images],
    of: (x) => f.maxPool2d(x, { poolSize: [3, 2], strides: 1 }),
    oracle: (x) => o.maxPool2d(x, { poolSize: [3, 2], strides: 1 }),
    torch: `F.max_pool2d((${first})(x), (3, 2), 1).${last}`,
  },
  avgPool2d: {
    inputs: [images],
    of: (x) => f.avgPool2d(x, { poolSize: 2 }),
    oracle: (x) => o.avgPool2d(x, { poolSize: 2 }),
    torch: `F.avg_pool2d((${first})(x), 2).${last}`,
  },
  maxPool1d: {
    inputs: [sequences],
    of: (x) => f.maxPool1d(x, { poolSize: 3, strides: 2 }),
    oracle: (x) => ofRow(o.maxPool2d(asRow(x), { poolSize: [1, 3], strides: [1, 2] })),
    torch: `F.max_pool1d((${first})(x), 3, 2).${last}`,
  },
  avgPool1d: {
    inputs: [sequences],
    of: (x) => f.avgPool1d(x, { poolSize: 3, strides: 2 }),
    oracle: (x) => ofRow(o.avgPool2d(asRow(x), { poolSize: [1, 3], strides: [1, 2] })),
    torch: `F.avg_pool1d((${first})(x), 3, 2).${last}`,
  },
  batchNorm: {
    inputs: [draw([4, 3, 2]), draw([2]), draw([2])],
    of(x, gamma, beta) {
      const { y, mean, variance } = f.batchNorm(x, gamma, beta, { epsilon: 0.1 });
      return y.add(mean.mul(2)).sub(variance);
    },
    oracle(x, gamma, beta) {
      const { y, mean, variance } = o.batchNorm(x, gamma, beta, { epsilon: 0.1 });
      return o.sub(o.add(y, o.mul(mean, scalar64(2))), variance);
    },
    torch:
      `F.batch_norm((${first})(x), None, None, y, z, True, eps=0.1).${last}` +
      ' + 2 * x.mean((0, 1)) - x.var((0, 1), unbiased=False)',
  },
  softmaxCrossEntropy: {
    inputs: [draw([3, 5]), ints([4, 0, 2])],
    of: (x, ids) => f.softmaxCrossEntropy(x, ids, { labelSmoothing: 0.1 }),
    oracle: (x, ids) => o.softmaxCrossEntropy(x, ids, { labelSmoothing: 0.1 }),
    torch: 'F.cross_entropy(x, y, label_smoothing=0.1)',
  },
  crossEntropy: {
    inputs: [draw([2, 3, 4], -3, 3), ints([2, -1, 0, 3, 3, -1], [2, 3])],
    of: (x, ids) => f.crossEntropy(x, ids, { ignoreClass: -1, classWeights: [0.5, 2, 1, 1.5] }),
    oracle(x) {
      const ids = list([2, 0, 3, 3]);
      const rows = o.gather(o.reshape(o.logSoftmax(x), [6, 4]), list([0, 2, 3, 4]));
      const weights = o.gather(list([0.5, 2, 1, 1.5]), ids);
      const losses = o.neg(o.sum(o.mul(rows, o.oneHot(ids, 4)), 1));
      return o.div(o.sum(o.mul(losses, weights)), o.sum(weights));
    },
    torch: 'F.cross_entropy(x.reshape(-1, 4), y.reshape(-1), torch.tensor([0.5, 2, 1, 1.5]).double(), ignore_index=-1)',
  },
  confusionMatrix: {
    inputs: [ints([0, 2, 1, 2]), ints([0, 1, 1, 1]), draw([4], 0.5, 2)],
    of: (labels, guesses, weights) => f.confusionMatrix(labels, guesses, { classes: 3, weights }),
    oracle: (labels, guesses, weights) =>
      o.matmul(o.transpose(o.oneHot(labels, 3)), o.mul(o.oneHot(guesses, 3), o.reshape(weights, [4, 1]))),
    torch: 'torch.zeros(9).double().index_add(0, 3 * x + y, z).reshape(3, 3)',
  },
  grad: {
    of: (x) => f.grad((y: f.Tensor) => cube(y).sum())(x)[0],
    oracle: (x) => o.mul(scalar64(3), o.square(x)),
    torch: '3 * x ** 2',
  },
  valueAndGrad: {
    of(x) {
      const [value, [slope]] = f.valueAndGrad((y: f.Tensor) => cube(y).sum())(x);
      return slope.add(value);
    },
    oracle: (x) => o.add(o.mul(scalar64(3), o.square(x)), o.sum(o.mul(x, o.square(x)))),
    torch: '3 * x ** 2 + (x ** 3).sum()',
  },
  vjp: {
    inputs: two,
    of: (x, y) => f.vjp(cube)(x)[1](y)[0],
    oracle: (x, y) => o.mul(o.mul(scalar64(3), o.square(x)), y),
    torch: '3 * x ** 2 * y',
  },
  tensor: {
    inputs: [],
    of: () =>
      f.tensor([
        [1, 2.5],
        [-3, 0],
      ]),
    oracle: () => o.array64([1, 2.5, -3, 0], [2, 2]),
    torch: 'torch.tensor([[1, 2.5], [-3, 0]])',
  },
  variable: {
    oracle: (x) => x,
    of: (x) =>
      f
        .variable([[1, 2, 3]])
        .mul(0)
        .sum()
        .add(x),
    torch: 'x',
  },
  full: {
    inputs: [],
    of: () => f.full([2, 3], 0.5),
    oracle: () => list(new Array(6).fill(0.5)),
    torch: 'torch.full((2, 3), 0.5)',
  },
  zeros: { inputs: [], of: () => f.zeros([2]), oracle: () => list([0, 0]), torch: 'torch.zeros(2)' },
  ones: { inputs: [], of: () => f.ones([2]), oracle: () => list([1, 1]), torch: 'torch.ones(2)' },
  fullLike: { of: (x) => f.fullLike(x, -1.5), oracle: (x) => map(x, () => -1.5), torch: 'torch.full_like(x, -1.5)' },
  zerosLike: { of: f.zerosLike, oracle: (x) => map(x, () => 0), torch: 'torch.zeros_like(x)' },
  onesLike: { of: f.onesLike, oracle: (x) => map(x, () => 1), torch: 'torch.ones_like(x)' },
  arange: {
    inputs: [],
    of: () => f.arange(2, 9, 3),
    oracle: () => list([2, 5, 8]),
    torch: 'torch.arange(2.0, 9.0, 3.0)',
  },
  linspace: {
    inputs: [],
    of: () => f.linspace(-1, 1, 5),
    oracle: () => list([-1, -0.5, 0, 0.5, 1]),
    torch: 'torch.linspace(-1, 1, 5)',
  },
  eye: { inputs: [], of: () => f.eye(2, 3), oracle: () => o.oneHot(list([0, 1]), 3), torch: 'torch.eye(2, 3)' },
  dropout: {
    of: (x) => f.dropout(x, 0.3, { seed: 5 }),
    oracle: (x) => o.mul(x, maskOf(x.shape, 0.3, 5)),
    torch: null,
  },
  uniform: {
    of: (x) => f.uniform([3, 5], { low: -1, high: 3, key: 77 }).mul(x),
    oracle: (x) =>
      o.mul(
        x,
        o.array64(
          upTo(15).map((i) => (4 * drawnAt(i, 77)) / 2 ** 24 - 1),
          x.shape,
        ),
      ),
    torch: null,
  },
  normal: {
    of: (x) => f.normal([3, 5], { mean: 1, std: 2, key: 77 }).mul(x),
    oracle(x) {
      const [u, v] = [77, (77 ^ 0x9e3779b9) >>> 0].map((key) => (i: number) => drawnAt(i, key) / 2 ** 24);
      const drawn = upTo(15).map((i) => Math.sqrt(-2 * Math.log1p(-u(i))) * Math.cos(2 * Math.PI * v(i)));
      return o.mul(
        x,
        o.array64(
          drawn.map((value) => 2 * value + 1),
          x.shape,
        ),
      );
    },
    torch: null,
    // WGSL lets a cosine be wrong by 2^-11.
    tolerance: 3e-3,
  },
};

interface Answer {
  readonly value: ArrayLike<number>;
  /** To each input of float32. */
  readonly slopes: readonly ArrayLike<number>[];
}

const test = suite('public functions');

const names = Object.keys(cases).filter((name): name is FunctionName => name in cases);
const inputsOf = (name: FunctionName): readonly Input[] => cases[name].inputs ?? one;
/** Which of them have a gradient. */
const floatsOf = (name: FunctionName): number[] =>
  inputsOf(name).flatMap(({ values }, at) => (values instanceof Float32Array ? [at] : []));
/** What results are weighed with before their gradient is taken. */
const WEIGHTS = draw([64], 0.5, 1.5).values;
const weighed = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((total, value, i) => total + value * WEIGHTS[i % 64], 0);

/** Of all functions in one plan: what can share a kernel does. */
async function answers(): Promise<Map<FunctionName, Answer>> {
  const asked = names.map((name) => {
    const inputs = inputsOf(name).map(nodeOf);
    const call: unknown = cases[name].of ?? Reflect.get(f, name);
    if (typeof call !== 'function') throw new TypeError(`${name} is no function`);
    const tensors = inputs.map((node) => new f.Tensor(node));
    const y: unknown = Reflect.apply(call, undefined, tensors);
    if (!(y instanceof f.Tensor)) throw new TypeError(`${name} gives no tensor`);
    const weights = f.tensor(Array.from({ length: y.size }, (_, i) => WEIGHTS[i % 64])).reshape(y.shape);
    const targets = floatsOf(name).map((at) => inputs[at]);
    return [y.node, ...gradients(y.cast('float32').mul(weights).sum().node, targets)];
  });
  const values = (await evaluate(asked.flat())).values();
  const next = (): ArrayLike<number> => values.next().value ?? [];
  return new Map(asked.map((nodes, at) => [names[at], { value: next(), slopes: nodes.slice(1).map(next) }]));
}

const computed = answers();

/** Those whose value or gradient is another than `expected`. */
async function differences(expected: (name: FunctionName) => Answer | null): Promise<string[]> {
  const all = await computed;
  return names.flatMap((name) => {
    const [own, other] = [all.get(name), expected(name)];
    if (own === undefined || other === null) return [];
    const { tolerance = TOLERANCE } = cases[name];
    return [
      [own.value, other.value] as const,
      ...own.slopes.map((slope, at) => [slope, other.slopes[at]] as const),
    ].flatMap(([got, wanted], at) => {
      const error = o.relativeError(got, wanted);
      if (error <= tolerance) return [];
      const what = at === 0 ? 'value' : `gradient ${at}`;
      return [`${name}, ${what}: ${Array.from(got).slice(0, 8)} instead of ${Array.from(wanted).slice(0, 8)}`];
    });
  });
}

test('have the values and gradients of their references in float64', async () => {
  const found = await differences((name) => {
    const arrays = inputsOf(name).map(oracleOf);
    const of = ([x, y, z]: readonly Array64[]): Array64 => cases[name].oracle(x, y, z);
    const slopes = floatsOf(name).map((at) => {
      const indices = Array.from(arrays[at].data.keys());
      return o.sampledDifference((moved) => weighed(of(moved).data), arrays, at, indices);
    });
    return { value: of(arrays).data, slopes };
  });
  assert.equal(found, []);
});

const SCRIPT = `
import json, sys, torch
import torch.nn.functional as F
case = json.loads(sys.argv[1])
results = []
for one in case['asked']:
    def tensor(part):
        kind = torch.float64 if part['float'] else torch.int64
        return torch.tensor([float(v) for v in part['data']]).to(kind).reshape(part['shape']).requires_grad_(part['float'])
    inputs = [tensor(part) for part in one['inputs']]
    value = eval(one['text'], {'torch': torch, 'F': F, **dict(zip('xyz', inputs))}).double()
    flat = value.reshape(-1)
    loss = (flat * torch.tensor(case['weights']).double().repeat(len(flat) // 64 + 1)[:len(flat)]).sum()
    floats = [x for x in inputs if x.requires_grad]
    if floats and loss.requires_grad:
        slopes = torch.autograd.grad(loss, floats, allow_unused=True)
    else:
        slopes = [None] * len(floats)
    slopes = [torch.zeros_like(x) if slope is None else slope for x, slope in zip(floats, slopes)]
    results.append({'value': flat.tolist(), 'slopes': [slope.reshape(-1).tolist() for slope in slopes]})
print(json.dumps(results))
`;

const python = pythonWith('torch');
if (python === null) console.log('public functions: no python3 with torch, so PyTorch is not asked');
(python === null ? test.skip : test)('have those of PyTorch', async () => {
  const shared = names.filter((name) => cases[name].torch !== null);
  const asked = shared.map((name) => ({
    text: cases[name].torch,
    inputs: inputsOf(name).map(({ shape, values }) => ({
      ...{ shape, float: values instanceof Float32Array },
      data: Array.from(values, String),
    })),
  }));
  const told = python?.(SCRIPT, JSON.stringify({ asked, weights: Array.from(WEIGHTS) }));
  assert.ok(Array.isArray(told) && told.length === shared.length);
  assert.equal(await differences((name) => told[shared.indexOf(name)] ?? null), []);
});

test.run();
