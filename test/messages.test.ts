/** What the library says to calls that cannot work: the class of the error, what was expected, what came, and a remedy. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  DtypeError,
  GradientError,
  OutOfMemoryError,
  ShapeError,
  StateError,
  WgradError,
} from '../src/base/errors.ts';
import { SGD } from '../src/nn/optimizers/sgd.ts';
import { storedNode } from '../src/ops/leaf.ts';
import { defaultDevice, openDevice } from '../src/runtime/defaultDevice.ts';
import * as f from '../src/tensor/index.ts';
import { Tensor, tensor } from '../src/tensor/index.ts';

const test = suite('messages');

/** A value that a caller without types may pass where another is asked for. */
const wrong = (value: unknown): never => value as never;

type Case = readonly [name: string, call: () => unknown, kind: typeof WgradError, ...patterns: RegExp[]];

function table(name: string, cases: readonly Case[]): void {
  for (const [what, call, kind, ...patterns] of cases) {
    test(`${name}: ${what}`, async () => {
      let caught: unknown;
      try {
        await call();
      } catch (error) {
        caught = error;
      }
      if (!(caught instanceof WgradError)) throw new Error(`expected ${kind.name}, got ${String(caught)}`);
      assert.is(caught.constructor.name, kind.name, caught.message);
      for (const pattern of patterns) assert.match(caught.message, pattern);
      // Two sentences at least: what is wrong, and what to do.
      assert.match(caught.message, /\. [A-Z][\s\S]*\.$/);
      assert.not.match(caught.message, /undefined is|\[object|NaN elements/);
    });
  }
}

const sparse = (): number[] => {
  const values = [1, 2, 3];
  delete values[1];
  return values;
};
const circular = (): unknown[] => {
  const values: unknown[] = [];
  values.push(values);
  return values;
};

/** Calls of a function with arguments that its type forbids, and of the method of the same name. */
function both<T extends (...args: never[]) => unknown>(each: T, ...args: unknown[]): (() => unknown)[] {
  const y = tensor([[1, 2]]);
  return [() => Reflect.apply(each, undefined, [y, ...args]), () => Reflect.apply(Reflect.get(y, each.name), y, args)];
}
const flag = { keepDims: true };

table('arguments that other libraries take', [
  ...(
    [
      [f.softmax, [0], /softmax: expected an object of options, got 0/],
      [f.logSoftmax, [{ dim: 1 }], /logSoftmax: there is no option 'dim'.*axis/],
      [f.variance, [0, false, { ddof: 1 }], /variance: there is no option 'ddof'.*correction/],
      [f.std, [0, false, { correction: 1 }], /std: correction must be a number below 1/],
      [f.gelu, ['tanh'], /gelu: got one .*the string 'tanh'.*exact/],
      [f.argMax, [0, 'yes'], /argMax: keepDims must be true or false/],
      [f.matmul, [tensor([[1], [2]]), true], /matmul: got one .*transpose/],
      [f.dense, [f.ones([2, 1]), [1], 'relu'], /dense: got one .*'relu'/],
      [f.sum, [0, flag], /sum: keepDims must be true or false, got an object \{ keepDims \}/],
      [f.mean, [0, 1], /mean: keepDims must be true or false, got 1/],
      [f.max, [0, 'yes'], /max: keepDims/],
      [f.min, [[0], null], /min: keepDims .*null/],
    ] as const
  ).flatMap(([each, args, pattern]) =>
    both(each, ...args).map((call, at): Case => [`${at === 0 ? '' : 'x.'}${each.name}`, call, ArgumentError, pattern]),
  ),
  ['oneHot', () => Reflect.apply(f.oneHot, undefined, [[0], 2, 5]), ArgumentError, /oneHot: got one .*5/],
  ['zeros', () => Reflect.apply(f.zeros, undefined, [[2], 'int32']), ArgumentError, /zeros: got one .*'int32'.*cast/],
  ['ones', () => Reflect.apply(f.ones, undefined, [[2], { dtype: 'int32' }]), ArgumentError, /ones: got one .*dtype/],
  ['full', () => Reflect.apply(f.full, undefined, [[2], 1, 'int32']), ArgumentError, /full: got one/],
]);

test('functions serve map and reduce, which give them more', async () => {
  const parts = [
    [1, 2],
    [3, 4],
  ].map((one) => tensor(one));
  for (const each of [f.gelu, f.relu]) {
    const expected = await Promise.all(parts.map((one) => each(one).array()));
    assert.equal(await Promise.all(parts.map(each).map((one) => one.array())), expected);
  }
  assert.equal(await [[2], [1, 2]].map(f.ones)[1].array(), [[1, 1]]);
  assert.equal(await parts.reduce(f.add).array(), [4, 6]);
});

table('tensor', [
  ['nothing', () => tensor(wrong(undefined)), ArgumentError, /tensor: expected numbers, got undefined/],
  ['null', () => tensor(wrong(null)), ArgumentError, /got null/, /nested arrays/],
  ['a string', () => tensor(wrong('12')), ArgumentError, /the string '12'/, /Number/],
  ['strings inside', () => tensor(wrong([1, '2'])), ArgumentError, /the string '2' at \[1\]/],
  ['null inside', () => tensor(wrong([[1], [null]])), ArgumentError, /null at \[1\]\[0\]/],
  ['booleans', () => tensor(wrong([true])), ArgumentError, /got true at \[0\]/, /1 for true/],
  ['bigints', () => tensor(wrong([1n])), ArgumentError, /1n at \[0\]/],
  ['a sparse array', () => tensor(sparse()), ArgumentError, /undefined at \[1\]/, /missing/],
  ['an array that holds itself', () => tensor(wrong(circular())), ShapeError, /32 deep/],
  ['an object', () => tensor(wrong({ a: 1 })), ArgumentError, /an object \{ a \}/],
  ['a promise', () => tensor(wrong(Promise.resolve(1))), ArgumentError, /Promise/, /Await/],
  ['tensors inside', () => tensor(wrong([tensor(1)])), ArgumentError, /a Tensor at \[0\]/, /concat/],
  ['Float64Array', () => tensor(wrong(new Float64Array(2))), DtypeError, /Float64Array/, /Float32Array/],
  ['BigInt64Array', () => tensor(wrong(new BigInt64Array(2))), DtypeError, /BigInt64Array/, /Number/],
  ['Uint8ClampedArray', () => tensor(wrong(new Uint8ClampedArray(2))), DtypeError, /new Uint8Array/],
  ['rows of unequal length', () => tensor([[1, 2], [3]]), ShapeError, /expected 2 elements, got 1 at \[1\]/],
  ['unequal depth, deeper', () => tensor([1, [2]]), ShapeError, /differ in depth: expected a number, .* at \[1\]/],
  ['unequal depth, flatter', () => tensor([[1], 2]), ShapeError, /expected an array of 1, got 2 at \[1\]/],
  ['an empty array', () => tensor([]), ShapeError, /at least 1, got \[0\]/],
  ['a shape that is a number', () => tensor([1, 2], wrong(2)), ShapeError, /an array of whole numbers, got 2/],
  ['options in the place of the shape', () => tensor([1], wrong({ dtype: 'int32' })), ShapeError, /object \{ dtype \}/],
  ['an unknown dtype', () => tensor([1], [1], { dtype: wrong('float64') }), DtypeError, /'float64'/, /uint8/],
  ['a misspelt option', () => tensor([1], [1], wrong({ dType: 'int32' })), ArgumentError, /dType/, /dtype/],
  ['a dtype in the place of options', () => tensor([1], [1], wrong('int32')), ArgumentError, /options/],
  ['a shape of another size', () => tensor([1, 2, 3], [2, 2]), ShapeError, /holds 4 elements, got 3/],
  ['numbers that are no int32', () => tensor([2 ** 31], [1], { dtype: 'int32' }), DtypeError, /2147483648 is no int32/],
]);

table('constructors', [
  ['negative extents', () => f.zeros([-1]), ShapeError, /zeros: .*got \[-1\]/],
  ['NaN extents', () => f.zeros([Number.NaN]), ShapeError, /got \[NaN\]/],
  ['fractions', () => f.ones([1.5]), ShapeError, /ones: .*\[1\.5\]/],
  ['a number for a shape', () => f.zeros(wrong(3)), ShapeError, /zeros: expected a shape.* got 3/],
  ['no shape', () => f.ones(wrong(undefined)), ShapeError, /got undefined/],
  ['strings for extents', () => f.zeros(wrong(['2'])), ShapeError, /whole numbers/],
  ['full of a string', () => f.full([1], wrong('1')), ArgumentError, /full: expected a number as value/],
  ['full of nothing', () => f.full([1], wrong(undefined)), ArgumentError, /full/],
  ['uniform without options', () => Reflect.apply(f.uniform, null, [[2]]), ArgumentError, /uniform: .*options/],
  ['uniform without a seed', () => f.uniform([2], wrong({})), ArgumentError, /uniform: .*seed/],
  [
    'uniform of swapped bounds',
    () => f.uniform([2], { low: 1, high: 0, seed: 1 }),
    ArgumentError,
    /high must be .* at least 1, the low bound, got 0/,
  ],
  ['uniform of NaN', () => f.uniform([2], { low: Number.NaN, seed: 1 }), ArgumentError, /NaN/],
  ['uniform of a fractional seed', () => f.uniform([2], { seed: 0.5 }), ArgumentError, /seed/],
  ['uniform of a bad shape', () => f.uniform([0], { seed: 1 }), ShapeError, /uniform/],
  ['uniform of a misspelt option', () => f.uniform([2], wrong({ seed: 1, min: 0 })), ArgumentError, /'min'/],
  [
    'normal of a negative std',
    () => f.normal([2], { std: -1, seed: 1 }),
    ArgumentError,
    /std must be .* at least 0, got -1/,
  ],
  [
    'normal of infinite mean',
    () => f.normal([2], { mean: 1 / 0, seed: 1 }),
    ArgumentError,
    /mean must be a finite number, got Infinity/,
  ],
  ['normal of an unknown option', () => f.normal([2], wrong({ seed: 1, stddev: 2 })), ArgumentError, /stddev/],
  ['variable of int32', () => f.variable(new Int32Array(2)), DtypeError, /variable: .*float32.*int32/],
  ['variable of null', () => f.variable(wrong(null)), ArgumentError, /variable: .*null/],
]);

table('huge shapes', [
  ['zeros', () => f.zeros([1e6, 1e6]).data(), OutOfMemoryError, /\[1000000, 1000000\]/],
  ['a sum that is never stored', () => f.zeros([1e6, 1e6]).sum().data(), OutOfMemoryError, /1000000/],
  [
    'by broadcasting',
    () =>
      f
        .ones([1e6, 1])
        .add(f.ones([1, 1e6]))
        .mean()
        .data(),
    OutOfMemoryError,
    /1000000/,
  ],
  ['beyond whole numbers', () => f.zeros([1e15, 1e15]).sum().data(), OutOfMemoryError],
  ['uniform', () => f.uniform([1e6, 1e6], { seed: 1 }), OutOfMemoryError, /uniform: \[1000000, 1000000\]/],
  ['normal', () => f.normal([2 ** 20, 2 ** 11], { seed: 1 }), OutOfMemoryError, /normal/],
  [
    'one buffer',
    () =>
      f
        .ones([2 ** 16, 2 ** 15])
        .add([1])
        .data(),
    OutOfMemoryError,
  ],
]);

const x = f.ones([2, 3]);
const ids = tensor(new Int32Array([0, 1]));
const image = f.ones([1, 4, 4, 2]);
const kernel = f.ones([3, 3, 2, 4]);

table('operands', [
  ['null', () => x.add(wrong(null)), ArgumentError, /add: expected a tensor or numbers, got null/],
  ['nothing', () => x.mul(wrong(undefined)), ArgumentError, /mul: .*undefined/],
  ['a string', () => x.sub(wrong('1')), ArgumentError, /sub: .*'1'/],
  ['a string in a function', () => f.sqrt(wrong('4')), ArgumentError, /sqrt: .*'4'/],
  ['an object', () => f.add({} as never, 1), ArgumentError, /add: .*object/],
  ['Float64Array', () => x.add(wrong(new Float64Array(3))), DtypeError, /add: .*Float64Array/],
  ['a promise', () => x.add(wrong(Promise.resolve(x))), ArgumentError, /Await/],
  ['shapes that do not broadcast', () => x.add([1, 2]), ShapeError, /add: .*\[2, 3\] and \[2\]/],
  ['where', () => x.where(1, wrong(null)), ArgumentError, /where/],
  ['clip without bounds', () => Reflect.apply(x.clip, x, []), ArgumentError, /clip: expected a number as low/],
  ['clip of strings', () => x.clip(0, wrong('1')), ArgumentError, /clip: expected a number as high/],
  ['leakyRelu', () => x.leakyRelu(wrong('0.1')), ArgumentError, /leakyRelu: .*slope/],
  ['elu', () => x.elu(wrong(null)), ArgumentError, /elu: .*alpha/],
  ['cast', () => x.cast(wrong('float64')), DtypeError, /cast: .*'float64'/],
  ['item of many', () => x.item(), ShapeError, /one element/],
]);

table('shapes', [
  ['reshape to another size', () => x.reshape([4]), ShapeError, /reshape: \[2, 3\] holds 6/],
  ['reshape with two open extents', () => x.reshape([-1, -1]), ShapeError, /more than one extent open/],
  ['reshape with an open extent that does not fit', () => x.reshape([-1, 4]), ShapeError, /reshape/],
  ['reshape to a number', () => x.reshape(wrong(6)), ShapeError, /reshape: expected a shape.*got 6/],
  ['reshape to NaN', () => x.reshape([Number.NaN]), ShapeError, /\[NaN\]/],
  ['reshape to 0', () => x.reshape([0, -1]), ShapeError, /reshape/],
  ['transpose by too few axes', () => x.transpose([0]), ShapeError, /transpose: \[0\].*\[2, 3\]/],
  ['transpose by a number', () => x.transpose(wrong(1)), ArgumentError, /transpose: .*got 1/],
  ['slice out of range', () => x.slice([1, 0], [2, 3]), ShapeError, /slice: .*\[2, 3\]/],
  ['slice from before', () => x.slice([-3, 0], [1, 3]), ShapeError, /slice/],
  ['slice of fractions', () => x.slice([0.5, 0], [1, 3]), ShapeError, /slice: begin \[0\.5, 0\]/],
  ['slice of too few axes', () => x.slice([0], [1]), ShapeError, /slice/],
  ['slice by numbers', () => x.slice(wrong(0), wrong(1)), ArgumentError, /slice: expected an array as begin/],
  ['pad by a number', () => x.pad(wrong(1)), ArgumentError, /pad: expected an array/],
  ['pad by numbers', () => x.pad(wrong([1, 1])), ArgumentError, /pad/],
  ['pad by too few', () => x.pad([[1, 1]]), ArgumentError, /pad: expected 2 pairs/],
  [
    'pad by less than nothing',
    () =>
      x.pad([
        [0, -1],
        [0, 0],
      ]),
    ArgumentError,
    /pad/,
  ],
  [
    'pad with a string',
    () =>
      x.pad(
        [
          [0, 1],
          [0, 0],
        ],
        wrong('0'),
      ),
    ArgumentError,
    /pad: expected a number as value/,
  ],
  ['broadcastTo', () => x.broadcastTo([2, 4]), ShapeError, /broadcastTo/],
  ['broadcastTo a number', () => x.broadcastTo(wrong(6)), ShapeError, /broadcastTo: expected a shape/],
  ['concat of nothing', () => f.concat([]), ArgumentError, /at least one/],
  ['concat of a tensor', () => f.concat(wrong(x)), ArgumentError, /concat: expected an array/],
  ['concat of unlike ranks', () => f.concat([x, f.ones([2])]), ShapeError, /concat: .*\[2, 3\].*\[2\]/],
  ['concat of unlike dtypes', () => f.concat([f.ones([2]), ids]), ShapeError, /float32 \[2\], int32 \[2\]/],
  ['concat of null', () => f.concat([x, wrong(null)]), ArgumentError, /concat: .*null/],
  ['concat along no axis', () => f.concat([x, x], 2), ShapeError, /axis 2/],
  [
    'concat along two axes',
    () => f.concat([x, x], wrong([0, 1])),
    ShapeError,
    /concat: expected one axis, got an array/,
  ],
  ['concat along axes that are none', () => f.concat([x, x], wrong([])), ShapeError, /concat: expected one axis/],
  ['argMax along two axes', () => x.argMax(wrong([0, 1])), ShapeError, /argMax: expected one axis, got an array/],
  ['argMax along a text', () => x.argMax(wrong('0')), ShapeError, /argMax: expected one axis, got the string '0'/],
  ['gather along no axes', () => x.gather([0], wrong([])), ShapeError, /gather: expected one axis/],
  ['sum over no axis', () => x.sum(2), ShapeError, /sum: axis 2/],
  ['sum over a fraction', () => x.sum(0.5), ShapeError, /axis 0\.5/],
  ['sum over a string', () => x.sum(wrong('0')), ShapeError, /sum: .*'0'/],
  ['mean over null', () => x.mean(wrong(null)), ShapeError, /got null/],
  ['argMax along no axis', () => x.argMax(5), ShapeError, /argMax: axis 5/],
  ['softmax of a scalar', () => tensor(1).softmax(), ShapeError, /softmax/],
]);

table('ids', [
  ['beyond the rows', () => x.gather([0, 2]), ArgumentError, /gather: id 2, the 2nd, .*axis 0 of \[2, 3\]/, /0 to 1/],
  ['below 0', () => x.gather(new Int32Array([-1])), ArgumentError, /id -1/],
  ['beyond the columns', () => x.gather(tensor(new Int32Array([3])), 1), ArgumentError, /axis 1/, /0 to 2/],
  ['fractions', () => x.gather([0.5]), DtypeError, /gather.*0\.5 is no int32/],
  ['floats', () => x.gather(tensor([0])), DtypeError, /gather: .*cast/],
  ['along no axis', () => x.gather([0], 2), ShapeError, /gather: axis 2/],
  ['null', () => x.gather(wrong(null)), ArgumentError, /gather.*null/],
  ['oneHot of floats', () => tensor([0]).oneHot(2), DtypeError, /oneHot: .*cast/],
  ['oneHot of a fraction', () => f.oneHot([0.5], 2), DtypeError, /oneHot.*0\.5/],
  ['oneHot of no classes', () => ids.oneHot(0), ArgumentError, /oneHot: .*got 0/],
  ['oneHot without classes', () => Reflect.apply(ids.oneHot, ids, []), ArgumentError, /oneHot/],
]);

table('products and windows', [
  ['matmul of unlike extents', () => x.matmul(x), ShapeError, /matmul: .*\[2, 3\] by \[2, 3\]/],
  ['matmul of vectors', () => f.ones([3]).matmul(f.ones([3])), ShapeError, /rank 2/],
  ['matmul of ids', () => ids.reshape([1, 2]).matmul(f.ones([2, 1])), DtypeError, /matmul: .*int32/],
  ['matmul of nothing', () => Reflect.apply(x.matmul, x, []), ArgumentError, /matmul: .*undefined/],
  ['dense', () => x.dense(f.ones([2, 4])), ShapeError, /dense: .*\[2, 3\]/],
  ['dense with null for a bias', () => x.dense(f.ones([3, 4]), wrong(null)), ArgumentError, /dense: .*null/],
  ['conv2d of stride 0', () => image.conv2d(kernel, { strides: 0 }), ArgumentError, /conv2d strides: .*got 0/],
  ['conv2d of half a stride', () => image.conv2d(kernel, { strides: [1, 0.5] }), ArgumentError, /conv2d strides/],
  ['conv2d of null for a stride', () => image.conv2d(kernel, { strides: wrong(null) }), ArgumentError, /got null/],
  ['conv2d of three strides', () => image.conv2d(kernel, { strides: wrong([1, 1, 1]) }), ArgumentError, /stride/],
  ['conv2d of an unknown padding', () => image.conv2d(kernel, { padding: wrong('full') }), ArgumentError, /'full'/],
  [
    'conv2d of an unknown option',
    () => image.conv2d(kernel, wrong({ stride: 2 })),
    ArgumentError,
    /'stride'.* Did you mean 'strides'/,
    /strides/,
  ],
  [
    'conv2d of a large kernel',
    () => image.conv2d(f.ones([5, 5, 2, 4])),
    ShapeError,
    /window of 5 .* 4 pixels/,
    /'same'/,
  ],
  ['conv2d of a matrix', () => image.conv2d(f.ones([3, 2])), ShapeError, /conv2d: .*rank 4.*\[3, 2\]/],
  ['conv2d on rows', () => x.conv2d(kernel), ShapeError, /conv2d: .*images/],
  ['conv2d of negative padding', () => image.conv2d(kernel, { padding: wrong(-1) }), ArgumentError, /padding.*got -1/],
  [
    'conv2d of three paddings',
    () => image.conv2d(kernel, { padding: wrong([1, 1, 1]) }),
    ArgumentError,
    /padding.*above/,
  ],
  ['conv2d of null for padding', () => image.conv2d(kernel, { padding: wrong(null) }), ArgumentError, /padding.*null/],
  ['conv2d of no groups', () => image.conv2d(kernel, { groups: 0 }), ArgumentError, /conv2d: groups.*got 0/],
  [
    'conv2d of unlike groups',
    () => image.conv2d(f.ones([3, 3, 1, 3]), { groups: 2 }),
    ShapeError,
    /3 filters.*2 groups/,
  ],
  [
    'conv2d of too many groups',
    () => image.conv2d(kernel, { groups: 2 }),
    ShapeError,
    /2 channels.*in each of 2 groups/,
  ],
  [
    'conv2d that spans too much',
    () => image.conv2d(kernel, { dilationRate: 2, padding: [0, 1] }),
    ShapeError,
    /window of 5 .*4 pixels/,
  ],
  ['conv2d by a word of others', () => image.conv2d(kernel, wrong({ dilation: 2 })), ArgumentError, /'dilationRate'/],
  [
    'depthwiseConv2d of other channels',
    () => f.depthwiseConv2d(image, f.ones([3, 3, 3, 1])),
    ShapeError,
    /depthwiseConv2d: .*2 channels/,
  ],
  [
    'depthwiseConv2d with groups',
    () => f.depthwiseConv2d(image, f.ones([3, 3, 2, 1]), wrong({ groups: 2 })),
    ArgumentError,
    /'groups'/,
  ],
  [
    'conv2dTranspose of other channels',
    () => f.conv2dTranspose(image, f.ones([3, 3, 4, 3])),
    ShapeError,
    /\[height, width, out, in\]/,
  ],
  [
    'conv2dTranspose of the whole stride',
    () => f.conv2dTranspose(image, f.ones([3, 3, 4, 2]), { outputPadding: 1 }),
    ArgumentError,
    /outputPadding.*below the stride of 1/,
  ],
  [
    'conv2dTranspose of nothing',
    () => f.conv2dTranspose(image, f.ones([3, 3, 4, 2]), { padding: 3 }),
    ShapeError,
    /takes away all/,
  ],
  ['conv1d on images', () => f.conv1d(image, f.ones([3, 2, 4])), ShapeError, /conv1d: .*sequences/],
  [
    'conv1d of other channels',
    () => f.conv1d(f.ones([1, 5, 3]), f.ones([3, 2, 4])),
    ShapeError,
    /conv1d: .*3 channels/,
  ],
  [
    'conv1d of two strides',
    () => f.conv1d(f.ones([1, 5, 2]), f.ones([3, 2, 4]), { strides: wrong([1, 2]) }),
    ArgumentError,
    /conv1d: strides/,
  ],
  [
    'maxPool1d without a pool size',
    () => f.maxPool1d(f.ones([1, 5, 2]), wrong({})),
    ArgumentError,
    /maxPool1d: poolSize.*undefined/,
  ],
  ['conv2d of other channels', () => image.conv2d(f.ones([3, 3, 3, 4])), ShapeError, /2 channels/],
  ['maxPool2d without options', () => Reflect.apply(image.maxPool2d, image, []), ArgumentError, /maxPool2d: .*options/],
  ['maxPool2d without a pool size', () => image.maxPool2d(wrong({})), ArgumentError, /maxPool2d poolSize: .*undefined/],
  ['avgPool2d of size 0', () => image.avgPool2d({ poolSize: 0 }), ArgumentError, /avgPool2d poolSize/],
  ['avgPool2d of a large window', () => image.avgPool2d({ poolSize: 5 }), ShapeError, /window of 5/],
  [
    'maxPool2d of an unknown option',
    () => image.maxPool2d(wrong({ size: 2 })),
    ArgumentError,
    /'size'.* Did you mean 'poolSize'/,
  ],
  ['labels of another length', () => x.softmaxCrossEntropy([0]), ShapeError, /\[2\] \(class ids\).*\[1\]/],
  ['labels that are null', () => x.softmaxCrossEntropy(wrong(null)), ArgumentError, /softmaxCrossEntropy: .*null/],
  ['labelSmoothing of 1', () => x.softmaxCrossEntropy([0, 1], { labelSmoothing: 1 }), ArgumentError, /\[0, 1\)/],
  ['batchNorm', () => f.batchNorm(x, [1], [0, 0, 0]), ShapeError, /batchNorm: .*\[3\].*\[1\]/],
  ['batchNorm of a negative epsilon', () => f.batchNorm(x, [1, 1, 1], [0, 0, 0], { epsilon: -1 }), ArgumentError, /-1/],
  ['dropout of everything and more', () => f.dropout(x, 1.5, { seed: 1 }), ArgumentError, /\[0, 1\]/],
  ['dropout of a string', () => f.dropout(x, wrong('0.5'), { seed: 1 }), ArgumentError, /rate/],
  ['dropout without options', () => Reflect.apply(f.dropout, null, [x, 0.5]), ArgumentError, /dropout: .*options/],
  ['dropout without a seed', () => f.dropout(x, 0.5, wrong({})), ArgumentError, /seed.*undefined/],
  ['dropout of a fractional seed', () => f.dropout(x, 0.5, { seed: 1.5 }), ArgumentError, /seed.*1\.5/],
  ['dropout of a negative seed', () => f.dropout(x, 0.5, { seed: -1 }), ArgumentError, /seed.*-1/],
]);

const sgd = (): SGD => new SGD();
const v = f.variable([1, 2]);

table('gradients and updates', [
  ['of no function', () => f.grad(wrong(x)), ArgumentError, /grad: expected a function/],
  ['of a vector', () => f.grad((y) => y.mul(2))([1, 2]), GradientError, /scalar, got shape \[2\]/, /sum\(\)/],
  ['of a number', () => f.grad(() => wrong(1))([1]), GradientError, /returns a tensor, got 1/],
  ['of nothing returned', () => f.grad(() => wrong(undefined))([1]), GradientError, /undefined/],
  ['of an async function', () => f.grad(wrong(async () => x.sum()))([1]), GradientError, /Promise/, /async/],
  ['of null', () => f.grad((y) => y.sum())(wrong(null)), ArgumentError, /grad: .*null/],
  ['apply without arrays', () => sgd().apply(wrong(v), [v]), ArgumentError, /SGD: .*array.*Variable/],
  ['apply of too few', () => sgd().apply([], [v]), ArgumentError, /0 gradients for 1 variable\./],
  ['apply to a tensor', () => sgd().apply([x], wrong([x])), ArgumentError, /place 0, got a Tensor/, /variable/],
  ['apply of numbers', () => sgd().apply(wrong([[1, 2]]), [v]), ArgumentError, /gradient 0, got an array/],
  ['apply of another shape', () => sgd().apply([f.ones([3])], [v]), ShapeError, /variable 0 is \[2\], .* \[3\]/],
  ['apply of a scalar', () => sgd().apply([f.ones([])], [v]), ShapeError, /variable 0/],
  ['apply of ids', () => sgd().apply([ids], [v]), DtypeError, /gradient 0 of float32, got int32/],
  ['apply to one twice', () => sgd().apply([f.ones([2]), f.ones([2])], [v, v]), ArgumentError, /0 and 1 are the same/],
  ['assign of another shape', () => v.assign([1, 2, 3]), ShapeError, /\[2\] cannot hold \[3\]/],
  ['assign of as many in another shape', () => v.assign([[1], [2]]), ShapeError, /\[2\] cannot hold \[2, 1\]/],
  ['assign of null', () => v.assign(wrong(null)), ArgumentError, /assign: .*null/],
]);

test('tensors of two devices do not meet', async () => {
  const first = await defaultDevice();
  const second = await openDevice();
  const away = new Tensor(storedNode(second.allocate(2, 'float32', 'away'), [2]));
  const here = f.variable([1, 2]);
  await here.data();
  for (const call of [() => here.add(away).data(), () => away.mul(here).data(), () => here.assign(away)]) {
    let caught: unknown;
    try {
      await call();
    } catch (error) {
      caught = error;
    }
    if (!(caught instanceof StateError)) throw new Error(`expected a StateError, got ${String(caught)}`);
    assert.match(caught.message, /(add|mul|copy): argument \d, a (tensor|variable) \[2\], lies on another device/);
    assert.match(caught.message, /data\(\)/);
  }
  assert.equal(Array.from(await here.data()), [1, 2]);
  second.close();
  first.check();
});

test('a closed device is named as the reason', async () => {
  const device = await defaultDevice();
  const w = f.variable([1, 2]);
  const [loss, gradients] = f.valueAndGrad((y) => y.square().sum())(w);
  const optimizer = sgd();
  await optimizer.apply(gradients, [w]);
  device.close();
  for (const call of [
    () => w.data(),
    () => loss.item(),
    () => w.add(1).data(),
    () => w.assign([1, 1]),
    () => optimizer.apply([f.ones([2])], [w]),
    () => device.read(device.allocate(1, 'float32', 'x'), 'float32', 1),
  ]) {
    let caught: unknown;
    try {
      await call();
    } catch (error) {
      caught = error;
    }
    if (!(caught instanceof StateError)) throw new Error(`expected a StateError, got ${String(caught)}`);
    assert.match(caught.message, /device was closed/);
    assert.match(caught.message, /openDevice\(\)/);
  }
});

test.run();
