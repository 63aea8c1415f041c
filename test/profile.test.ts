/** Where the time goes: `profile` of models and functions, and what WGRAD_DEBUG prints. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { studyLayers } from '../examples/study/network.ts';
import {
  Adam,
  BatchNormalization,
  Conv2D,
  Dense,
  Flatten,
  type Layer,
  normal,
  openDevice,
  Sequential,
  tensor,
  valueAndGrad,
  variable,
} from '../src/index.ts';
import { type ProfileReport, profile } from '../src/models/profile/index.ts';
import { LOADER } from './loader.ts';

const test = suite('profile');

const BATCH = 8;
const images = tensor(
  Uint8Array.from({ length: BATCH * 3072 }, (_, i) => (i * 7919) % 256),
  [BATCH, 32, 32, 3],
);
const labels = Int32Array.from({ length: BATCH }, (_, i) => i % 10);
/** Short, since nothing here compares times. */
const QUICK = { milliseconds: 1 };

const modelOf = (layers: readonly Layer[] = studyLayers()): Sequential =>
  new Sequential(layers, { inputShape: [32, 32, 3], seed: 3 }).compile({
    optimizer: new Adam({ learningRate: 0.01 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });

const near = (actual: number, expected: number, what: string): void => {
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
    `${what}: ${actual}, not ${expected}`,
  );
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What holds of every report. */
function expectWhole({ kernels, kernelMs, totalMs, overheadMs, resolutionMs, samples }: ProfileReport): void {
  assert.ok(kernels.length > 0 && kernelMs > 0 && totalMs > 0 && samples >= 1);
  assert.ok(resolutionMs >= 0 && Number.isFinite(resolutionMs), `${resolutionMs}`);
  for (const { kernel, ms, share } of kernels)
    assert.ok(ms >= 0 && share >= 0 && share <= 1, `${kernel}: ${ms}, ${share}`);
  near(sum(kernels.map(({ share }) => share)), 1, 'shares');
  near(sum(kernels.map(({ ms }) => ms)), kernelMs, 'kernels');
  near(overheadMs, totalMs - kernelMs, 'overhead');
  const dispatches = [...new Set(kernels.map(({ dispatch }) => dispatch))];
  assert.equal(
    dispatches,
    Array.from({ length: dispatches.length }, (_, at) => at),
  );
  for (const dispatch of dispatches) {
    const within = kernels.filter((kernel) => kernel.dispatch === dispatch);
    near(sum(within.map(({ dispatchShare }) => dispatchShare)), 1, `dispatch ${dispatch}`);
  }
}

const ofLayer = ({ layers }: ProfileReport, name: string | null) => {
  const found = layers.find(({ layer }) => layer === name);
  assert.ok(found !== undefined, `layer ${name}`);
  return found;
};

const kernelsOf = ({ kernels }: ProfileReport, layer: string | null, phase: string): string[] =>
  kernels.filter((one) => one.layer === layer && one.phase === phase).map(({ kernel }) => kernel);

for (const timestamps of [true, false]) {
  test(`a training step is told apart by kernel, layer and phase, ${timestamps ? 'by timestamps' : 'without timestamps'}`, async () => {
    const report = await profile(modelOf(), images, labels, { ...QUICK, timestamps });
    expectWhole(report);
    const device = await await modelOf().device();
    const has = device.info.features.includes('timestamp-query');
    assert.is(report.clock, timestamps && has ? 'timestamps' : 'replays');
    assert.is(report.batchSize, BATCH);
    assert.ok(report.finite);

    assert.equal(
      report.phases.map(({ phase }) => phase),
      ['data', 'forward', 'loss', 'backward', 'metrics', 'update'],
    );
    near(sum(report.phases.map(({ share }) => share)), 1, 'phases');
    assert.equal(
      report.layers.map(({ layer }) => layer),
      ['rescaling', 'conv2d', 'max_pooling2d', 'dropout', 'flatten', 'dense', 'dropout_1', 'dense_1', null],
    );
    near(sum(report.layers.map(({ share }) => share)), 1, 'layers');
    const conv = ofLayer(report, 'conv2d');
    near(conv.ms, conv.forwardMs + conv.backwardMs, 'conv2d');

    // A layer's kernels are there forward and on the way back, whatever was fused behind it.
    assert.equal(kernelsOf(report, 'conv2d', 'forward'), ['conv2d+relu+maxPool2d']);
    assert.ok(kernelsOf(report, 'conv2d', 'backward').includes('conv2dPoolGradient'));
    for (const layer of ['dense', 'dense_1']) {
      assert.ok(kernelsOf(report, layer, 'forward').includes('matmul'), layer);
      // To its weights, to its bias, to what came before.
      assert.is(kernelsOf(report, layer, 'backward').filter((kernel) => kernel === 'matmul').length, 2, layer);
      assert.ok(kernelsOf(report, layer, 'backward').includes('sum'), layer);
    }
    assert.equal(kernelsOf(report, null, 'update'), ['optimizer']);
    assert.ok(kernelsOf(report, null, 'loss').includes('softmaxCrossEntropy'));
    assert.ok(kernelsOf(report, null, 'metrics').includes('argMax'));
    assert.ok(kernelsOf(report, null, 'metrics').includes('accumulate'));
    const [convolution] = report.kernels.filter(({ kernel }) => kernel === 'conv2d+relu+maxPool2d');
    assert.equal(convolution.fused, ['maxPool2d (max_pooling2d)', 'dropout']);
  });
}

test('every kernel of the plan is in the report once, in order', async () => {
  const made: string[][] = [];
  const device = await openDevice();
  try {
    device.onPlan = ({ kernels }) => {
      made.push(kernels.flatMap(({ parts }) => parts.map(({ template }) => template.label)));
    };
    const model = new Sequential(studyLayers(), { inputShape: [32, 32, 3], device });
    model.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    const { kernels } = await profile(model, images, labels, QUICK);
    const step = made.find((labels) => labels.includes('optimizer')) ?? [];
    assert.is(kernels.length, step.length);
    // A chain of elementwise operations is named after one of them.
    kernels.forEach(({ kernel }, at) => {
      assert.ok(step[at].split('+').includes(kernel) || step[at] === kernel, `${kernel} for ${step[at]}`);
    });
  } finally {
    device.close();
  }
});

test('moving averages are one update, of their layer where it is one alone', async () => {
  const model = modelOf([
    new Conv2D(4, 3),
    new BatchNormalization(),
    new Flatten(),
    new Dense(10, { activation: 'softmax' }),
  ]);
  const report = await profile(model, images, labels, QUICK);
  expectWhole(report);
  assert.is(kernelsOf(report, 'batch_normalization', 'update').filter((kernel) => kernel === 'assign').length, 1);
  assert.ok(kernelsOf(report, 'batch_normalization', 'forward').length > 0);
  assert.ok(kernelsOf(report, 'batch_normalization', 'backward').length > 0);

  const several = modelOf([
    new Conv2D(4, 3),
    new BatchNormalization(),
    new Conv2D(4, 3),
    new BatchNormalization(),
    new Flatten(),
    new Dense(10, { activation: 'softmax' }),
  ]);
  const ofAll = await profile(several, images, labels, QUICK);
  const assigned = ofAll.kernels.filter(({ kernel }) => kernel === 'assign');
  assert.equal(
    assigned.map(({ layer, phase }) => [layer, phase]),
    [[null, 'update']],
  );
});

test('the model is as before, and goes on as if nothing had been', async () => {
  const [profiled, other] = [modelOf(), modelOf()];
  for (const model of [profiled, other]) await model.fit(images, labels, { epochs: 1, batchSize: 4, verbose: 0 });
  const before = await profiled.toSafetensors();
  await profile(profiled, images, labels, QUICK);
  await profile(profiled, images, labels, { ...QUICK, timestamps: false });
  // Not by assert.equal, which would take minutes to print how megabytes differ.
  assert.ok(Buffer.from(await profiled.toSafetensors()).equals(before), 'after two profiles');
  for (const model of [profiled, other]) await model.fit(images, labels, { epochs: 1, batchSize: 4, verbose: 0 });
  assert.ok(Buffer.from(await profiled.toSafetensors()).equals(await other.toSafetensors()), 'after another epoch');
});

test('a step that is not finite is said to be so', async () => {
  const model = new Sequential([new Dense(1)], { inputShape: [1] }).compile({ loss: 'mse' });
  const report = await profile(model, tensor([[3e38]]), tensor([[-3e38]]), QUICK);
  assert.not.ok(report.finite);
  assert.match(String(report), /not finite/);
});

test('a function is run once, and its values are right', async () => {
  for (const timestamps of [true, false]) {
    // Large enough for clocks that count in tenths of a millisecond.
    const x = normal([4099, 64], { seed: 1 });
    const optimizers = [new Adam({ learningRate: 0.1 }), new Adam({ learningRate: 0.1 })];
    const weights = [0, 1].map(() => variable(normal([64, 1], { seed: 2 })));
    const step = valueAndGrad((w) => x.matmul(w).square().mean());
    const losses: number[][] = [[], []];
    let calls = 0;
    const train = async (which: number): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        const [loss, gradients] = step(weights[which]);
        await optimizers[which].apply(gradients, [weights[which]]);
        losses[which].push(await loss.item());
      }
    };
    const last = x.matmul(normal([64, 2], { seed: 3 }));
    const report = await profile(
      async () => {
        calls++;
        await train(0);
        return [[last.relu()]];
      },
      { ...QUICK, timestamps },
    );
    await train(1);
    assert.is(calls, 1);
    assert.equal(losses[0], losses[1]);
    assert.equal(await weights[0].data(), await weights[1].data());
    expectWhole(report);
    assert.is(report.batchSize, null);
    assert.equal([report.layers.length, report.phases.length], [0, 0]);
    const updates = report.kernels.filter(({ kernel }) => kernel === 'optimizer');
    assert.equal(
      updates.map(({ runs }) => runs),
      [3],
    );
    assert.ok(report.kernels.some(({ fused }) => fused.includes('relu')));
  }
});

test('the table has at most 100 columns and ends in the whole', async () => {
  const report = await profile(modelOf(), images, labels, QUICK);
  const text = String(report);
  for (const line of text.split('\n')) assert.ok(line.length <= 100, line);
  assert.match(text, /^A training step of 8 examples on /);
  assert.match(text, /^dense +\d+\.\d{3} +\d+\.\d{3} +\d+\.\d{3} +\d+\.\d %$/m);
  assert.match(text, /^max_pooling2d +– +– +–$/m);
  assert.match(text, /^conv2d\+relu\+maxPool2d +conv2d +forward +\d+\.\d{3} +\d+\.\d % {2}maxPool2d/m);
  assert.match(text, /^all kernels +\d+\.\d{3} +100\.0 %$/m);
  assert.match(text, /^the step +\d+\.\d{3}$/m);
  assert.is(JSON.parse(JSON.stringify(report)).kernels.length, report.kernels.length);
});

test('what cannot be profiled says what to do', async () => {
  const fails = async (work: () => Promise<unknown>, pattern: RegExp): Promise<void> => {
    await work().then(
      () => assert.unreachable(String(pattern)),
      (error: unknown) => assert.match(String(error), pattern),
    );
  };
  const options: object = { batchsize: 4 };
  await fails(() => profile(modelOf(), images, labels, options), /ArgumentError.*'batchsize'.*'batchSize'/);
  await fails(() => profile(modelOf(), images, labels, { milliseconds: 0 }), /ArgumentError.*milliseconds/);
  await fails(() => profile(() => [], QUICK), /StateError: profile: nothing was computed/);
  const model: unknown = {};
  await fails(() => Reflect.apply(profile, null, [model]), /ArgumentError: profile: expected a model or a function/);
  await fails(() => Reflect.apply(profile, null, [() => 3]), /expected the function to return tensors, got 3/);
});

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = `
import { Dense, Sequential, tensor } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
import { profile } from ${JSON.stringify(new URL('../src/models/profile/index.ts', import.meta.url).href)};
const x = tensor([[1, 2], [3, 4]]);
console.log((await x.matmul(x).relu().add(1).data()).join());
if (process.env.WGRAD_DEBUG !== 'plan') process.exit();
const model = new Sequential([new Dense(2)], { inputShape: [2] }).compile({ loss: 'mse' });
await profile(model, x, x, { milliseconds: 1 });
await model.fit(x, x, { batchSize: 2, microBatchSize: 1, verbose: 0 });
await model.evaluate(x, x);
await model.predict(x);
process.exit();
`;

/** What a program prints under a value of WGRAD_DEBUG, and how it ends. */
async function debugged(WGRAD_DEBUG: string): Promise<{ stdout: string; stderr: string }> {
  const args = ['--import', LOADER, '--input-type=module', '--eval', PROGRAM];
  const env = { ...process.env, WGRAD_DEBUG };
  return run(process.execPath, args, { cwd: root, env }).catch((error: { stdout: string; stderr: string }) => error);
}

test('WGRAD_DEBUG prints plans and kernels beside what the program prints', async () => {
  const [plan, wgsl, both, wrong, none] = await Promise.all(['plan', 'wgsl', 'plan, wgsl', 'plam', ''].map(debugged));
  for (const { stdout } of [plan, wgsl, both, none]) assert.is(stdout.trim(), '8,11,16,23');
  assert.match(plan.stderr, /^plan 1 on .*: 1 dispatch$/m);
  assert.match(plan.stderr, /^ *0 +matmul +1×1×1 +16 B +16 B +\d+ +relu, add$/m);
  assert.match(plan.stderr, /^ +1 dispatch +/m);
  assert.not.match(plan.stderr, /fn main/);
  // The layers of a model are known in all its plans: profiled, in training (a part of a batch), in evaluation and prediction.
  const ofModel = plan.stderr.split(/^plan /m).filter((text) => /^ *# +kernel +layer /m.test(text));
  assert.is(ofModel.length, 4);
  for (const text of ofModel) assert.match(text, /^ *\d+ +matmul +dense /m);
  assert.match(plan.stderr, /^ *\d+ +matmul +dense +\d+×1×1 .* add, /m);
  assert.match(plan.stderr, /^ *\d+ +optimizer +\d+×1×1 .*–$/m);

  assert.match(wgsl.stderr, /^\/\/ plan 1, dispatch 0: matmul\+relu\+add$/m);
  assert.match(wgsl.stderr, /^fn main\(/m);
  assert.match(wgsl.stderr, /^fn relu\(x: V\) -> V \{/m);
  // What is not called is left out, and what is within braces is indented.
  assert.not.match(wgsl.stderr, /^fn sigmoid\(/m);
  assert.match(wgsl.stderr, /^ {2}let /m);
  assert.not.match(wgsl.stderr, /^let /m);
  assert.not.match(wgsl.stderr, /^ *\d+ +matmul/m);

  assert.match(both.stderr, /^ *0 +matmul/m);
  assert.match(both.stderr, /^fn main\(/m);
  assert.match(wrong.stderr, /ArgumentError: WGRAD_DEBUG: .*'plam'.*Did you mean 'plan'\?/);
  assert.is(wrong.stdout, '');
  assert.not.match(none.stderr, /plan 1/);
});

test.run();
