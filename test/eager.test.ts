/** Loops of a user's own: what a step makes, what stays bounded, and that plans that are used again compute what is asked. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { StateError } from '../src/base/errors.ts';
import { LruMap } from '../src/base/lru.ts';
import { Adam } from '../src/nn/optimizers/adam.ts';
import { SGD } from '../src/nn/optimizers/sgd.ts';
import { storedNode } from '../src/ops/leaf.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import type { Device } from '../src/runtime/device.ts';
import * as f from '../src/tensor/index.ts';
import { Tensor, tensor, type Variable } from '../src/tensor/index.ts';
import { realise } from '../src/tensor/lazyValue.ts';

const test = suite('eager runs');

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const list = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

/** Collects garbage, and lets finalizers run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const counts = ({ stats, eager }: Device): object => ({ ...stats, plans: eager.size });

async function rejects(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StateError)) throw new Error(`expected a StateError, got ${String(error)}`);
  assert.match(error.message, pattern);
}

/** A small network of two layers with its data. */
function network(): { weights: Variable[]; step: (...weights: Variable[]) => [Tensor, Tensor[]] } {
  const x = f.normal([64, 8], { seed: 1 });
  const y = f.normal([64, 1], { seed: 2 });
  const weights = [
    f.variable(f.normal([8, 16], { seed: 3 })),
    f.variable(f.zeros([16])),
    f.variable(f.normal([16, 1], { seed: 4 })),
    f.variable(f.zeros([1])),
  ];
  const step = f.valueAndGrad((k, b, k2, b2) => x.dense(k, b).tanh().dense(k2, b2).sub(y).square().mean());
  return { weights, step };
}

test('a thousand steps make nothing that lasts', async () => {
  const device = await defaultDevice();
  const { weights, step } = network();
  const optimizer = new Adam({ learningRate: 0.01 });
  const losses: number[] = [];
  const steps = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const [loss, gradients] = step(...weights);
      await optimizer.apply(gradients, weights);
      if (i % 10 === 0) losses.push(await loss.item());
    }
    await settle();
  };
  await steps(50);
  await steps(50);
  const before = device.stats;
  const plans = device.eager.size;
  const heap = process.memoryUsage().heapUsed;
  for (let i = 0; i < 20; i++) await steps(50);
  const { buffers, bindGroups, bytes, kernels } = device.stats;
  assert.is(bindGroups, before.bindGroups);
  assert.is(kernels, before.kernels);
  assert.is(device.eager.size, plans);
  // Each step hands out five results; their memory is used again once they are collected.
  assert.ok(buffers - before.buffers <= 50, `${buffers - before.buffers} buffers more`);
  assert.ok(bytes - before.bytes <= 50 * 512, `${bytes - before.bytes} bytes more`);
  const more = process.memoryUsage().heapUsed - heap;
  assert.ok(more < 1 << 20, `${more} bytes of heap more`);
  assert.ok((losses.at(-1) ?? 1) < losses[0] / 2, `${losses[0]} to ${losses.at(-1)}`);
});

test('large gradients do not pile up until the garbage collector happens to look', async () => {
  const device = await defaultDevice();
  const v = f.variable(f.ones([1 << 20]));
  const optimizer = new SGD({ learningRate: 0.1 });
  const step = f.valueAndGrad((w) => w.square().sum());
  const { bytes } = device.stats;
  for (let i = 0; i < 120; i++) {
    const [loss, gradients] = step(v);
    await optimizer.apply(gradients, [v]);
    if (i % 10 === 0) await loss.item();
  }
  const more = (device.stats.bytes - bytes) / 2 ** 20;
  assert.ok(more < 240, `${more} MiB more, of 480 handed out`);
});

test('with results disposed of by hand, a step makes nothing at all', async () => {
  const device = await defaultDevice();
  const { weights, step } = network();
  const optimizer = new SGD({ learningRate: 0.01 });
  const once = async (): Promise<void> => {
    const [loss, gradients] = step(...weights);
    await optimizer.apply(gradients, weights);
    await loss.item();
    for (const one of [loss, ...gradients]) one.dispose();
  };
  for (let i = 0; i < 3; i++) await once();
  await settle();
  const before = counts(device);
  for (let i = 0; i < 100; i++) await once();
  assert.equal(counts(device), before);
});

test('a fresh batch each step is copied to where the last one was', async () => {
  const device = await defaultDevice();
  const weights = f.variable(f.ones([4, 2]));
  const once = async (i: number): Promise<void> => {
    const batch = Float32Array.from({ length: 12 }, (_, at) => i + at);
    const y = tensor(batch, [3, 4]).matmul(weights).sum();
    assert.is(await y.item(), 2 * (12 * i + 66));
    y.dispose();
  };
  for (let i = 0; i < 3; i++) await once(i);
  await settle();
  const before = counts(device);
  for (let i = 0; i < 200; i++) await once(i);
  assert.equal(counts(device), before);
});

test('earlier results are leaves like batches', async () => {
  const device = await defaultDevice();
  let total = tensor([0, 0, 0]).add(0);
  const once = async (): Promise<void> => {
    const next = total.mul(0.5).add([1, 2, 3]);
    await next.data();
    total.dispose();
    total = next;
  };
  await total.data();
  for (let i = 0; i < 3; i++) await once();
  await settle();
  const before = counts(device);
  for (let i = 0; i < 100; i++) await once();
  assert.equal(counts(device), before);
  assert.equal(await list(total), [2, 4, 6]);
});

test('numbers that change compile nothing and take no room', async () => {
  const device = await defaultDevice();
  const x = tensor([1, 2, 3, 4, 5, 6, 7, 8]);
  const cases: Record<string, (i: number) => Tensor> = {
    mul: (i) => x.mul(i).add(i),
    clip: (i) => x.clip(i, i + 1),
    slope: (i) => x.neg().leakyRelu(i),
    pad: (i) => x.pad([[1, 1]], i),
    slice: (i) => x.slice([i % 5], [4]),
    dropout: (i) => f.dropout(x, 0.5, { seed: i }),
    folded: (i) => x.add(f.full([], i).mul(2)),
    loss: (i) => f.grad((z) => z.reshape([2, 4]).softmaxCrossEntropy([0, 1]).mul(i))(x)[0],
  };
  for (const [name, make] of Object.entries(cases)) {
    const once = async (i: number): Promise<number[]> => {
      const y = make(i);
      const values = await list(y);
      y.dispose();
      return values;
    };
    const first = await once(1);
    await once(2);
    await settle();
    const before = counts(device);
    for (let i = 2; i < 80; i++) await once(i);
    assert.equal(await once(1), first, `${name}: the first number again`);
    assert.equal(counts(device), before, name);
  }
  assert.equal(await list(x.mul(7).add(7)), [14, 21, 28, 35, 42, 49, 56, 63]);
  assert.equal(await list(x.slice([3], [4])), [4, 5, 6, 7]);
  assert.equal(await list(x.add(f.full([], 9).mul(2)).slice([0], [2])), [19, 20]);
  assert.is.not(String(await list(f.dropout(x, 0.5, { seed: 3 }))), String(await list(f.dropout(x, 0.5, { seed: 4 }))));
});

test('numbers that look alike are told apart', async () => {
  const inverse = async (value: number): Promise<string> => String(await list(tensor([1, -1]).div(f.full([2], value))));
  assert.is(await inverse(0), 'Infinity,-Infinity');
  assert.is(await inverse(-0), '-Infinity,Infinity');
  assert.is(await inverse(Number.NaN), 'NaN,NaN');
  assert.is(await inverse(Number.POSITIVE_INFINITY), '0,0');
  assert.is(await inverse(4), '0.25,-0.25');
});

test('shapes that change every step keep a bounded number of plans', async () => {
  const device = await defaultDevice();
  const kernel = f.variable(f.ones([3, 2]));
  const { kernels } = device.stats;
  let most = 0;
  for (let n = 1; n <= 200; n++) {
    const y = f
      .full([n, 3], n)
      .add(f.ones([n, 1]).mul(2))
      .dense(kernel)
      .sum();
    assert.is(await y.item(), 6 * n * (n + 2));
    y.dispose();
    most = Math.max(most, device.eager.size);
  }
  assert.is(most, 64);
  const more = device.stats.kernels - kernels;
  assert.ok(more <= 20, `${more} kernels more: most texts do not depend on the batch`);
});

test('the least recently used goes first, and when the weight is too much', () => {
  const dropped: string[] = [];
  const map = new LruMap<string, string>({
    entries: 3,
    weight: 10,
    weigh: (value) => value.length,
    dropped: (value) => dropped.push(value),
  });
  map.add('a', 'a');
  map.add('b', 'bb');
  map.add('c', 'ccc');
  assert.is(map.get('a'), 'a');
  map.add('d', 'd');
  assert.equal(dropped, ['bb']);
  assert.is(map.get('b'), undefined);
  map.add('e', 'eeeeeeee');
  assert.equal(dropped, ['bb', 'ccc'], 'the others weigh ten');
  assert.is(map.size, 3);
  assert.is(map.weight, 10);
  map.add('f', 'ffffffffffff');
  assert.is(map.size, 1, 'more than all may weigh stays alone');
  map.clear();
  assert.is(map.weight, 0);
});

test('what was handed out stays as it was', async () => {
  const results: Tensor[] = [];
  const x = tensor([0, 1]);
  for (let i = 0; i < 20; i++) {
    const y = (i % 3 === 0 ? x : tensor([i, i + 1])).add(10);
    await y.data();
    results.push(y);
  }
  for (const [i, y] of results.entries()) {
    assert.equal(await list(y), i % 3 === 0 ? [10, 11] : [i + 10, i + 11]);
  }
});

test('another way to compute a product is another plan', async () => {
  const device = await defaultDevice();
  const [a, b] = [f.uniform([32, 32], { seed: 1 }), f.uniform([32, 32], { seed: 2 })];
  const [expected] = await list(a.matmul(b));
  const { bindGroups } = device.stats;
  await list(a.matmul(b));
  assert.is(device.stats.bindGroups, bindGroups);
  const { target } = device;
  device.choose(new Map([['matmul', 'registerTile 4x8']]));
  try {
    const [value] = await list(a.matmul(b));
    assert.ok(Math.abs(value - expected) < 1e-4);
    assert.ok(device.stats.bindGroups > bindGroups);
  } finally {
    device.target = target;
  }
});

test('a run whose measuring has chosen is found again by what was chosen', async () => {
  const device = await defaultDevice();
  const [a, b] = [f.uniform([8, 40], { seed: 1 }), f.uniform([40, 8], { seed: 2 })];
  const { target, prepare } = device;
  let measured = 0;
  device.prepare = async () => {
    measured++;
    device.choose(new Map([['matmul [8, 40] [40, 8]', 'registerTile 4x8']]));
  };
  try {
    const first = await list(a.matmul(b));
    const before = measured;
    assert.equal(await list(a.matmul(b)), first);
    assert.is(measured, before);
  } finally {
    device.prepare = prepare;
    device.target = target;
  }
});

test('plans serve the variables that they were made for', async () => {
  const [a, b] = [f.variable([1, 2]), f.variable([3, 4])];
  const twice = (v: Tensor): Promise<number[]> => list(v.mul(2));
  assert.equal(await twice(a), [2, 4]);
  assert.equal(await twice(b), [6, 8]);
  await a.assign([5, 6]);
  assert.equal(await twice(a), [10, 12]);
  assert.equal(await twice(b), [6, 8]);
  assert.equal(await list(a.sub(b)), [2, 2]);
  assert.equal(await list(b.sub(a)), [-2, -2]);
  assert.equal(await list(a.sub(a)), [0, 0]);
});

test('large leaves are bound where they lie', async () => {
  const size = (17 << 20) / 4;
  for (const value of [1, 2, 3]) {
    const x = tensor(new Float32Array(size).fill(value));
    for (let i = 0; i < 2; i++) assert.is(await x.slice([5], [10]).sum().item(), 10 * value);
  }
});

test('memory that a kernel of elsewhere writes to is read anew', async () => {
  const device = await defaultDevice();
  const storage = device.allocate(4, 'float32', 'counter');
  const node = storedNode(storage, [4]);
  for (const value of [1, 2, 3]) {
    device.write(storage, new Float32Array(4).fill(value));
    assert.equal(await list(new Tensor(node).add(1)), [value + 1, value + 1, value + 1, value + 1]);
  }
  device.free(storage);
});

test('a plan does not keep its leaves from being collected', async () => {
  const big = (3 << 20) / 4;
  const device = await defaultDevice();
  let refs: WeakRef<object>[] = [];
  const use = async (): Promise<void> => {
    const values = new Float32Array(big);
    const x = tensor(values);
    const v = f.variable(x);
    await v.add(x).data();
    refs = [new WeakRef(x), new WeakRef(v), new WeakRef(v.cell)];
  };
  await use();
  await settle();
  assert.equal(
    refs.map((ref) => ref.deref() === undefined),
    [true, true, true],
  );
  assert.ok(device.eager.size > 0);
});

// Steps that fail

test('an update that fails leaves weights and the count of steps as they were', async () => {
  const fresh = (): Variable => f.variable([1, 2, 3]);
  const gradient = tensor([1, -1, 2]);
  const [tried, twin] = [fresh(), fresh()];
  const [optimizer, other] = [new Adam({ learningRate: 0.1 }), new Adam({ learningRate: 0.1 })];
  const gone = tensor([1, 1, 1]).add(1);
  await gone.data();
  const useless = gone.mul(2);
  gone.dispose();
  for (let i = 0; i < 3; i++) await rejects(optimizer.apply([useless], [tried]), /disposed/);
  const late = tried.mul(2);
  assert.equal(await list(tried), [1, 2, 3]);
  assert.equal(await list(late), [2, 4, 6], 'the variable is of the same version');
  for (let i = 0; i < 2; i++) {
    await optimizer.apply([gradient], [tried]);
    await other.apply([gradient], [twin]);
    assert.equal(await list(tried), await list(twin));
  }
});

test('a second update that was not waited for is refused, not half done', async () => {
  const [v, twin] = [f.variable([1, 2]), f.variable([1, 2])];
  const [optimizer, other] = [new Adam(), new Adam()];
  const gradient = tensor([1, 1]);
  const both = [optimizer.apply([gradient], [v]), optimizer.apply([gradient], [v])];
  await both[0];
  await rejects(both[1], /updated since/);
  await other.apply([gradient], [twin]);
  assert.equal(await list(v), await list(twin));
  await optimizer.apply([gradient], [v]);
  await other.apply([gradient], [twin]);
  assert.equal(await list(v), await list(twin), 'the refused one was not counted');
});

test('what was disposed of is gone, in graphs too', async () => {
  const v = f.variable([1, 2]);
  await v.assign([3, 4]);
  v.dispose();
  v.dispose();
  await rejects(v.data(), /variable \[2\] was disposed of/);
  await rejects(v.add(1).data(), /disposed of/);
  await rejects(v.assign([1, 1]), /disposed of/);
  const never = f.variable([1, 2]);
  never.dispose();
  await rejects(never.data(), /disposed of/);
  const x = tensor([1, 2]).add(1);
  await x.data();
  const before = x.mul(2);
  x.dispose();
  await rejects(before.data(), /tensor \[2\] was disposed of/);
  await rejects(x.mul(3).data(), /tensor \[2\] was disposed of/);
});

test('tensors computed side by side do not disturb each other', async () => {
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      list(
        tensor([i, 1])
          .mul(i % 5)
          .add(f.full([2], i % 3)),
      ),
    ),
  );
  for (const [i, values] of results.entries()) assert.equal(values, [i * (i % 5) + (i % 3), (i % 5) + (i % 3)]);
  const [a, b] = [tensor([1]).add(1), tensor([2]).add(1)];
  await Promise.all([realise([a, b]), a.data(), b.data()]);
  assert.equal([await a.item(), await b.item()], [2, 3]);
});

test.run();
