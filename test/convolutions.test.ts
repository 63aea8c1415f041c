/** Convolutions as functions of tensors: against PyTorch, where a Python has it, and against each other. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { uniform } from '../src/base/random.ts';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import {
  avgPool1d,
  conv1d,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  maxPool1d,
  separableConv2d,
  type Tensor,
  tensor,
  vjp,
} from '../src/tensor/index.ts';
import { pythonWith } from './interchange.ts';
import { assertClose, assertSame } from './support.ts';

const test = suite('convolutions');

const drawn = (shape: Shape, seed: number): Tensor =>
  tensor(uniform(sizeOf(shape), { seed, low: -1, high: 1 }), [...shape]);

/** What PyTorch is asked for: its own words, and the same call here. */
interface Case {
  readonly x: Shape;
  readonly kernel: Shape;
  /** PyTorch's function, the order of the kernel's axes that it wants, and its options. */
  readonly torch: readonly [name: string, axes: readonly number[], options: Readonly<Record<string, unknown>>];
  readonly ours: (x: Tensor, kernel: Tensor) => Tensor;
}

const CASES: readonly Case[] = [
  {
    x: [2, 7, 9, 4],
    kernel: [3, 2, 2, 6],
    torch: ['conv2d', [3, 2, 0, 1], { stride: [2, 1], padding: [1, 2], dilation: [2, 3], groups: 2 }],
    ours: (x, kernel) => conv2d(x, kernel, { strides: [2, 1], padding: [1, 2], dilationRate: [2, 3], groups: 2 }),
  },
  {
    x: [2, 8, 7, 3],
    kernel: [3, 3, 3, 1],
    torch: ['conv2d', [2, 3, 0, 1], { stride: [2, 2], padding: [1, 1], groups: 3 }],
    ours: (x, kernel) => depthwiseConv2d(x, kernel, { strides: 2, padding: 1 }),
  },
  {
    x: [2, 4, 5, 3],
    kernel: [3, 4, 2, 3],
    torch: [
      'conv_transpose2d',
      [3, 2, 0, 1],
      { stride: [2, 3], padding: [1, 2], output_padding: [1, 2], dilation: [1, 2] },
    ],
    ours: (x, kernel) =>
      conv2dTranspose(x, kernel, { strides: [2, 3], padding: [1, 2], outputPadding: [1, 2], dilationRate: [1, 2] }),
  },
  {
    x: [2, 11, 4],
    kernel: [3, 2, 6],
    torch: ['conv1d', [2, 1, 0], { stride: 2, padding: 3, dilation: 2, groups: 2 }],
    ours: (x, kernel) => conv1d(x, kernel, { strides: 2, padding: 3, dilationRate: 2, groups: 2 }),
  },
];

const SCRIPT = `
import json, sys, torch
results = []
for case in json.loads(sys.argv[1]):
    tensor = lambda part: torch.tensor(part['data'], dtype=torch.float64).reshape(part['shape']).requires_grad_()
    x, kernel, dy = (tensor(case[name]) for name in ('x', 'kernel', 'dy'))
    first = lambda t: t.movedim(-1, 1)
    y = getattr(torch.nn.functional, case['name'])(first(x), kernel.permute(case['axes']), **case['options']).movedim(1, -1)
    dx, dkernel = torch.autograd.grad(y, (x, kernel), dy)
    results.append([list(y.shape), *(t.reshape(-1).tolist() for t in (y, dx, dkernel))])
print(json.dumps(results))
`;

const python = pythonWith('torch');
if (python === null) console.log('convolutions: no python3 with torch, so PyTorch is not asked');
(python === null ? test.skip : test)('PyTorch gives the same values and gradients', async () => {
  const parts = CASES.map((one, at) => {
    const [x, kernel] = [drawn(one.x, 3 * at + 1), drawn(one.kernel, 3 * at + 2)];
    return { ...one, x, kernel, dy: drawn(one.ours(x, kernel).shape, 3 * at + 3) };
  });
  const plain = async (part: Tensor) => ({ shape: part.shape, data: Array.from(await part.data()) });
  const asked = await Promise.all(
    parts.map(async ({ x, kernel, dy, torch: [name, axes, options] }) => ({
      ...{ name, axes, options },
      ...{ x: await plain(x), kernel: await plain(kernel), dy: await plain(dy) },
    })),
  );
  const answers = python?.(SCRIPT, JSON.stringify(asked));
  assert.ok(Array.isArray(answers) && answers.length === CASES.length);
  for (const [
    at,
    {
      x,
      kernel,
      dy,
      ours,
      torch: [name],
    },
  ] of parts.entries()) {
    const [shape, y, dx, dkernel] = answers[at];
    const [value, pull] = vjp(ours)(x, kernel);
    const [ofX, ofKernel] = pull(dy);
    assert.equal([...value.shape], shape, name);
    assertClose(await value.data(), y, `${name}: value`);
    assertClose(await ofX.data(), dx, `${name}: gradient of x`);
    assertClose(await ofKernel.data(), dkernel, `${name}: gradient of the kernel`);
  }
});

test('a channel a group is a depthwise convolution', async () => {
  const [x, kernel] = [drawn([2, 6, 5, 3], 1), drawn([3, 2, 3, 2], 2)];
  const options = { strides: [1, 2], padding: 'same', dilationRate: 2, bias: [1, 2, 3, 4, 5, 6] } as const;
  const grouped = conv2d(x, kernel.reshape([3, 2, 1, 6]), { ...options, groups: 3 });
  assertClose(await depthwiseConv2d(x, kernel, options).data(), await grouped.data(), 'value');
});

test('a separable convolution is the product of its two', async () => {
  const [x, each, mix] = [drawn([1, 5, 6, 3], 1), drawn([3, 3, 3, 2], 2), drawn([1, 1, 6, 4], 3)];
  const options = { padding: 1, strides: 2 };
  const expected = conv2d(depthwiseConv2d(x, each, options), mix, { bias: [1, 2, 3, 4] });
  const actual = separableConv2d(x, each, mix, { ...options, bias: [1, 2, 3, 4] });
  assertSame(await actual.data(), await expected.data(), 'value');
});

test('a causal convolution sees no later step', async () => {
  const steps = [1, 10, 100, 1000];
  const y = conv1d(tensor(steps, [1, 4, 1]), tensor([1, 1], [2, 1, 1]), { padding: 'causal', dilationRate: 2 });
  assert.equal(Array.from(await y.data()), [1, 10, 101, 1010]);
});

test('poolings of sequences', async () => {
  const x = tensor([1, 5, 3, 2, 8], [1, 5, 1]);
  assert.equal(Array.from(await maxPool1d(x, { poolSize: 2 }).data()), [5, 3]);
  assert.equal(Array.from(await maxPool1d(x, { poolSize: 3, strides: 1 }).data()), [5, 5, 8]);
  assert.equal(Array.from(await avgPool1d(x, { poolSize: 2, padding: 'same' }).data()), [3, 2.5, 8]);
});

test.run();
