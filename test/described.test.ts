/** How values, classes and places are called in messages, and what objects show of themselves in Node's `console.log`. */

import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describe, ordinal, withArticle } from '../src/base/describe.ts';
import * as w from '../src/index.ts';

const test = suite('described');

/** What a caller without types may pass. */
const untyped = (value: unknown): never => value as never;

async function messageOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof w.WgradError, String(error));
    return error.message;
  }
  throw new Error('no error');
}

function* generator(): Generator<number> {
  yield 1;
}
async function* asynchronous(): AsyncGenerator<number> {
  yield 1;
}
class Image {}
class Own {}

test('values are called by what they are, with the article that they are spoken with', () => {
  for (const [value, text] of [
    [generator(), 'a Generator'],
    [asynchronous(), 'an AsyncGenerator'],
    [generator, 'a GeneratorFunction'],
    [async () => 1, 'an AsyncFunction'],
    [() => 1, 'a function'],
    [Own, 'the class Own'],
    [class {}, 'a class'],
    [new Own(), 'an Own'],
    [new Image(), 'an Image'],
    [new ArrayBuffer(3), 'an ArrayBuffer'],
    [new DataView(new ArrayBuffer(3)), 'a DataView'],
    [new Int16Array(3), 'an Int16Array'],
    [new Uint8Array(3), 'a Uint8Array'],
    [new Uint8ClampedArray(3), 'a Uint8ClampedArray'],
    [new Map(), 'a Map'],
    [new Set([1]).values(), 'a Set Iterator'],
    [[1][Symbol.iterator](), 'an Array Iterator'],
    [Promise.resolve(1), 'a Promise that was not awaited'],
    [new Date(0), 'a Date'],
    [/a/, 'a RegExp'],
    [new URL('https://example.org'), 'a URL'],
    [new RangeError('x'), 'a RangeError'],
    [Symbol('s'), 'Symbol(s)'],
    [10n, 'the bigint 10n'],
    [Object.create(null), 'an empty object'],
    [{}, 'an empty object'],
    [{ constructor: { name: 1 }, x: 2 }, 'an object { constructor, x }'],
    [{ a: 1 }, 'an object { a }'],
    [[1, '1', [2], {}, 5], "an array [1, '1', […], {…}, …]"],
    [[Own, new Date(0), null, 1n], 'an array [Function, Date, null, 1]'],
    [undefined, 'undefined'],
    [Number.NaN, 'NaN'],
    [new w.EarlyStopping(), 'an EarlyStopping'],
    [w.tensor(1), 'a Tensor'],
    [w.variable(1), 'a Variable'],
    [new w.SGD(), 'an SGD'],
    [new w.RMSprop(), 'an RMSprop'],
    [new w.Dense(1), 'a Dense'],
    [new w.Sequential(), 'a Sequential'],
  ] as const) {
    assert.is(describe(value), text);
  }
  for (const name of ['LSTM', 'HTMLImageElement', 'NDArray', 'Adam', 'Object', 'IImage'])
    assert.is(withArticle(name), `an ${name}`);
  for (const name of ['Flatten', 'Uint32Array', 'Unit', 'User', 'GPUBuffer', 'Float16Array', 'History', 'Euler'])
    assert.is(withArticle(name), `a ${name}`);
});

test('places in a row', () => {
  const numbers = [1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 100, 101, 111, 112, 113, 121, 1002, 1011];
  assert.is(
    numbers.map(ordinal).join(' '),
    '1st 2nd 3rd 4th 10th 11th 12th 13th 14th 20th 21st 22nd 23rd 100th 101st 111th 112th 113th 121st 1002nd 1011th',
  );
});

test('one of a thing is no plural', async () => {
  const model = new w.Sequential([new w.Dense(1, { inputShape: [1], useBias: false })]).compile({ loss: 'mse' });
  const [x, y] = [w.ones([1, 1]), w.ones([2, 1])];
  for (const [call, text] of [
    [() => w.tensor([1, 2], []), 'tensor: shape [] holds 1 element, got 2 values.'],
    [() => w.tensor([1], [2]), 'tensor: shape [2] holds 2 elements, got 1 value.'],
    [() => w.tensor([[1], [1, 2]]), 'expected 1 element, got 2 at [1]'],
    [() => w.ones([1]).reshape([2]), 'reshape: [1] holds 1 element, [2] holds 2.'],
    [() => w.conv2d(w.ones([1, 4, 4, 1]), w.ones([3, 3, 3, 1])), 'have 1 channel, the kernel'],
    [() => model.setWeights([]), 'setWeights: the model has 1 weight, got 0.'],
    [() => model.fit(x, y), 'fit: got 1 input [1, 1] but 2 labels [2, 1].'],
    [() => model.fit(x, x, { sampleWeight: [1, 2] }), 'fit: got 2 example weights for 1 example.'],
    [() => model.fit(x, x, { initialEpoch: 2 }), 'lies behind the last of 1 epoch.'],
  ] as const) {
    assert.ok((await messageOf(call)).includes(text), await messageOf(call));
  }
  model.dispose();
});

test('rows may be typed arrays of any kind of number', async () => {
  const rows = w.tensor([new Float64Array([1.5, 2]), new Float32Array([3, 4]), [5, 6]]);
  assert.equal(await rows.array(), [
    [1.5, 2],
    [3, 4],
    [5, 6],
  ]);
  const deep = w.tensor([[new Int16Array([1, -2])], [new Uint8ClampedArray([3, 255])]], undefined, { dtype: 'int32' });
  assert.equal([deep.dtype, await deep.array()], ['int32', [[[1, -2]], [[3, 255]]]]);
  assert.equal(
    await w
      .ones([2])
      .add([new Float64Array([1, 2])])
      .array(),
    [[2, 3]],
  );
  assert.equal(await w.gather([[1, 2, 3]], [new Int32Array([2, 0])], 1).array(), [[[3, 1]]]);
});

test('remedies that can be followed word by word', async () => {
  const [from, clamped] = [new Float64Array([1, 2]), new Uint8ClampedArray([1, 2])];
  assert.match(await messageOf(() => w.tensor(untyped(from))), 'Float32Array.from(values, Number)');
  assert.equal(await w.tensor(Float32Array.from(from, Number)).array(), [1, 2]);
  assert.match(await messageOf(() => w.tensor(untyped(clamped.subarray(1)))), 'Give new Uint8Array(values).');
  assert.equal(await w.tensor(new Uint8Array(clamped.subarray(1))).array(), [2]);
  const big = new BigInt64Array([3n, 4n]);
  assert.match(
    await messageOf(() => w.tensor(untyped([big]))),
    /a BigInt64Array at \[0\]\. .*Float32Array\.from\(values, Number\)\.$/,
  );
  assert.equal(await w.tensor([Float32Array.from([...big], Number)]).array(), [[3, 4]]);
  assert.match(
    await messageOf(() => w.tensor(untyped(generator()))),
    'got a Generator. Collect the values with Array.from(values);',
  );
  assert.equal(await w.tensor(Array.from(generator())).array(), [1]);
  const { buffer } = new Float32Array([7]);
  assert.match(await messageOf(() => w.tensor(untyped(buffer))), 'got an ArrayBuffer. Give new Float32Array(values)');
  assert.match(await messageOf(() => w.tensor(untyped(new DataView(buffer)))), 'Give new Float32Array(values.buffer)');
});

test('options that are missing are named', async () => {
  for (const [call, text] of [
    [() => Reflect.apply(w.normal, undefined, [[2]]), 'normal: the options lack seed. Write { seed: 1 }.'],
    [() => Reflect.apply(w.uniform, undefined, [[2]]), 'uniform: the options lack seed. Write { seed: 1 }.'],
    [() => Reflect.apply(w.dropout, undefined, [[2], 0.5]), 'dropout: the options lack seed. Write { seed: 1 }.'],
    [
      () => Reflect.apply(w.maxPool2d, undefined, [w.ones([1, 2, 2, 1])]),
      'maxPool2d: the options lack poolSize. Write { poolSize: 2 }.',
    ],
    [
      () => Reflect.apply(w.Sequential.prototype.compile, new w.Sequential(), []),
      "compile: the options lack loss. Write { loss: 'mse' }.",
    ],
    [() => w.normal([2], untyped(1)), 'normal: expected an object of options, got 1. Write { seed: 1 }.'],
    [
      () => w.normal([2], untyped({})),
      'normal: seed must be an integer in [0, 2^32), got undefined. Pass a whole number, for example seed = 42.',
    ],
  ] as const) {
    assert.is(await messageOf(call), text);
  }
});

test('several inputs and generators of batches are told what a model takes', async () => {
  const model = new w.Sequential([new w.Dense(1, { inputShape: [2] })]).compile({ loss: 'mse' });
  const [x, y] = [w.ones([3, 2]), w.ones([3, 1])];
  const one =
    'expected numbers, got a Tensor at [0]. Join tensors with concat: a model, too, has one input and one output.';
  assert.is(await messageOf(() => model.fit(untyped([x, x]), y)), `fit: inputs: ${one}`);
  assert.is(await messageOf(() => model.fit(x, untyped([y, y]))), `fit: labels: ${one}`);
  assert.is(await messageOf(() => model.predict(untyped([x, x]))), `predict: inputs: ${one}`);
  assert.is(
    await messageOf(() => model.fit(untyped(generator()), y)),
    'fit: inputs: expected a tensor or numbers, got a Generator. Collect the values with Array.from(values); ' +
      'batches go to trainOnBatch one by one.',
  );
  assert.match(
    await messageOf(() => model.fit(untyped(asynchronous()), y)),
    'got an AsyncGenerator. Collect the values with for await;',
  );
  assert.match(
    await messageOf(() => model.fit(x, untyped(Promise.resolve(y)))),
    'got a Promise that was not awaited. Await',
  );
  model.dispose();
});

test('whatever is given in the place of a number or a choice is shown as what it is', async () => {
  const symbol: unknown = Symbol('x');
  for (const [call, text] of [
    [() => new w.EarlyStopping({ patience: untyped([]) }), 'got an array []'],
    [() => new w.EarlyStopping({ patience: untyped(symbol) }), 'got Symbol(x)'],
    [() => new w.EarlyStopping({ mode: untyped('mini') }), `got the string 'mini'. Did you mean 'min'?`],
    [() => new w.EarlyStopping({ monitor: untyped(1n) }), 'got the bigint 1n'],
    [() => new w.DivergenceDetector({ onDivergence: untyped('recovr') }), `Did you mean 'recover'?`],
    [() => new w.DivergenceDetector({ factor: untyped({}) }), 'got an empty object'],
    [
      () => new w.ModelCheckpoint('x', { saveFreq: untyped('epochs') }),
      "saveFreq must be 'epoch' or a number of batches, got the string 'epochs'",
    ],
    [() => new w.LearningRateScheduler(untyped(generator())), 'got a Generator'],
    [
      () => new w.MaxPooling2D(2, { padding: untyped('sam') }),
      "MaxPooling2D: there is no padding 'sam'. Did you mean 'same'?",
    ],
    [
      () => new w.AveragePooling2D(2, untyped({ stride: 2 })),
      "AveragePooling2D: there is no option 'stride'. Did you mean 'strides'?",
    ],
    [() => w.oneHot([0], untyped(symbol)), 'got Symbol(x)'],
    [() => w.dropout([1], untyped([]), { seed: 1 }), 'got an array []'],
  ] as const) {
    assert.match(await messageOf(call), text);
  }
});

test('names out of a list are guessed', async () => {
  const model = new w.Sequential([new w.Dense(1, { inputShape: [1] })]);
  for (const [call, text] of [
    [() => model.compile({ loss: untyped('mean_squared_eror') }), "Did you mean 'meanSquaredError'?"],
    [() => model.compile({ loss: 'mse', metrics: untyped(['acuracy']) }), "Did you mean 'accuracy'?"],
    [() => model.compile({ loss: 'mse', optimizer: untyped('Adamm') }), "Did you mean 'adam'?"],
    [() => new w.Dense(1, { activation: untyped('leaky_rlu') }), "Did you mean 'leakyRelu'?"],
    [() => new w.Dense(1, { kernelInitializer: untyped('glorot_unifrm') }), "Did you mean 'glorotUniform'?"],
    [() => w.openDevice({ adapter: untyped('lavapip') }), "Did you mean 'lavapipe'?"],
  ] as const) {
    assert.match(await messageOf(call), text);
  }
  const lines: string[] = [];
  const x = w.ones([2, 1]);
  const early = new w.EarlyStopping({ monitor: 'acuracy', mode: 'max', print: (line) => lines.push(line) });
  await model.compile({ loss: 'mse', metrics: ['accuracy'] }).fit(x, x, { verbose: 0, callbacks: [early] });
  assert.match(
    lines[0],
    /^Warning: EarlyStopping monitors acuracy, which is not in the logs .* Did you mean 'accuracy'\?$/,
  );
  model.dispose();
});

test('a callback that no training has says so', async () => {
  const early = new w.EarlyStopping();
  assert.is(await messageOf(() => early.model), 'EarlyStopping has no model yet. Pass it to fit({ callbacks }).');
  assert.is(await messageOf(() => early.params), 'EarlyStopping has no params yet. Pass it to fit({ callbacks }).');
});

test('a file that is not there is no folder to be made', async () => {
  assert.is(
    await messageOf(() => w.Sequential.load('no such model.safetensors')),
    "load: 'no such model.safetensors': there is no such file or folder. Correct the path.",
  );
  const model = new w.Sequential([new w.Dense(1, { inputShape: [1] })]);
  assert.match(await messageOf(() => model.save('no such folder/model')), 'or make the folder first.');
});

test('console.log shows what tensors hold where the host knows it, and never reads the GPU', async () => {
  assert.is(
    inspect(
      w.tensor([
        [1, 2.5],
        [-3, 0.1],
      ]),
    ),
    'Tensor(float32 [2, 2]: 1, 2.5, -3, 0.1)',
  );
  assert.is(inspect(w.tensor(new Int32Array(13))), `Tensor(int32 [13]: ${'0, '.repeat(12)}…)`);
  assert.is(inspect(w.tensor([Number.NaN, 1 / 0])), 'Tensor(float32 [2]: NaN, Infinity)');
  assert.is(inspect(w.full([2, 3], 0.5)), 'Tensor(float32 [2, 3]: all 0.5)');
  const sum = w.tensor([1, 2]).add(1);
  const text = 'Tensor(float32 [2]; await data() to see its values)';
  assert.is(inspect(sum), text);
  assert.is(String(sum), text);
  await sum.data();
  assert.is(inspect([sum]), `[ ${text} ]`);
  sum.dispose();
  assert.is(inspect(sum), text);
  const weights = w.variable([1, 2]);
  assert.is(inspect(weights), 'Variable(float32 [2]: 1, 2)');
  await weights.assign([3, 4]);
  assert.is(inspect(weights), 'Variable(float32 [2]; await data() to see its values)');
});

test('layers and values of graphs are told by their class, their name and their settings', () => {
  const image = w.input([8, 8, 3]);
  const stem = new w.Conv2D(16, 3, { strides: 2, padding: 'same', name: 'stem', kernelRegularizer: w.l2(0.5) });
  const text =
    'Conv2D(name: stem, filters: 16, kernelSize: [3, 3], strides: [2, 2], padding: same, dilationRate: [1, 1], groups: 1, ' +
    'activation: linear, useBias: true, kernelRegularizer: [0, 0.5])';
  for (const [value, shown] of [
    [stem, text],
    [new w.Add(), 'Add()'],
    [new w.Dropout(0.5), 'Dropout(rate: 0.5)'],
    [new w.Lambda((x) => x.square(), { name: 'square' }), 'Lambda(name: square)'],
    [
      new w.Normalization({ mean: [1, 2], variance: 4 }),
      'Normalization(axis: -1, mean: [1, 2], variance: [4], invert: false)',
    ],
    [image, 'SymbolicTensor([batch, 8, 8, 3])'],
    [stem.apply(image), 'SymbolicTensor([batch, 4, 4, 16])'],
  ] as const) {
    assert.is(`${value}`, shown);
    assert.is(inspect([value]).replace(/\s+/g, ' '), `[ ${shown} ]`);
  }
  const drops = new w.PiecewiseConstantDecay({ boundaries: [3, 5], values: [0.3, 0.2, 0.1] });
  assert.is(`${drops}`, 'PiecewiseConstantDecay(boundaries: [3, 5], values: [0.3, 0.2, 0.1])');
});

test('console.log shows models, optimizers, devices and histories in a few lines', async () => {
  const model = new w.Sequential([new w.Dense(3, { activation: 'relu', name: 'first' }), new w.Dense(1)]);
  assert.is(inspect(model), 'Sequential(Dense, Dense; not built yet)');
  model.build([4]).compile({ loss: 'mse' });
  const lines = inspect(model).split('\n');
  assert.is(lines[0], 'Sequential');
  assert.match(lines[3], /^first \(Dense\) +\[batch, 3\] +15$/);
  assert.match(lines[6], /^Total parameters: 19\b/);
  assert.is(inspect(new w.SGD({ momentum: 0.9 })), 'SGD(learningRate: 0.01, momentum: 0.9, nesterov: false)');
  const history = await model.fit(w.ones([2, 4]), w.ones([2, 1]), { epochs: 2, verbose: 0 });
  assert.match(inspect(history), /^History \{\s+epoch: \[ 0, 1 \],\s+history: \{\s+loss: \[/);
  const device = await model.device();
  assert.match(inspect(device), /^Device\(.*; [\d.]+ KiB in buffers\)$/);
  assert.match(inspect(device), device.info.name);
  model.dispose();
  device.close();
  assert.match(inspect(device), /; closed\)$/);
});

test.run();
