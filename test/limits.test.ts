/** No silent wrong answer: what does not fit is cut or refused, and what WebGPU refuses never turns into values. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostArray } from '../src/base/dtype.ts';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import {
  Callback,
  Dense,
  type Device,
  DeviceError,
  type DeviceOptions,
  KernelError,
  OutOfMemoryError,
  openDevice,
  Sequential,
  SGD,
  StateError,
  tensor,
} from '../src/index.ts';
import type { Node } from '../src/ir/op.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import * as e from '../src/ops/elementwise.ts';
import { gather } from '../src/ops/gather.ts';
import { gradients } from '../src/ops/gradients.ts';
import { dataNode, fullNode, storedNode } from '../src/ops/leaf.ts';
import { matmul } from '../src/ops/matmul.ts';
import { pack } from '../src/ops/pack.ts';
import { maxPool2d } from '../src/ops/pool2d.ts';
import { argMax, max, mean, sum } from '../src/ops/reduce.ts';
import { reshape } from '../src/ops/reshape.ts';
import { softmax } from '../src/ops/softmax.ts';
import { cpuTarget, gpuTarget } from '../src/ops/targets.ts';
import { assign, optimizerUpdate } from '../src/ops/update.ts';
import { copyOf, slice, transpose } from '../src/ops/views.ts';
import { Plan } from '../src/runtime/plan.ts';
import { runOnce } from '../src/runtime/run.ts';
import { dice, randomGraph } from './randomGraphs.ts';
import { assertClose, draw, nodeOf } from './support.ts';

const test = suite('limits');

type Thrown = new (...parameters: never[]) => Error;

/** Asserts that it rejects with such an error, whose message holds all the parts; returns the error. */
async function rejects(work: () => Promise<unknown>, kind: Thrown, ...parts: string[]): Promise<Error> {
  try {
    const value = await work();
    assert.unreachable(`expected a ${kind.name}, got ${String(value).slice(0, 100)}`);
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    for (const part of parts) assert.ok(error.message.includes(part), `'${part}' is missing in: ${error.message}`);
    return error;
  }
  throw new Error('unreachable');
}

async function on(options: DeviceOptions, work: (device: Device) => Promise<void>): Promise<void> {
  const device = await openDevice(options);
  try {
    await work(device);
  } finally {
    device.close();
  }
}

/** Values of nodes, computed together on a device. */
async function values(device: Device, nodes: readonly Node[], effects: readonly Node[] = []): Promise<HostArray[]> {
  const own = nodes.map(copyOf);
  const { storages } = await runOnce(own, effects, { device });
  const read = await Promise.all(own.map(({ dtype, shape }, at) => device.read(storages[at], dtype, sizeOf(shape))));
  for (const storage of storages) device.free(storage);
  return read;
}

// What WebGPU refuses

/** Makes every dispatch of a device ask for too many workgroups. Returns what makes it stop. */
function overdispatch({ gpu }: Device): () => void {
  const create = gpu.createCommandEncoder;
  gpu.createCommandEncoder = (descriptor) => {
    const encoder = create.call(gpu, descriptor);
    const begin = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (pass) => {
      const opened = begin(pass);
      const dispatch = opened.dispatchWorkgroups.bind(opened);
      opened.dispatchWorkgroups = () => dispatch(65536);
      return opened;
    };
    return encoder;
  };
  return () => {
    gpu.createCommandEncoder = create;
  };
}

test('a refused submission is one error with kernel, shapes and bytes, and no value is handed out any more', () =>
  on({}, async (device) => {
    const { storages } = await runOnce([e.neg(nodeOf(draw([4])))], [], { device });
    const root = e.tanh(nodeOf(draw([300, 7])));
    const plan = await Plan.compile(device, [root]);
    const stop = overdispatch(device);
    plan.run();
    // Queued behind it: would be zeros.
    const behind = device.read(plan.storageOf(root), 'float32', 2100);
    const error = await rejects(() => behind, DeviceError, "'tanh'", '[300, 7]', '8.2 KiB', '65535', 'openDevice');
    stop();
    const again = [
      () => device.read(plan.storageOf(root), 'float32', 2100),
      () => device.read(storages[0], 'float32', 4),
      () => runOnce([e.neg(nodeOf(draw([3])))], [], { device }),
      () => device.finish(),
      async () => plan.run(),
    ];
    for (const work of again) assert.is(await rejects(work, DeviceError), error);
  }));

test('a refused bind group names the kernel and its operands; the plan is given back and the device works on', () =>
  on({}, async (device) => {
    const { createBindGroup } = device;
    device.createBindGroup = (descriptor) =>
      createBindGroup.call(device, { ...descriptor, entries: [...descriptor.entries].slice(1) });
    const before = device.stats.bytes;
    const x = nodeOf(draw([30, 7]));
    await rejects(() => Plan.compile(device, [e.exp(x)]), DeviceError, '"exp"', "'exp' float32 [30, 7]", 'report');
    device.createBindGroup = createBindGroup;
    assert.is(device.stats.bytes, before);
    const [one] = await values(device, [e.exp(x)]);
    assert.is(one.length, 210);
  }));

test('a kernel that does not compile is told with the lines that are wrong; the device works on', () =>
  on({}, async (device) => {
    const x = nodeOf(draw([30]));
    const [kernel] = schedule([e.exp(x)], device.target, passesFor).kernels;
    const source = `${kernel.source}\nfn wrong() -> u32 {\nreturn nonsense;\n}`;
    const error = await rejects(
      () => device.pipelines.get({ ...kernel, source }),
      KernelError,
      "'exp' did not compile",
      'line',
      'return nonsense;',
    );
    assert.match(error instanceof KernelError ? error.source : '', '\n  return nonsense;\n}');
    const [one] = await values(device, [e.exp(x)]);
    assert.is(one.length, 30);
  }));

test('an error that nobody watched for is thrown by whatever comes next, and again', () =>
  on({}, async (device) => {
    const { storages } = await runOnce([e.neg(nodeOf(draw([4])))], [], { device });
    // Too small for what is copied into it.
    const small = device.gpu.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_DST });
    const encoder = device.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(storages[0].buffer, 0, small, 0, 16);
    device.gpu.queue.submit([encoder.finish()]);
    const error = await rejects(() => device.read(storages[0], 'float32', 4), DeviceError, 'WebGPU refused');
    assert.is(await rejects(() => device.read(storages[0], 'float32', 4), DeviceError), error);
  }));

test('work that fails in its turn lets the next one have its own', () =>
  on({}, async (device) => {
    const first = device.exclusive(async () => {
      throw new RangeError('mine');
    });
    const second = device.exclusive(async () => 2);
    await rejects(() => first, RangeError, 'mine');
    assert.is(await second, 2);
    const stop = overdispatch(device);
    const refused = device.exclusive(async () => {
      const plan = await Plan.compile(device, [e.neg(nodeOf(draw([5])))]);
      plan.run();
      await device.finish();
    });
    await rejects(() => refused, DeviceError, "'neg'", '[5]');
    stop();
    await rejects(() => device.exclusive(() => device.finish()), DeviceError, "'neg'");
  }));

// Loss

const LOST = ['lost', 'destroyed', 'openDevice'];

test('a device that is lost while a value is computed, or before', () =>
  on({}, async (device) => {
    const kept = await runOnce([e.neg(nodeOf(draw([4])))], [], { device });
    const running = values(device, [matmul(nodeOf(draw([256, 256])), nodeOf(draw([256, 256])))]);
    device.gpu.destroy();
    const error = await rejects(() => running, DeviceError, ...LOST);
    assert.is(await rejects(() => device.read(kept.storages[0], 'float32', 4), DeviceError), error);
    assert.is(await rejects(() => device.finish(), DeviceError), error);
    device.close();
    await rejects(() => device.finish(), StateError, 'closed');
  }));

test('a device that is lost while its answer is awaited', () =>
  on({}, async (device) => {
    const { storages } = await runOnce([e.neg(nodeOf(draw([4])))], [], { device });
    const waiting = Promise.allSettled([device.read(storages[0], 'float32', 4), device.finish()]);
    device.gpu.destroy();
    // What had arrived before may be told.
    for (const outcome of await waiting) {
      if (outcome.status === 'rejected') await rejects(() => Promise.reject(outcome.reason), DeviceError, ...LOST);
    }
    await rejects(() => device.read(storages[0], 'float32', 4), DeviceError, ...LOST);
  }));

test('a device that is lost in the middle of fit, and before predict', () =>
  on({}, async (device) => {
    const model = new Sequential([new Dense(4, { activation: 'softmax' })], { inputShape: [8], device }).compile({
      loss: 'sparseCategoricalCrossentropy',
    });
    const x = tensor(draw([60, 8]).values, [60, 8]);
    const y = Int32Array.from({ length: 60 }, (_, i) => i % 4);
    class Destroyer extends Callback {
      override onTrainBatchEnd(batch: number): void {
        if (batch === 7) device.gpu.destroy();
      }
    }
    const fit = model.fit(x, y, { batchSize: 4, epochs: 3, verbose: 0, callbacks: [new Destroyer()] });
    await rejects(() => fit, DeviceError, ...LOST);
    await rejects(() => model.predict(x), DeviceError, ...LOST);
    await rejects(() => model.evaluate(x, y), DeviceError, ...LOST);
    await rejects(() => model.getWeights(), DeviceError, ...LOST);
  }));

// Memory

test('a buffer that is too large is refused with name, shape, bytes, limit and remedy', () =>
  on({ limits: { maxBufferSize: 2 ** 20, maxStorageBufferBindingSize: 2 ** 20 } }, async (device) => {
    const remedy = 'parts';
    const given = nodeOf({ shape: [600, 512], values: new Float32Array(600 * 512) });
    await rejects(() => values(device, [e.neg(given)]), OutOfMemoryError, '[600, 512]', '1.2 MiB', '1.0 MiB', remedy);
    await rejects(() => values(device, [fullNode(1, [1024, 512])]), OutOfMemoryError, '[1024, 512]', '2.0 MiB', remedy);
    const product = matmul(nodeOf(draw([600, 2])), nodeOf(draw([2, 512])));
    await rejects(() => values(device, [product]), OutOfMemoryError, '1.2 MiB', '1.0 MiB', remedy);
    const model = new Sequential([new Dense(1024)], { inputShape: [512], device }).compile({
      loss: 'meanSquaredError',
    });
    await rejects(() => model.predict(tensor(new Float32Array(512), [1, 512])), OutOfMemoryError, 'weights', '2.0 MiB');
    // Nothing of this has harmed the device.
    assert.is((await values(device, [fullNode(1, [3])]))[0].length, 3);
  }));

test('memory that the driver refuses is an error of the plan, and the device works on', () =>
  on({}, async (device) => {
    // SwiftShader promises a GiB, and has it not.
    if (device.limits.buffer !== 2 ** 30) return;
    await rejects(() => values(device, [fullNode(1, [2 ** 28])]), OutOfMemoryError, '1.00 GiB', 'ran out of memory');
    const [one] = await values(device, [fullNode(1, [3])]);
    assert.equal([...one], [1, 1, 1]);
  }));

test('elements that 32 bits do not count are refused, also where nobody would keep them', () =>
  on({}, async (device) => {
    const far = sum(e.add(nodeOf(draw([65536, 1])), nodeOf(draw([1, 65537]))));
    await rejects(
      () => values(device, [far]),
      OutOfMemoryError,
      "'add'",
      '[65536, 65537]',
      '4295032832 elements',
      'slice',
    );
  }));

// Grids

/** 0, 1, 2, …, 250, 0, …: bytes, so that millions are quick to compare. */
function ramp(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i % 251;
  return bytes;
}

async function assertRamp(device: Device, size: number): Promise<void> {
  const x = dataNode(ramp(size), [size]);
  const [sums, doubled] = await values(device, [sum(x), e.mul(x, fullNode(2))]);
  for (let i = 0; i < size; i++) {
    if (doubled[i] !== 2 * (i % 251)) assert.unreachable(`element ${i} of ${size}: ${doubled[i]}`);
  }
  let expected = 0;
  for (let i = 0; i < size; i++) expected += i % 251;
  assertClose(sums, [expected], `sum of ${size}`, 1e-6);
}

test('grids of exactly as many workgroups as a dimension holds, one less and one more', () =>
  on({ limits: { maxComputeWorkgroupsPerDimension: 10 } }, async (device) => {
    for (const groups of [10, 20, 100]) {
      for (const width of [1, 4]) {
        const full = groups * 64 * width;
        for (const size of [full - width, full, ...(groups < 100 ? [full + width, full + 64 * width] : [])]) {
          if (width === 4 || size % 4 !== 0) await assertRamp(device, size);
        }
      }
    }
    // An odd number, of which every thread takes one.
    const refused = values(device, [fullNode(1, [201, 1001])]);
    await rejects(() => refused, OutOfMemoryError, '[201, 1001]', 'workgroups', '10', 'slice');
  }));

test('the same at the real limit, 65535 workgroups', () =>
  on({}, async (device) => {
    for (const size of [65535 * 64 + 1, 65535 * 256 + 4]) await assertRamp(device, size);
  }));

// Sizes at the edges

test('sums of millions of ones are exact to rounding', () =>
  on({}, async (device) => {
    const size = 2 ** 25 + 1;
    const ones = dataNode(new Uint8Array(size).fill(1), [size]);
    const [total, average, top] = await values(device, [sum(ones), mean(ones), max(e.add(ones, fullNode(0.5)))]);
    assertClose(total, [size], 'sum', 1e-6);
    assertClose(average, [1], 'mean', 1e-6);
    assert.is(top[0], 1.5);
    const rows = dataNode(new Uint8Array(size - 1).fill(1), [2 ** 24, 2]);
    const [columns] = await values(device, [sum(rows, 0)]);
    assertClose(columns, [2 ** 24, 2 ** 24], 'columns', 1e-6);
  }));

test('scalars, single elements and huge broadcasts', () =>
  on({}, async (device) => {
    const one = nodeOf({ shape: [], values: Float32Array.of(3) });
    const [scalar, rows, both] = await values(device, [
      e.add(one, fullNode(1)),
      sum(e.add(reshape(one, [1, 1, 1]), nodeOf({ shape: [3, 1], values: Float32Array.of(1, 2, 3) }))),
      mean(e.add(nodeOf({ shape: [4096, 1], values: new Float32Array(4096).fill(1) }), fullNode(2, [1, 4096]))),
    ]);
    assert.equal([scalar[0], rows[0], both[0]], [4, 15, 3]);
    for (const shape of [[0], [3, 0]]) assert.throws(() => tensor(new Float32Array(0), shape), /at least 1/);
  }));

// Too large for a binding

const BINDING = 1 << 14;
const CUT: DeviceOptions = { limits: { maxStorageBufferBindingSize: BINDING } };

/** Two devices, one of which binds 16 KiB: the same graph on both. */
async function assertCut(build: (leaf: (shape: Shape) => Node) => readonly Node[], parts = 2): Promise<void> {
  const inputs: Node[] = [];
  const roots = build((shape) => {
    const node = nodeOf(draw(shape));
    inputs.push(node);
    return node;
  });
  await on({}, async (whole) => {
    const expected = await values(whole, roots);
    await on(CUT, async (cut) => {
      const plan = await Plan.compile(cut, roots.map(copyOf));
      assert.ok(plan.schedule.kernels.length >= parts, plan.schedule.kernels.map(({ label }) => label).join('; '));
      for (const { bindings } of plan.schedule.kernels) {
        for (const { operand } of bindings) {
          const bytes = 'op' in operand ? 4 * sizeOf(operand.shape) : operand.bytes;
          assert.ok(bytes <= BINDING, `${bytes} bytes`);
        }
      }
      plan.dispose();
      const actual = await values(cut, roots);
      roots.forEach((root, at) => {
        assertClose(actual[at], expected[at], root.op.name);
      });
    });
  });
}

test('chains, broadcasts, reductions and reshapes of tensors larger than a binding', () =>
  assertCut((leaf) => {
    const x = leaf([300, 64]);
    const y = e.tanh(e.add(e.mul(x, leaf([64])), leaf([300, 1])));
    const turned = transpose(reshape(y, [300, 8, 8]), [0, 2, 1]);
    return [y, sum(y), sum(y, 0), max(y, 1), argMax(y), softmax(y), mean(turned, [0, 2]), slice(x, [130, 3], [7, 5])];
  }, 10));

test('convolutions, pooling and products over a batch larger than a binding, and their gradients', () =>
  assertCut((leaf) => {
    const x = leaf([12, 16, 16, 3]);
    const kernel = leaf([3, 3, 3, 8]);
    const hidden = maxPool2d(e.relu(conv2d(x, kernel, { bias: leaf([8]), padding: 'same' })), { poolSize: 2 });
    const weights = leaf([512, 6]);
    const y = matmul(reshape(hidden, [12, 512]), weights);
    const tokens = matmul(leaf([40, 16, 16]), leaf([16, 16]));
    return [y, tokens, ...gradients(mean(e.square(y)), [kernel, weights])];
  }, 6));

test('rows of a large table, and a table that does not fit at all', async () => {
  await assertCut((leaf) => [
    gather(
      leaf([50, 64]),
      dataNode(
        Int32Array.from({ length: 500 }, (_, i) => i % 50),
        [500],
      ),
    ),
  ]);
  await on(CUT, async (device) => {
    const ids = dataNode(Int32Array.of(0, 5), [2]);
    const table = gather(nodeOf(draw([500, 64])), ids);
    await rejects(
      () => values(device, [table]),
      OutOfMemoryError,
      "'gather",
      '[500, 64]',
      '125.0 KiB',
      '16.0 KiB',
      'parts',
    );
  });
});

test('a weight block, its gradients and moments larger than a binding are updated', () =>
  on(CUT, async (device) => {
    const size = 3 * 4096 + 128;
    const { rule } = new SGD({ momentum: 0.9 });
    const block = device.allocate(size, 'float32', 'weights');
    const moment = device.allocate(size, 'float32', 'moment');
    device.write(block, new Float32Array(size).fill(2));
    device.write(moment, new Float32Array(size).fill(1));
    const weights = storedNode(block, [size]);
    const slopes = draw([size - 128]).values;
    const gradient = pack([dataNode(slopes, [size - 128]), fullNode(3, [100])]);
    const step = { seed: 0, step: 1, position: 0, rates: [0.5] };
    await runOnce([], [optimizerUpdate(rule, weights, [storedNode(moment, [size])], gradient)], { device, step });
    const after = await device.read(block, 'float32', size);
    const expected = Float32Array.from({ length: size }, (_, i) => {
      const slope = i < size - 128 ? slopes[i] : i < size - 28 ? 3 : 0;
      return 2 + (0.9 - 0.5 * slope);
    });
    assertClose(after, expected, 'weights', 1e-6);
    const value = nodeOf(draw([size]));
    await runOnce([], [assign(weights, e.neg(value))], { device });
    const [negated] = await values(device, [e.neg(value)]);
    assertClose(await device.read(block, 'float32', size), negated, 'assigned');
  }));

// Kernels' bindings

test('no kernel of 100 random graphs binds more buffers than WebGPU guarantees', () => {
  const targets = [cpuTarget({ lanes: 8 }), gpuTarget()];
  // The graphs on which a count that leaves out prologues, or vectors beside single elements, goes wrong.
  for (const seed of [1962, 2184, 2585, ...Array.from({ length: 97 }, (_, i) => i)]) {
    const roll = dice(seed + 1e6);
    const pairs = randomGraph(seed, { size: 3 + roll(40), most: 3000 });
    const roots = [
      pairs[pairs.length - 1],
      pairs[roll(pairs.length)],
      pairs[roll(pairs.length)],
      pairs[roll(pairs.length)],
    ];
    for (const target of targets) {
      const { kernels } = schedule([...new Set(roots.map(({ node }) => node))], target, passesFor);
      for (const { label, bindings } of kernels) {
        const storage = bindings.filter(({ access }) => access !== 'uniform').length;
        assert.ok(storage <= 8, `graph ${seed}, ${label}: ${storage} buffers`);
      }
    }
  }
});

test('examples that no buffers hold are refused with advice that helps', () =>
  on({ limits: { maxStorageBufferBindingSize: 2 ** 20 } }, async (device) => {
    const model = new Sequential([new Dense(1)], { inputShape: [700], device }).compile({
      loss: 'meanSquaredError',
    });
    const count = 9001;
    const said = async (x: Uint8Array | Float32Array): Promise<string> => {
      const fitting = model.fit(tensor(x, [count, 700]), new Float32Array(count), { verbose: 0 });
      const error: unknown = await fitting.catch((thrown: unknown) => thrown);
      assert.instance(error, OutOfMemoryError);
      return String(error);
    };
    const bytes = await said(new Uint8Array(count * 700));
    assert.match(bytes, 'inputs: [9001, 700] (uint8) has 6300700 bytes, 6 buffers of');
    assert.match(bytes, 'hold 6283200. Train on part of the examples at a time.');
    assert.match(await said(new Float32Array(count * 700)), 'Use uint8 for images, or train on part of the examples');
    model.dispose();
  }));

test('arrays of a dtype’s own type are copied as they lie, no value looked at', async () => {
  const noWalk = <T extends HostArray>(array: T): T =>
    Object.defineProperty(array, Symbol.iterator, { value: () => assert.unreachable('walked over') });
  for (const given of [new Uint8Array([0, 255]), new Int32Array([-7, 2 ** 31 - 1]), new Float32Array([-0, 1e-45])]) {
    const copy = tensor(noWalk(given));
    const before = [...Array.from({ length: 2 }, (_, at) => given[at])];
    given.fill(1);
    assert.equal([...(await copy.data())], before);
  }
  // A Node Buffer is a Uint8Array whose own slice is no copy.
  const buffer = Buffer.from([1, 2, 3]);
  const copy = tensor(buffer);
  buffer.fill(9);
  assert.equal([...(await copy.data())], [1, 2, 3]);
});

test.run();
