import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFixtures } from '../scripts/make-fixtures.ts';
import { decodeSafetensors } from '../src/io/safetensors.ts';
import * as ref from './reference.ts';
import { type Array64, array64 } from './reference.ts';

const test = suite('reference');
const golden = new URL('../../shared/golden/', import.meta.url);
const cifar = new URL('../../shared/data/cifar-10-batches-bin/data_batch_1.bin', import.meta.url);

/** A golden file: its tensors in float64 and its attributes. */
interface Case {
  readonly name: string;
  readonly attributes: Record<string, string>;
  get(tensor: string): Array64;
}

function readCase(name: string): Case {
  const { tensors, metadata } = decodeSafetensors(readFileSync(new URL(name, golden)));
  return {
    name,
    attributes: metadata,
    get(tensor) {
      const found = tensors.get(tensor);
      if (found === undefined) throw new Error(`${name} has no tensor ${tensor}`);
      return array64(found.data, found.shape);
    },
  };
}

const files = existsSync(golden) ? readdirSync(golden).filter((name) => name.endsWith('.safetensors')) : [];
if (files.length === 0)
  console.log('reference: ../shared/golden is missing, so the oracle is checked by hand-made cases alone');

/** One test for each golden file of an op. */
function forEachCase(op: string, check: (goldenCase: Case) => void): void {
  for (const name of files.filter((file) => file.replace(/(_\d+)?\.safetensors$/, '') === op)) {
    test(name, () => check(readCase(name)));
  }
}

function close(actual: Array64, expected: Array64, what: string, tolerance = 1e-6): void {
  assert.equal(actual.shape, expected.shape, `${what}: shape`);
  const error = ref.relativeError(actual.data, expected.data);
  assert.ok(error <= tolerance, `${what}: relative error ${error}`);
}

const dot = (a: Array64, b: Array64): number => a.data.reduce((total, value, i) => total + value * b.data[i], 0);

/** Compares d(Σ dy · f)/d(input) with the golden gradients, on sampled entries. */
function gradients(
  goldenCase: Case,
  names: readonly string[],
  f: (inputs: Array64[]) => Array64,
  dy: Array64,
  samples = 20,
): void {
  const inputs = names.map((name) => goldenCase.get(name));
  names.forEach((name, which) => {
    const expected = goldenCase.get(`d${name}`);
    const { shape } = inputs[which];
    const indices = ref.sampleIndices(expected.data.length, samples);
    // dense_02 keeps only the first columns of its kernel's gradient.
    const places = indices.map((index) => {
      const width = expected.shape[expected.shape.length - 1];
      return Math.floor(index / width) * shape[shape.length - 1] + (index % width);
    });
    const actual = ref.sampledDifference((moved) => dot(f(moved), dy), inputs, which, places);
    const error = ref.relativeError(
      actual,
      indices.map((index) => expected.data[index]),
    );
    assert.ok(error <= 1e-6, `d${name}: relative error ${error}`);
  });
}

forEachCase('activations', (one) => {
  const x = one.get('x');
  const dy = one.get('dy');
  const functions: Record<string, (x: Array64) => Array64> = {
    relu: ref.relu,
    sigmoid: ref.sigmoid,
    tanh: ref.tanh,
    gelu: ref.gelu,
    leaky_relu: (value) => ref.leakyRelu(value),
    elu: (value) => ref.elu(value),
    softplus: ref.softplus,
    silu: ref.silu,
  };
  for (const [name, f] of Object.entries(functions)) {
    close(f(x), one.get(`y_${name}`), name);
    // Elementwise, so all elements can be moved at once.
    const h = 1e-5;
    const shifted = (by: number) => f(ref.add(x, ref.scalar64(by)));
    const slope = ref.div(ref.sub(shifted(h), shifted(-h)), ref.scalar64(2 * h));
    close(ref.mul(slope, dy), one.get(`dx_${name}`), `gradient of ${name}`);
  }
});

forEachCase('conv2d', (one) => {
  const strides = Number(one.attributes.stride);
  const padding = one.attributes.padding === 'same' ? 'same' : 'valid';
  const f = ([x, kernel, bias]: Array64[]) => ref.conv2d(x, kernel, { bias, strides, padding });
  close(f([one.get('x'), one.get('kernel'), one.get('bias')]), one.get('y'), 'y');
  const large = one.get('y').data.length > 10_000;
  gradients(one, ['x', 'kernel', 'bias'], f, one.get('dy'), large ? 3 : 20);
});

forEachCase('dense', (one) => {
  const f = ([x, kernel, bias]: Array64[]) => ref.dense(x, kernel, bias);
  close(f([one.get('x'), one.get('kernel'), one.get('bias')]), one.get('y'), 'y');
  gradients(one, ['x', 'kernel', 'bias'], f, one.get('dy'), one.get('y').data.length > 1000 ? 2 : 40);
});

for (const [op, pool] of Object.entries({ maxpool: ref.maxPool2d, avgpool: ref.avgPool2d })) {
  forEachCase(op, (one) => {
    const padding = one.attributes.padding === 'same' ? 'same' : 'valid';
    const options = { poolSize: Number(one.attributes.size), strides: Number(one.attributes.stride), padding } as const;
    const f = ([x]: Array64[]) => pool(x, options);
    close(f([one.get('x')]), one.get('y'), 'y');
    gradients(one, ['x'], f, one.get('dy'));
  });
}

forEachCase('batchnorm', (one) => {
  const epsilon = Number(one.attributes.epsilon);
  const normalise = ([x, gamma, beta]: Array64[]) => ref.batchNorm(x, gamma, beta, { epsilon });
  const result = normalise([one.get('x'), one.get('gamma'), one.get('beta')]);
  close(result.y, one.get('y'), 'y');
  close(result.mean, one.get('mean'), 'mean');
  close(result.variance, one.get('variance'), 'variance');
  gradients(one, ['x', 'gamma', 'beta'], (inputs) => normalise(inputs).y, one.get('dy'));
});

for (const op of ['softmax_cross_entropy', 'clipped_cross_entropy']) {
  forEachCase(op, (one) => {
    const labels = one.get('labels');
    const options = {
      labelSmoothing: Number(one.attributes.label_smoothing ?? 0),
      clip: one.attributes.epsilon === undefined ? undefined : Number(one.attributes.epsilon),
    };
    const logits = one.get('logits');
    close(ref.softmaxCrossEntropyPerExample(logits, labels, options), one.get('per_example'), 'per example');
    const f = ([x]: Array64[]) => ref.reshape(ref.softmaxCrossEntropy(x, labels, options), [1]);
    close(f([logits]), one.get('loss'), 'loss');
    gradients(one, ['logits'], f, array64([1], [1]), 100);
    if (op === 'softmax_cross_entropy') {
      close(ref.softmax(logits), one.get('probabilities'), 'probabilities');
      close(ref.equal(ref.argMax(logits, -1), labels), one.get('correct'), 'correct');
      const classes = logits.shape[1];
      close(
        f([logits]),
        ref.reshape(ref.softmaxCrossEntropy(logits, ref.oneHot(labels, classes), options), [1]),
        'rows',
      );
    }
  });
}

forEachCase('optimizers', (one) => {
  const steps = {
    sgd: ref.sgd,
    momentum: (p, g, state) => ref.sgd(p, g, state, { momentum: 0.9 }),
    nesterov: (p, g, state) => ref.sgd(p, g, state, { momentum: 0.9, nesterov: true }),
    adam: ref.adam,
    'adam_lr0.1': (p, g, state) => ref.adam(p, g, state, { learningRate: 0.1 }),
    adamw: ref.adamw,
    rmsprop: ref.rmsprop,
  } satisfies Record<string, (p: Float64Array, g: Float64Array, state: ref.OptimizerState) => void>;
  const grads = one.get('grads');
  const [count, length] = grads.shape;
  for (const [name, step] of Object.entries(steps)) {
    const p = one.get('p0').data.slice();
    const state = ref.optimizerState(length);
    const path = new Float64Array(count * length);
    for (let i = 0; i < count; i++) {
      step(p, grads.data.subarray(i * length, (i + 1) * length), state);
      path.set(p, i * length);
    }
    close(array64(path, grads.shape), one.get(name), name);
  }
});

forEachCase('trajectory', (one) => {
  if (!existsSync(cifar)) {
    console.log('reference: ../shared/data is missing, so the first loss of the trajectory is not computed');
    return;
  }
  const batch = Number(one.attributes.batch_size);
  const bytes = readFileSync(cifar);
  const images = new Float64Array(batch * 3072);
  const labels = new Float64Array(batch);
  for (let n = 0; n < batch; n++) {
    labels[n] = bytes[n * 3073];
    for (let pixel = 0; pixel < 1024; pixel++) {
      for (let c = 0; c < 3; c++) images[(n * 1024 + pixel) * 3 + c] = bytes[n * 3073 + 1 + c * 1024 + pixel] / 255;
    }
  }
  const [w0, w1, w2, w3, w4, w5] = [0, 1, 2, 3, 4, 5].map((i) => one.get(`w${i}`));
  const convolved = ref.conv2d(array64(images, [batch, 32, 32, 3]), w0, { bias: w1, padding: 'same' });
  const pooled = ref.maxPool2d(ref.relu(convolved), { poolSize: 2 });
  const hidden = ref.relu(ref.dense(ref.reshape(pooled, [batch, -1]), w2, w3));
  const loss = ref.softmaxCrossEntropy(ref.dense(hidden, w4, w5), array64(labels, [batch]));
  const error = Math.abs(loss.data[0] / one.get('losses').data[0] - 1);
  assert.ok(error < 1e-6, `relative error ${error}`);
});

const m23 = array64([1, 2, 3, 4, 5, 6], [2, 3]);

test('erf and erfc to 1e-15 (values of the C library)', () => {
  const known: [number, number][] = [
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.9, 0.9927904292352575],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [4, 0.9999999845827421],
  ];
  for (const [x, y] of known) {
    assert.ok(Math.abs(ref.erf(x) - y) < 1e-15, `erf(${x}) = ${ref.erf(x)}`);
    assert.ok(Math.abs(ref.erf(-x) + y) < 1e-15);
  }
  assert.ok(Math.abs(ref.erfc(5) / 1.5374597944280349e-12 - 1) < 1e-14);
  assert.ok(Math.abs(ref.erfc(-1) - 1.842700792949715) < 1e-15);
});

test('elementwise operations broadcast as in numpy', () => {
  assert.equal(ref.add(m23, array64([10, 20, 30], [3])), array64([11, 22, 33, 14, 25, 36], [2, 3]));
  assert.equal(ref.mul(array64([1, 2], [2, 1]), array64([3, 4, 5], [1, 3])), array64([3, 4, 5, 6, 8, 10], [2, 3]));
  assert.equal(ref.sub(m23, ref.scalar64(1)), array64([0, 1, 2, 3, 4, 5], [2, 3]));
  assert.equal(ref.div(ref.scalar64(6), array64([1, 2], [2])), array64([6, 3], [2]));
  assert.equal(ref.pow(array64([2, 3], [2]), ref.scalar64(2)), array64([4, 9], [2]));
  assert.equal(ref.maximum(array64([1, 5], [2]), ref.scalar64(2)), array64([2, 5], [2]));
  assert.equal(ref.minimum(array64([1, 5], [2]), ref.scalar64(2)), array64([1, 2], [2]));
  assert.equal(ref.greater(m23, ref.scalar64(3)), array64([0, 0, 0, 1, 1, 1], [2, 3]));
  assert.equal(ref.less(m23, ref.scalar64(3)), array64([1, 1, 0, 0, 0, 0], [2, 3]));
  assert.equal(ref.equal(m23, ref.scalar64(3)), array64([0, 0, 1, 0, 0, 0], [2, 3]));
  assert.equal(ref.where(array64([1, 0], [2, 1]), m23, ref.scalar64(9)), array64([1, 2, 3, 9, 9, 9], [2, 3]));
  assert.equal(ref.clip(m23, 2, 4), array64([2, 2, 3, 4, 4, 4], [2, 3]));
  assert.throws(() => ref.add(m23, array64([1, 2], [2])));
});

test('unary operations', () => {
  const x = array64([-4, 9], [2]);
  assert.equal(ref.neg(x), array64([4, -9], [2]));
  assert.equal(ref.abs(x), array64([4, 9], [2]));
  assert.equal(ref.sign(x), array64([-1, 1], [2]));
  assert.equal(ref.square(x), array64([16, 81], [2]));
  assert.equal(ref.sqrt(ref.abs(x)), array64([2, 3], [2]));
  close(ref.log(ref.exp(x)), x, 'log of exp', 1e-15);
  assert.ok(Number.isNaN(ref.relu(array64([Number.NaN], [1])).data[0]));
});

test('softmax adds up to one, at any size of logits', () => {
  const x = array64([1000, 1001, 999, -1000, 0, -500], [2, 3]);
  close(ref.sum(ref.softmax(x), -1), array64([1, 1], [2]), 'sum', 1e-15);
  close(ref.logSoftmax(array64([0, 0], [2])), array64([-Math.LN2, -Math.LN2], [2]), 'even', 1e-15);
});

test('reductions', () => {
  assert.equal(ref.sum(m23), ref.scalar64(21));
  assert.equal(ref.sum(m23, 0), array64([5, 7, 9], [3]));
  assert.equal(ref.mean(m23, -1, true), array64([2, 5], [2, 1]));
  assert.equal(ref.max(m23, [0, 1], true), array64([6], [1, 1]));
  assert.equal(ref.min(m23, [1]), array64([1, 4], [2]));
  assert.equal(ref.argMax(array64([3, 7, 7, 9, 1, 2], [2, 3]), 1), array64([1, 0], [2]));
  assert.equal(ref.argMax(m23), ref.scalar64(5));
});

test('shape operations', () => {
  assert.equal(ref.reshape(m23, [3, -1]).shape, [3, 2]);
  assert.equal(ref.transpose(m23), array64([1, 4, 2, 5, 3, 6], [3, 2]));
  assert.equal(
    ref.transpose(array64([1, 2, 3, 4, 5, 6], [1, 2, 3]), [1, 2, 0]),
    array64([1, 2, 3, 4, 5, 6], [2, 3, 1]),
  );
  assert.equal(ref.slice(m23, [0, 1], [-1, 2]), array64([2, 3, 5, 6], [2, 2]));
  assert.equal(ref.concat([m23, array64([7, 8], [2, 1])], 1), array64([1, 2, 3, 7, 4, 5, 6, 8], [2, 4]));
  const padding: [number, number][] = [
    [1, 0],
    [0, 1],
  ];
  assert.equal(ref.pad(m23, padding, 9), array64([9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9], [3, 4]));
  assert.equal(ref.oneHot(array64([2, 0], [2]), 3), array64([0, 0, 1, 1, 0, 0], [2, 3]));
  assert.equal(ref.gather(m23, array64([1, 0, 1], [3])), array64([4, 5, 6, 1, 2, 3, 4, 5, 6], [3, 3]));
  assert.equal(ref.gather(m23, array64([2, 0, 0, 1], [2, 2]), 1), array64([3, 1, 1, 2, 6, 4, 4, 5], [2, 2, 2]));
  assert.equal(ref.broadcastTo(array64([1, 2], [2, 1]), [2, 2]), array64([1, 1, 2, 2], [2, 2]));
});

test('matmul broadcasts leading axes', () => {
  assert.equal(ref.matmul(m23, ref.transpose(m23)), array64([14, 32, 32, 77], [2, 2]));
  const stack = ref.concat(
    [m23, m23, ref.neg(m23)].map((x) => ref.reshape(x, [1, 2, 3])),
    0,
  );
  const identity = array64([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
  assert.equal(ref.matmul(stack, identity).shape, [3, 2, 3]);
  close(ref.matmul(stack, identity), stack, 'times one', 0);
});

test('dropout and the plain losses', () => {
  assert.equal(ref.dropout(array64([1, 2], [2]), array64([1, 0], [2]), 0.5), array64([2, 0], [2]));
  const p = array64([0.5, 1, 0, 0.25], [2, 2]);
  const y = array64([1, 1, 1, 0], [2, 2]);
  close(ref.meanSquaredError(p, y), ref.scalar64((0.25 + 0 + 1 + 0.0625) / 4), 'squared', 1e-15);
  close(ref.meanAbsoluteError(p, y), ref.scalar64((0.5 + 0 + 1 + 0.25) / 4), 'absolute', 1e-15);
  const logs = Math.log(0.5) + Math.log(1 - 1e-7) + Math.log(1e-7) + Math.log(0.75);
  close(ref.binaryCrossentropy(p, y), ref.scalar64(-logs / 4), 'binary', 1e-15);
});

test('central differences of a polynomial', () => {
  const f = ([x]: Array64[]) => x.data[0] ** 2 * x.data[1];
  close(ref.centralDifference(f, [array64([3, 5], [2])], 0), array64([30, 9], [2]), 'gradient', 1e-9);
});

test('test/fixtures/cases.json is what scripts/make-fixtures.ts makes', () => {
  const stored: unknown = JSON.parse(readFileSync(new URL('fixtures/cases.json', import.meta.url), 'utf8'));
  // The mathematical functions of JavaScript engines may differ in the last bit, which central differences magnify.
  const coarse = (_: string, value: unknown) => (typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value);
  assert.is(JSON.stringify(stored, coarse), JSON.stringify(makeFixtures(), coarse));
});

test.run();
