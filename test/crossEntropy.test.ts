/** Cross-entropy: gradients to soft labels, second derivatives whatever the labels add up to, and ids that are none. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../src/ir/op.ts';
import { binaryCrossentropy, categoricalCrossentropy } from '../src/nn/losses.ts';
import { mul } from '../src/ops/elementwise.ts';
import { sum } from '../src/ops/reduce.ts';
import { type CrossEntropyOptions, softmaxCrossEntropyPerExample } from '../src/ops/softmax.ts';
import { crossEntropy, grad, normal, type Tensor, tensor } from '../src/tensor/index.ts';
import * as o from './reference.ts';
import {
  assertClose,
  compare,
  compareSecondOrder,
  draw,
  given,
  type Input,
  ints,
  nodeOf,
  oracleOf,
} from './support.ts';

const test = suite('cross-entropy');
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const OPTIONS: readonly CrossEntropyOptions[] = [
  {},
  { labelSmoothing: 0.2 },
  { clip: 0.03 },
  { labelSmoothing: 0.1, clip: 0.01 },
];

for (const options of OPTIONS) {
  test(`gradients to logits and to rows of labels ${JSON.stringify(options)}`, async () => {
    for (const [batch, classes] of [
      [1, 1],
      [3, 7],
      [5, 8],
    ]) {
      await compare({
        // Rows that add up to anything, negative labels among them.
        inputs: [draw([batch, classes], -2, 2), draw([batch, classes], -0.5, 2)],
        gpu: (x, y) => softmaxCrossEntropyPerExample(x, y, options),
        oracle: (x, y) => o.softmaxCrossEntropyPerExample(x, y, options),
      });
    }
  });
}

const weighted =
  (r: Input, labelSmoothing: number) =>
  (x: Node, y: Node): Node =>
    sum(mul(softmaxCrossEntropyPerExample(x, y, { labelSmoothing }), nodeOf(r)));
const weighted64 =
  (r: Input, labelSmoothing: number) =>
  (x: o.Array64, y: o.Array64): number =>
    o.sum(o.mul(o.softmaxCrossEntropyPerExample(x, y, { labelSmoothing }), oracleOf(r))).data[0];

for (const labelSmoothing of [0, 0.3]) {
  test(`second derivatives to logits and labels, smoothing ${labelSmoothing}`, async () => {
    const r = draw([3], 0.5, 1);
    const rows = given([2, 0, 0, 0, 0, 0, 0, 0, 0.5, 0.25, 3, -1], [3, 4]);
    await compareSecondOrder([draw([3, 4]), rows], weighted(r, labelSmoothing), weighted64(r, labelSmoothing));
  });
  test(`second derivatives to the logits alone, smoothing ${labelSmoothing}`, async () => {
    const r = draw([3], 0.5, 1);
    const rows = given([2, 0, 0, 0, 0, 0, 0, 0, 0.5, 0.25, 3, -1], [3, 4]);
    for (const labels of [rows, ints([3, 0, 1])]) {
      const f = weighted(r, labelSmoothing);
      const f64 = weighted64(r, labelSmoothing);
      await compareSecondOrder(
        [draw([3, 4])],
        (x) => f(x, nodeOf(labels)),
        (x) => f64(x, oracleOf(labels)),
      );
    }
  });
}

test('entropy and distillation: what moves the labels moves the loss', async () => {
  const x = tensor([[1, 2, 3]]);
  const plain = (z: Tensor): Tensor => z.logSoftmax().mul(z.softmax()).sum().neg();
  const entropy = await grad((z) => z.softmaxCrossEntropy(z.softmax()))(x)[0].data();
  assertClose(entropy, await grad(plain)(x)[0].data(), 'entropy', 1e-6);
  // A student's logits are given, the teacher learns; through the loss of Keras' name as well.
  const student = tensor([[0.5, -0.3, 0.2]]);
  const loss = categoricalCrossentropy({ fromLogits: true });
  const teach = (t: Tensor): Tensor => loss.perExample(t.softmax(), student).sum();
  const expected = (t: Tensor): Tensor => student.logSoftmax().mul(t.softmax()).sum().neg();
  assertClose(await grad(teach)(x)[0].data(), await grad(expected)(x)[0].data(), 'teacher', 1e-6);
});

test('the gradient to rows of labels is minus the logarithms', async () => {
  const soft = (l: Tensor): Tensor => tensor([[0.5, -0.3, 0.2]]).softmaxCrossEntropy(l);
  const logs = await tensor([[0.5, -0.3, 0.2]])
    .logSoftmax()
    .data();
  assertClose(
    await grad(soft)([[0.2, 0.3, 0.5]])[0].data(),
    logs.map((value) => -value),
    'labels',
    1e-6,
  );
});

test('an id that is none makes the second derivative NaN, as it does loss and gradient; the other rows stay', async () => {
  const second = (labels: Tensor): Promise<ArrayLike<number>> =>
    grad((z) =>
      grad((z) => z.softmaxCrossEntropy(labels))(z)[0]
        .mul([[1, 0, 0]])
        .sum(),
    )(
      tensor([
        [0.5, -0.3, 0.2],
        [0.5, -0.3, 0.2],
      ]),
    )[0].data();
  for (const none of [-1, 3, 2 ** 30]) {
    const values = Array.from(await second(tensor(new Int32Array([none, 0]))));
    assert.equal(values.slice(0, 3).map(String), ['NaN', 'NaN', 'NaN']);
    assertClose(values.slice(3), [0.12407, -0.04683, -0.07723], 'the other row', 1e-3);
  }
});

test('binary: the small losses and slopes of confident, right outputs', async () => {
  const z = tensor([20, -20, 60, -60, 3, -3, 17], [7, 1]);
  const labels = tensor([1, 0, 1, 0, 0, 1, 1], [7, 1]);
  const perExample = (x: Tensor): Tensor => binaryCrossentropy({ fromLogits: true }).perExample(labels, x);
  const signs = Array.from(await labels.data(), (label) => (label === 1 ? -1 : 1));
  const values = await z.data();
  const loss = await perExample(z).data();
  const [slope] = grad((x) => perExample(x).sum())(z);
  const slopes = await slope.data();
  signs.forEach((sign, i) => {
    const towards = sign * values[i];
    assertClose([loss[i]], [Math.log1p(Math.exp(towards))], `loss at ${values[i]}`, 1e-6);
    assertClose([slopes[i]], [sign / (1 + Math.exp(-towards))], `slope at ${values[i]}`, 1e-6);
  });
});

test('places that are ignored count for nothing, whatever their logits; ids that do not exist are NaN', async () => {
  const logits = [
    [
      [1, 2],
      [nan, 3],
    ],
    [
      [0, inf],
      [4, 1],
    ],
  ];
  const of = (ids: number[][], options = {}): Promise<number> =>
    crossEntropy(logits, tensor(ids, undefined, { dtype: 'int32' }), options).item();
  const expected = (Math.log1p(Math.exp(1)) + Math.log1p(Math.exp(-3))) / 2;
  const left = [
    [0, 7],
    [7, 0],
  ];
  assertClose([await of(left, { ignoreClass: 7 })], [expected], 'without the two');
  const weighed = (2 * Math.log1p(Math.exp(1)) + 2 * Math.log1p(Math.exp(-3))) / 4;
  assertClose([await of(left, { ignoreClass: 7, classWeights: [2, 5] })], [weighed], 'by weights');
  assert.ok(Number.isNaN(await of(left, { ignoreClass: 1 })), 'an id that does not exist');
  const none = [
    [7, 7],
    [7, 7],
  ];
  assert.ok(Number.isNaN(await of(none, { ignoreClass: 7 })), 'nothing counts');
  const slope = grad((x: Tensor) => crossEntropy(x, tensor(left, undefined, { dtype: 'int32' }), { ignoreClass: 7 }))(
    tensor(logits),
  )[0];
  const [a, b, ...rest] = await slope.data();
  assertClose([a, b, ...rest.slice(4)], [-0.365529, 0.365529, -0.0237129, 0.0237129], 'slopes', 1e-5);
  assert.equal(rest.slice(0, 4), [0, 0, 0, 0], 'of what is ignored');
  for (const [shape, ids] of [
    [[4], [1]],
    [[2, 3], [1]],
    [
      [2, 2, 3],
      [0, 1],
    ],
  ] as const) {
    assert.throws(() => crossEntropy(normal(shape, { seed: 1 }), [...ids]), /crossEntropy: .*Give one id for each row/);
  }
  assert.throws(() => crossEntropy([[1, 2]], [0], { ignoreClass: 0.5 }), /ignoreClass/);
});

test.run();
