import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { create, globals } from 'webgpu';
import { ArgumentError } from '../src/base/errors.ts';
import {
  foldIn,
  normal,
  pcg4d,
  permutation,
  randomBits,
  seedFromString,
  truncatedNormal,
  uniform,
  uniform01,
} from '../src/base/random.ts';

const test = suite('random');

/** Mean, standard deviation, skewness and kurtosis. */
function moments(values: ArrayLike<number>): { mean: number; std: number; skewness: number; kurtosis: number } {
  const list = Array.from(values);
  const average = (f: (value: number) => number) => list.reduce((sum, value) => sum + f(value), 0) / list.length;
  const mean = average((value) => value);
  const std = Math.sqrt(average((value) => (value - mean) ** 2));
  return {
    mean,
    std,
    skewness: average((value) => ((value - mean) / std) ** 3),
    kurtosis: average((value) => ((value - mean) / std) ** 4),
  };
}

/** How many standard errors the correlation of two sequences of uniform numbers lies from zero. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - 0.5) * (b[i] - 0.5);
  return Math.abs((sum / a.length) * 12 * Math.sqrt(a.length));
}

/** How many standard deviations the chi-square statistic of the counts lies from its expectation. */
function chiSquare(counts: ArrayLike<number>): number {
  const list = Array.from(counts);
  const expected = list.reduce((sum, count) => sum + count, 0) / list.length;
  const statistic = list.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  return Math.abs(statistic - (list.length - 1)) / Math.sqrt(2 * (list.length - 1));
}

test('pcg4d gives the known answers (worked out in Python from the paper)', () => {
  assert.equal([...pcg4d(0, 0, 0, 0)], [251852841, 760645481, 850445371, 3542436074]);
  assert.equal([...pcg4d(1, 2, 3, 4)], [908250390, 4044648920, 3775961919, 45698095]);
  assert.equal(
    [...pcg4d(0xffffffff, 0x80000000, 0xdeadbeef, 123456789)],
    [3411137873, 2927895255, 2651474534, 750196955],
  );
});

test('element i of uniform depends on seed, stream and i alone', () => {
  const long = uniform(1001, { seed: 9, stream: 5 });
  assert.equal(uniform(13, { seed: 9, stream: 5 }), long.slice(0, 13));
  for (const i of [0, 1, 2, 3, 4, 517, 1000]) assert.is(long[i], uniform01(randomBits(9, 5, i)));
});

test('uniform fills [0, 1) evenly', () => {
  const values = uniform(1_000_000, { seed: 42 });
  const { mean, std } = moments(values);
  assert.ok(Math.abs(mean - 0.5) < 0.0015, `mean ${mean}`);
  assert.ok(Math.abs(std - Math.sqrt(1 / 12)) < 0.001, `std ${std}`);
  const counts = new Uint32Array(1024);
  for (const value of values) {
    if (value < 0 || value >= 1) assert.unreachable(`${value} is outside [0, 1)`);
    counts[Math.floor(value * 1024)]++;
  }
  assert.ok(chiSquare(counts) < 5);
});

test('uniform stays below `high` where rounding to float32 would reach it', () => {
  const high = 1 + 2 ** -23;
  const values = uniform(1000, { seed: 1, low: 1, high });
  assert.ok(values.every((value) => value >= 1 && value < high));
});

test('every bit of every word is fair as each input counts up', () => {
  const n = 1 << 14;
  for (let axis = 0; axis < 4; axis++) {
    const ones = new Uint32Array(128);
    for (let i = 0; i < n; i++) {
      const key = [3, 1, 4, 1];
      key[axis] += i;
      const words = pcg4d(key[0], key[1], key[2], key[3]);
      for (let bit = 0; bit < 128; bit++) ones[bit] += (words[bit >> 5] >>> (bit & 31)) & 1;
    }
    for (let bit = 8; bit < 128; bit++) {
      // Only the top 24 bits of a word are promised: multiplication leaves the lowest ones weaker.
      if ((bit & 31) < 8) continue;
      const z = Math.abs(ones[bit] - n / 2) / Math.sqrt(n / 4);
      assert.ok(z < 5, `input ${axis}, bit ${bit}: ${z} standard deviations off`);
    }
  }
});

test('neighbouring indices, steps, streams and seeds are uncorrelated', () => {
  const n = 1 << 16;
  const base = uniform(n, { seed: 7, stream: 3 });
  for (const lag of [1, 2, 3, 4, 5, 8, 16, 64, 256, 1024]) {
    assert.ok(correlation(base.subarray(lag), base.subarray(0, n - lag)) < 5, `lag ${lag}`);
  }
  for (const stream of [0, 1, 2, 4, 5, 1000]) assert.ok(correlation(base, uniform(n, { seed: 7, stream })) < 5);
  for (const seed of [0, 1, 6, 8, 1000]) assert.ok(correlation(base, uniform(n, { seed, stream: 3 })) < 5);
  for (const step of [1, 2, 3, 100]) {
    const other = Float64Array.from({ length: n }, (_, i) => uniform01(randomBits(7, 3, i, step)));
    assert.ok(correlation(base, other) < 5, `step ${step}`);
  }
  const pairs = new Uint32Array(4096);
  for (let i = 1; i < n; i++) pairs[Math.floor(base[i] * 64) * 64 + Math.floor(base[i - 1] * 64)]++;
  assert.ok(chiSquare(pairs) < 5, 'consecutive pairs fill the square evenly');
});

test('normal has the moments of a normal distribution', () => {
  const { mean, std, skewness, kurtosis } = moments(normal(400_000, { seed: 11, mean: 2, std: 3 }));
  assert.ok(Math.abs(mean - 2) < 0.025, `mean ${mean}`);
  assert.ok(Math.abs(std - 3) < 0.02, `std ${std}`);
  assert.ok(Math.abs(skewness) < 0.02, `skewness ${skewness}`);
  assert.ok(Math.abs(kurtosis - 3) < 0.05, `kurtosis ${kurtosis}`);
});

test('the two halves of a Box-Muller pair are uncorrelated', () => {
  const values = normal(200_000, { seed: 5 });
  let product = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i += 2) {
    product += values[i] * values[i + 1];
    squares += (values[i] ** 2 - 1) * (values[i + 1] ** 2 - 1);
  }
  const pairs = values.length / 2;
  assert.ok(Math.abs(product) < 5 * Math.sqrt(pairs));
  assert.ok(Math.abs(squares) < 5 * Math.sqrt(4 * pairs));
});

test('truncatedNormal stays within two standard deviations and has the known spread', () => {
  const values = truncatedNormal(400_000, { seed: 13, mean: 1, std: 0.5 });
  assert.ok(values.every((value) => value >= 0 && value <= 2));
  const { mean, std } = moments(values);
  assert.ok(Math.abs(mean - 1) < 0.003, `mean ${mean}`);
  assert.ok(Math.abs(std - 0.5 * 0.8796256610342398) < 0.002, `std ${std}`);
  const kept = normal(1000, { seed: 13 });
  const truncated = truncatedNormal(1000, { seed: 13 });
  kept.forEach((value, i) => {
    if (Math.abs(value) < 2) assert.is(truncated[i], value);
  });
});

test('permutation is a permutation, differs by seed and epoch, and repeats itself', () => {
  for (const n of [0, 1, 2, 3, 10, 1000, 50_000]) {
    const order = permutation(n, 3, 1);
    const seen = new Uint8Array(n);
    for (const index of order) seen[index]++;
    assert.ok(
      seen.every((count) => count === 1),
      `n = ${n}`,
    );
  }
  assert.equal(permutation(100, 3, 1), permutation(100, 3, 1));
  assert.not.equal(permutation(100, 3, 1), permutation(100, 3, 2));
  assert.not.equal(permutation(100, 3, 1), permutation(100, 4, 1));
});

test('permutation takes every order and every place equally often', () => {
  const orders = new Map<string, number>();
  for (let epoch = 0; epoch < 24_000; epoch++) {
    const key = permutation(4, 1, epoch).join();
    orders.set(key, (orders.get(key) ?? 0) + 1);
  }
  assert.is(orders.size, 24);
  assert.ok(chiSquare([...orders.values()]) < 5);
  const places = new Uint32Array(100);
  for (let epoch = 0; epoch < 5000; epoch++) {
    const order = permutation(10, 2, epoch);
    for (let place = 0; place < 10; place++) places[order[place] * 10 + place]++;
  }
  assert.ok(chiSquare(places) < 5);
});

test('foldIn and seedFromString spread and depend on order and length', () => {
  const seeds = new Set<number>();
  for (let layer = 0; layer < 100; layer++)
    for (let weight = 0; weight < 10; weight++) seeds.add(foldIn(42, layer, weight));
  assert.is(seeds.size, 1000);
  assert.is(foldIn(42), 42);
  assert.is(foldIn(42, 1, 2), foldIn(42, 1, 2));
  assert.is.not(foldIn(42, 1, 2), foldIn(42, 2, 1));
  assert.is.not(foldIn(42, 1), foldIn(42, 1, 0));
  assert.is.not(seedFromString('dense'), seedFromString('dense_1'));
  assert.is.not(seedFromString('ab'), seedFromString('ba'));
  for (const seed of [...seeds, seedFromString(''), seedFromString('é')]) {
    assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32);
  }
});

test('arguments out of range are named', () => {
  const expect = (f: () => unknown, pattern: RegExp) =>
    assert.throws(f, (error: unknown) => error instanceof ArgumentError && pattern.test(error.message));
  expect(() => uniform(-1, { seed: 0 }), /count/);
  expect(() => uniform(1, { seed: 1.5 }), /seed/);
  expect(() => uniform(1, { seed: 0, stream: 2 ** 32 }), /stream/);
  expect(() => uniform(1, { seed: 0, low: 1, high: 0 }), /low/);
  expect(() => normal(1, { seed: 0, std: -1 }), /std/);
  expect(() => truncatedNormal(1, { seed: 0, mean: Number.NaN }), /mean/);
  expect(() => permutation(3, -1), /seed/);
  expect(() => foldIn(1, 0.5), /safe integer,/);
});

test('shaders/random.wgsl gives the same bits and numbers', async () => {
  Object.assign(globalThis, globals);
  const gpu = create([]);
  // Dawn aborts the process when this object is collected while the device is in use.
  Object.assign(globalThis, { randomTestGpu: gpu });
  const adapter = await gpu.requestAdapter();
  if (adapter === null) {
    console.log('random: no WebGPU adapter, so the WGSL generator is not compared');
    return;
  }
  const device = await adapter.requestDevice();
  const count = 4096;
  const [seed, stream, step] = [0xdeadbeef, 17, 123456];
  const source = `${readFileSync(new URL('../shaders/random.wgsl', import.meta.url), 'utf8')}
@group(0) @binding(0) var<storage, read_write> bits: array<u32>;
@group(0) @binding(1) var<storage, read_write> numbers: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  // The index is spread over the whole range, so that the shift and the wrap-around are tried as well.
  bits[id.x] = randomBits(${seed}u, ${stream}u, id.x * 1048573u, ${step}u);
  numbers[id.x] = uniform01(bits[id.x]);
}`;
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code: source }), entryPoint: 'main' },
  });
  const make = (usage: number) => device.createBuffer({ size: 4 * count, usage });
  const buffers = [0, 1].map(() => make(GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC));
  const copies = [0, 1].map(() => make(GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(count / 64);
  pass.end();
  buffers.forEach((buffer, i) => {
    encoder.copyBufferToBuffer(buffer, 0, copies[i], 0, 4 * count);
  });
  device.queue.submit([encoder.finish()]);
  await Promise.all(copies.map((copy) => copy.mapAsync(GPUMapMode.READ)));
  const bits = new Uint32Array(copies[0].getMappedRange());
  const numbers = new Float32Array(copies[1].getMappedRange());
  for (let i = 0; i < count; i++) {
    const expected = randomBits(seed, stream, Math.imul(i, 1048573) >>> 0, step);
    assert.is(bits[i], expected);
    assert.is(numbers[i], uniform01(expected));
  }
  device.destroy();
});

test.run();
