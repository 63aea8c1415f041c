/** Tensors as users see them: values in and out, dtypes, messages, variables, lifetimes, devices. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DtypeError, GradientError, ShapeError, StateError } from '../src/base/errors.ts';
import { SGD } from '../src/nn/optimizers/sgd.ts';
import { assign } from '../src/ops/update.ts';
import { defaultDevice, openDevice } from '../src/runtime/defaultDevice.ts';
import { Plan } from '../src/runtime/plan.ts';
import * as f from '../src/tensor/index.ts';
import { type Tensor, tensor } from '../src/tensor/index.ts';
import { realise } from '../src/tensor/lazyValue.ts';
import { LOADER } from './loader.ts';

const test = suite('tensors');

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const list = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

/** Asserts that a call throws, now or when awaited, an error of a class whose message matches all patterns. */
async function expectError(
  kind: new (...args: never[]) => Error,
  call: () => unknown,
  ...patterns: readonly RegExp[]
): Promise<void> {
  let caught: unknown;
  try {
    await call();
  } catch (error) {
    caught = error;
  }
  if (!(caught instanceof kind)) throw new Error(`expected ${kind.name}, got ${String(caught)}`);
  for (const pattern of patterns) assert.match(caught.message, pattern);
  // Every message ends in what to do.
  assert.match(caught.message, /[.\]]$/);
}

test('nested numbers go in and come back', async () => {
  for (const value of [
    5,
    [1, 2, 3],
    [
      [1.5, -2],
      [0, 4],
    ],
    [
      [[1], [2]],
      [[3], [4]],
    ],
  ]) {
    assert.equal(await tensor(value).array(), value);
  }
  assert.equal(tensor([[1, 2, 3]]).shape, [1, 3]);
  assert.is(tensor([[1, 2, 3]]).rank, 2);
  assert.is(tensor([[1, 2, 3]]).size, 3);
  assert.is(await tensor(7).item(), 7);
  assert.match(String(tensor([1, 2])), /float32 \[2\].*data\(\)/);
});

test('typed arrays with a shape; the values are copied', async () => {
  const values = new Float32Array([1, 2, 3, 4, 5, 6]);
  const x = tensor(values, [2, 3]);
  values.fill(0);
  assert.equal(await x.array(), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
  assert.equal(await tensor([1, 2, 3, 4], [2, 2]).array(), [
    [1, 2],
    [3, 4],
  ]);
});

test('every dtype keeps its values: leaves, reshapes, views', async () => {
  const cases = [
    new Float32Array([1.25, -0, 3e-39, Number.NaN, Number.NEGATIVE_INFINITY, 16777217]),
    new Int32Array([-(2 ** 31), 2 ** 31 - 1, 16777217, 0, -1, 5]),
    new Uint8Array([0, 255, 1, 128, 7, 9]),
  ];
  for (const values of cases) {
    for (const x of [tensor(values), tensor(values, [2, 3]), tensor(values, [2, 3]).reshape([3, 2])]) {
      const read = await x.data();
      assert.is(read.constructor, values.constructor);
      assert.equal(Array.from(read, String), Array.from(values, String));
      assert.is(x.dtype, tensor(values).dtype, 'data() does not change the dtype');
      assert.equal(Array.from(await x.data(), String), Array.from(values, String), 'a second time');
    }
  }
  const turned = tensor(new Uint8Array([1, 2, 3, 4, 5, 250]), [2, 3]).transpose();
  assert.equal(await turned.array(), [
    [1, 4],
    [2, 5],
    [3, 250],
  ]);
  assert.is(turned.dtype, 'uint8');
  assert.equal(await list(tensor(new Uint8Array([1, 2, 3, 4, 5])).slice([1], [3])), [2, 3, 4]);
});

test('dtype rules', async () => {
  assert.is(tensor([1, 2]).dtype, 'float32');
  assert.is(tensor(new Int32Array(2)).dtype, 'int32');
  assert.is(tensor(new Uint8Array(2)).dtype, 'uint8');
  assert.is(tensor([1, 2], undefined, { dtype: 'int32' }).dtype, 'int32');
  assert.is(tensor(new Int32Array([3])).add(5).dtype, 'int32');
  assert.equal(
    await list(
      tensor(new Int32Array([3]))
        .cast('float32')
        .add(0.5),
    ),
    [3.5],
  );
  await expectError(DtypeError, () => tensor(new Int32Array(1)).add(0.5), /add.*int32 and float32.*cast\('float32'\)/);
  assert.equal(await list(tensor([1.7, -1.7]).cast('int32')), [1, -1]);
  assert.equal(await list(tensor(new Uint8Array([200])).cast('float32')), [200]);
  assert.is(tensor([1, 2]).argMax().dtype, 'int32');
  await expectError(DtypeError, () => tensor([1.5], undefined, { dtype: 'int32' }), /1\.5 is no int32/, /float32/);
  await expectError(DtypeError, () => tensor([256], undefined, { dtype: 'uint8' }), /0 to 255/);
  await expectError(DtypeError, () => tensor([1, 2]).gather([0.5]), /int32/);
  await expectError(DtypeError, () => tensor([1, 2]).gather(tensor([0])), /cast\('int32'\)/);
  await expectError(DtypeError, () => tensor(new Int32Array(4), [2, 2]).matmul([[1], [1]]), /matmul/, /cast/);
});

test('messages name the operation, the shapes and a remedy', async () => {
  await expectError(ShapeError, () => tensor([1, 2]).add([1, 2, 3]), /add/, /\[2\] and \[3\]/, /reshape/);
  await expectError(
    ShapeError,
    () => f.zeros([2, 3]).matmul(f.zeros([4, 5])),
    /matmul/,
    /\[2, 3\] by \[4, 5\]/,
    /Transpose/,
  );
  await expectError(ShapeError, () => f.zeros([3]).matmul(f.zeros([3, 2])), /rank 2/, /Reshape vectors/);
  await expectError(ShapeError, () => f.zeros([2, 3]).reshape([4, 2]), /reshape: \[2, 3\] holds 6/, /\[4, 2\] holds 8/);
  await expectError(ShapeError, () => f.zeros([2, 3]).reshape([4, -1]), /reshape/);
  await expectError(ShapeError, () => f.zeros([2, 3]).sum(2), /axis 2/, /rank 2/);
  await expectError(ShapeError, () => f.zeros([2, 3]).transpose([0, 0]), /transpose/, /\[0, 0\]/);
  await expectError(ShapeError, () => f.zeros([2, 3]).slice([0, 2], [2, 2]), /slice/, /\[2, 3\]/);
  await expectError(ShapeError, () => f.concat([f.zeros([2, 3]), f.zeros([3, 3])], 1), /concat/, /axis 1/);
  await expectError(
    ShapeError,
    () => f.zeros([1, 4, 4, 3]).conv2d(f.zeros([3, 3, 2, 8])),
    /conv2d/,
    /3 channels/,
    /NHWC/,
  );
  await expectError(ShapeError, () => f.zeros([4, 4, 3]).maxPool2d({ poolSize: 2 }), /maxPool2d/, /\[4, 4, 3\]/);
  await expectError(ShapeError, () => f.zeros([1, 2, 2, 1]).maxPool2d({ poolSize: 3 }), /window of 3/, /'same'/);
  await expectError(ShapeError, () => f.zeros([4, 3]).softmaxCrossEntropy([0, 1]), /\[4\].*class ids.*\[2\]/);
  await expectError(ShapeError, () => f.zeros([2, 3]).broadcastTo([3, 2]), /broadcastTo/);
  await expectError(ShapeError, () => tensor([1, 2, 3], [2, 2]), /holds 4 elements, got 3/);
  await expectError(ShapeError, () => tensor([[1, 2], [3]]), /differ in length/);
  await expectError(ShapeError, () => tensor([[1, 2], 3]), /differ/);
  await expectError(ShapeError, () => f.zeros([0, 2]), /at least 1/);
  await expectError(ShapeError, () => f.zeros([2]).item(), /one element/);
  await expectError(ArgumentError, () => f.zeros([2]).pad([[1, -1]]), /pad/);
  await expectError(ArgumentError, () => f.concat([]), /at least one/);
  await expectError(ArgumentError, () => f.dropout([1], 1.5, { seed: 1 }), /rate/);
  await expectError(GradientError, () => f.grad((x) => x.mul(2))([1, 2]), /scalar/, /sum\(\) or mean\(\)/);
});

test('functions and methods agree on broadcasting plain numbers', async () => {
  assert.equal(await list(f.add(1, [1, 2])), [2, 3]);
  assert.equal(await list(f.full([2], 3).mul(2)), [6, 6]);
  assert.equal(await list(f.uniform([3], { seed: 1 })), await list(f.uniform([3], { seed: 1 })));
  assert.equal(await list(f.oneHot([1, 0], 2)), [0, 1, 1, 0]);
});

// Variables

test('variables: assign, use, read again', async () => {
  const v = f.variable([1, 2, 3]);
  const doubled = v.mul(2);
  assert.equal(await list(doubled), [2, 4, 6]);
  await v.assign([4, 5, 6]);
  assert.equal(await list(v), [4, 5, 6]);
  assert.equal(await list(doubled), [2, 4, 6], 'what was read before keeps its value');
  await v.assign(v.add(1));
  assert.equal(await list(v), [5, 6, 7]);
  assert.equal(await list(v.mul(2)), [10, 12, 14]);
  await expectError(ShapeError, () => v.assign([1, 2]), /\[3\].*\[2\]/);
});

test('a tensor built before an update and not read cannot be read after it', async () => {
  const v = f.variable([1, 2]);
  const stale = v.mul(2);
  await v.assign([3, 4]);
  await expectError(StateError, () => stale.data(), /updated since/, /data\(\)/);
  const w = f.variable([1, 2]);
  const loss = w.square().sum();
  await new SGD({ learningRate: 0.1 }).apply(f.grad((x) => x.square().sum())(w), [w]);
  await expectError(StateError, () => loss.data(), /updated since/);
});

test('a variable keeps its first value from other tensors', async () => {
  const x = tensor([1, 2]).add(1);
  const v = f.variable(x);
  assert.equal(await list(v), [2, 3]);
  await v.assign([9, 9]);
  assert.equal(await list(x), [2, 3]);
  await expectError(DtypeError, () => f.variable(new Int32Array([1])), /float32/, /cast/);
});

// Gradients

test('value and gradients are computed together, and the value stays right after the update', async () => {
  const v = f.variable([1, 2, 3]);
  const [loss, gradients] = f.valueAndGrad((x) => x.square().sum())(v);
  await new SGD({ learningRate: 0.1 }).apply(gradients, [v]);
  assert.is(await loss.item(), 14);
  assert.equal(await list(gradients[0]), [2, 4, 6]);
  assert.equal(
    (await list(v)).map((one) => Math.round(one * 1e6) / 1e6),
    [0.8, 1.6, 2.4],
  );
});

test('gradients of an argument given twice, of none used, and of a gradient', async () => {
  const x = tensor([2, 3]);
  const [a, b] = f.grad((p, q) => p.mul(q.square()).sum())(x, x);
  assert.equal(await list(a), [4, 9]);
  assert.equal(await list(b), [8, 18]);
  const [, none] = f.grad((p, _unused) => p.sum())(x, [[1, 2]]);
  assert.equal(await none.array(), [[0, 0]]);
  const [second] = f.grad((p) =>
    f
      .grad((q) => q.mul(q).mul(q).sum())(p)[0]
      .sum(),
  )(x);
  assert.equal(await list(second), [12, 18]);
});

// Lifetimes

test('data() twice gives the same values and computes once', async () => {
  const device = await defaultDevice();
  const x = tensor([1, 2, 3]).exp();
  const first = await list(x);
  const { bindGroups } = device.stats;
  assert.equal(await list(x), first);
  assert.is(device.stats.bindGroups, bindGroups);
  assert.equal(await list(x.mul(1)), first);
});

test('a disposed tensor cannot be read; disposing twice does nothing', async () => {
  const x = tensor([1, 2]).add(1);
  await x.data();
  x.dispose();
  x.dispose();
  await expectError(StateError, () => x.data(), /disposed/, /dispose\(\)/);
});

test('tensors of one node do not free each other', async () => {
  // Both gradients of a sum are one node; freed twice, its buffer would be handed out twice.
  const [a, b] = f.grad((p, q) => p.add(q).sum())([1, 2, 3], [4, 5, 6]);
  await realise([a, b]);
  a.dispose();
  const other = tensor([7, 7, 7]).add(1);
  assert.equal(await list(other), [8, 8, 8]);
  assert.equal(await list(b), [1, 1, 1]);
  b.dispose();
  const [c, d] = [tensor([1, 2, 3]).add(0), tensor([4, 5, 6]).add(0)];
  await c.data();
  await d.data();
  assert.equal(await list(c), [1, 2, 3]);
});

test('a graph keeps the values that it was built from', async () => {
  const build = async (): Promise<Tensor> => {
    const x = tensor([1, 2, 3]).add(1);
    await x.data();
    return x.mul(10);
  };
  const y = await build();
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const others = Array.from({ length: 40 }, () => tensor([0, 0, 0]).add(7));
  await realise(others);
  assert.equal(await list(y), [20, 30, 40]);
});

test('memory of collected tensors is used again', async () => {
  const device = await defaultDevice();
  for (let i = 0; i < 3; i++)
    await f
      .full([1 << 18], i)
      .add(tensor([1]))
      .data();
  collect();
  await new Promise((resolve) => setTimeout(resolve, 10));
  const { bytes } = device.stats;
  for (let i = 0; i < 30; i++) {
    await f
      .full([1 << 18], i)
      .add(tensor([1]))
      .data();
    collect();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(device.stats.bytes - bytes < 12 << 20, `${(device.stats.bytes - bytes) / 2 ** 20} MiB more`);
});

test('a replayed plan makes no buffer, bind group or kernel', async () => {
  const device = await defaultDevice();
  const v = f.variable([1, 2, 3, 4]);
  await v.data();
  const y = v.mul(2).square().sum();
  const plan = await Plan.compile(device, [y.node, assign(v.node, v.mul(1).node)]);
  plan.run();
  await device.finish();
  const before = device.stats;
  for (let i = 0; i < 100; i++) plan.run();
  await device.finish();
  assert.equal(device.stats, before);
  const values = await device.read(plan.storageOf(y.node), 'float32', 1);
  assert.is(values[0], 120);
  plan.dispose();
});

// Devices

test('a closed device says so; a new one takes over', async () => {
  const device = await defaultDevice();
  const kept = tensor([1, 2]).add(1);
  await kept.data();
  const lazy = tensor([5, 6]).add(1);
  device.close();
  device.close();
  assert.ok(device.closed);
  await expectError(StateError, () => kept.data(), /closed/, /openDevice/);
  const next = await openDevice();
  assert.is.not(next, device);
  assert.equal(await list(lazy), [6, 7]);
  assert.equal(await list(tensor([1, 2]).mul(3)), [3, 6]);
});

/** Runs a script of its own and returns what it printed; kills it after half a minute. */
function runScript(code: string): Promise<{ output: string; code: number | null }> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const child = spawn(process.execPath, ['--import', LOADER, '--input-type=module', '-e', code], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ output, code: exitCode });
    });
  });
}

test('a process ends by itself once its values are read', async () => {
  const { output, code } = await runScript(`
    const { tensor } = await import('./src/index.ts');
    console.log((await tensor([1, 2, 3]).mul(2).sum().data()).join());
  `);
  assert.is(code, 0);
  assert.match(output, /^12$/m);
});

test.run();
