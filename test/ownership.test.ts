/** What a caller gives may be changed afterwards, and what the library hands out, too: neither changes a result. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as w from '../src/index.ts';
import { createNode, type Op } from '../src/op.ts';
import * as pictures from '../src/pictures/index.ts';

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype && !('op' in value);

/** Changes all arrays, typed arrays and plain objects within, but for nodes; what cannot be changed stays. */
function spoil(value: unknown): void {
  try {
    if (ArrayBuffer.isView(value)) new Uint8Array(value.buffer, value.byteOffset, value.byteLength).fill(1);
    else if (Array.isArray(value)) {
      for (const one of value) spoil(one);
      if (value.every((one) => typeof one === 'number')) value.reverse();
      value.push(value[0] ?? 1);
    } else if (isPlain(value)) {
      for (const [name, one] of Object.entries(value)) {
        spoil(one);
        Object.assign(value, { [name]: typeof one === 'number' ? one + 1 : undefined });
      }
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

type Result = w.Tensor | (() => Promise<unknown>) | Promise<unknown>;

async function read(result: Result): Promise<string> {
  const value = result instanceof w.Tensor ? result.array() : typeof result === 'function' ? result() : result;
  return JSON.stringify(await value, (_, one: unknown) =>
    ArrayBuffer.isView(one) ? Array.from(one as Float32Array) : one,
  );
}

interface Case {
  readonly name: string;
  /** What comes of it where the arguments stay as they are, and where they do not. */
  readonly run: (spoilt: boolean) => Promise<string>;
}

/** A call that gives a tensor, a promise, or what reads a result later. */
const call = <A extends [] | unknown[]>(name: string, args: () => A, result: (...args: A) => Result): Case => ({
  name,
  async run(spoilt) {
    const given = args();
    const got = result(...given);
    if (spoilt) spoil(given);
    return read(got);
  },
});

const x = w.tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const image = w.tensor(
  Array.from({ length: 48 }, (_, i) => i),
  [1, 6, 4, 2],
);
const pair = (a: number, b: number): [number, number] => [a, b];

const OPERATIONS: readonly Case[] = [
  call(
    'tensor',
    () => [
      [
        [1, 2],
        [3, 4],
      ],
      [4],
    ],
    (values, shape) => w.tensor(values, shape),
  ),
  call(
    'tensor of a typed array',
    () => [new Float32Array([1, 2, 3])],
    (values) => w.tensor(values),
  ),
  call(
    'tensor with options',
    () => [{ dtype: 'int32' as const }],
    (options) => w.tensor([1, 2], [2], options),
  ),
  call(
    'an operand',
    () => [[[1], [2]]],
    (y) => x.add(y),
  ),
  call(
    'full',
    () => [[2, 3]],
    (shape) => w.full(shape, 7),
  ),
  call('uniform', () => [[2, 3], { seed: 1, low: -1, high: 2 }], w.uniform),
  call('normal', () => [[3, 2], { seed: 1, mean: 3, std: 2 }], w.normal),
  call(
    'dropout',
    () => [{ seed: 3 }],
    (options) => w.dropout(x, 0.5, options),
  ),
  call(
    'slice',
    () => [
      [0, 1],
      [2, -1],
    ],
    (begin, size) => x.slice(begin, size),
  ),
  call(
    'pad',
    () => [[pair(1, 0), pair(0, 2)]],
    (padding) => x.pad(padding, 9),
  ),
  call(
    'reshape',
    () => [[3, 2]],
    (shape) => x.reshape(shape),
  ),
  call(
    'reshape with an open extent',
    () => [[3, -1]],
    (shape) => x.reshape(shape),
  ),
  call(
    'transpose',
    () => [[1, 0]],
    (axes) => x.transpose(axes),
  ),
  call(
    'broadcastTo',
    () => [[4, 2, 3]],
    (shape) => x.broadcastTo(shape),
  ),
  call(
    'sum',
    () => [[0, 1]],
    (axes) => x.sum(axes),
  ),
  call(
    'max',
    () => [[0]],
    (axes) => x.max(axes, true),
  ),
  call(
    'concat',
    () => [[x, x.mul(2)]],
    (parts) => w.concat(parts, 0),
  ),
  call(
    'gather',
    () => [[1, 0, 1]],
    (ids) => x.gather(ids),
  ),
  call(
    'oneHot',
    () => [[1, 0, 2]],
    (ids) => w.oneHot(ids, 3),
  ),
  call(
    'where',
    () => [[[1, 0, 1]], [9, 8, 7]],
    (condition, a) => w.where(condition, a, x),
  ),
  call(
    'conv2d',
    () => [{ strides: pair(1, 2), padding: 'same' as const, bias: [1, 2, 3] }],
    (options) => image.conv2d(w.ones([2, 2, 2, 3]), options),
  ),
  call(
    'maxPool2d',
    () => [{ poolSize: pair(2, 1), strides: pair(1, 2) }],
    (options) => image.maxPool2d(options),
  ),
  call(
    'avgPool2d',
    () => [{ poolSize: pair(2, 1), strides: pair(1, 2) }],
    (options) => image.avgPool2d(options),
  ),
  call(
    'the gradient of a convolution',
    () => [{ strides: pair(2, 1) }],
    (options) => w.grad((k) => image.conv2d(k, options).square().sum())(w.ones([2, 2, 2, 3]))[0],
  ),
  call(
    'softmaxCrossEntropy',
    () => [[2, 0], { labelSmoothing: 0.1 }],
    (labels, options) => x.softmaxCrossEntropy(labels, options),
  ),
  call(
    'batchNorm',
    () => [[1, 2, 3], { epsilon: 0.5 }],
    (gamma, options) => w.batchNorm(x, gamma, [0, 0, 0], options).y,
  ),
  call(
    'grad',
    () => [[1, 2, 3]],
    (y) => w.grad((z) => x.mul(z).square().sum())(y)[0],
  ),
  call(
    'variable',
    () => [[1, 2, 3]],
    (values) => w.variable(values),
  ),
  call(
    'assign',
    () => [[4, 5, 6]],
    (values) => {
      const v = w.variable([1, 2, 3]);
      const done = v.assign(values);
      return async () => {
        await done;
        return v.array();
      };
    },
  ),
  call(
    'apply',
    () => [[w.tensor([1, 1])], [w.variable([3, 4])]],
    (gradients, variables) => {
      const [v] = variables;
      const before = v.mul(1);
      const done = new w.SGD({ learningRate: 1 }).apply(gradients, variables);
      return async () => {
        await done;
        // Of the old version: if it can be read, the version was not counted.
        return [await v.array(), await before.data().catch(({ name }: Error) => name)];
      };
    },
  ),
  call(
    "an operation of one's own",
    () => [[x.node], { shape: [3, 2], nested: [[1, 2]], value: 5 }],
    (inputs, own) => new w.Tensor(createNode(filled, inputs, own)),
  ),
];

interface FilledAttributes {
  readonly shape: w.Shape;
  readonly nested: readonly w.Shape[];
  readonly value: number;
}

const filled: Op<FilledAttributes> = {
  name: 'filled',
  infer: (_, { shape }) => ({ shape, dtype: 'float32' }),
  gradient: () => 'none',
  lowering: {
    kind: 'view',
    body: ({ attributes: { nested, value } }, scope) =>
      `return ${scope.read(0, 'e')} + ${scope.constant(value + nested[0][0] * 10 + nested.length)};`,
  },
};

const labels = [0, 1, 2, 0, 1, 2, 0];
const inputs = Array.from({ length: 7 }, (_, i) => Array.from({ length: 4 }, (_, j) => Math.sin(i * 4 + j)));
const classifier = (): w.Sequential =>
  new w.Sequential([new w.Dense(5, { activation: 'tanh' }), new w.Dense(3, { activation: 'softmax' })], {
    inputShape: [4],
    seed: 4,
  }).compile({
    optimizer: new w.SGD({ learningRate: 0.1 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });

/** What a model of a layer makes of an image, built and run later. */
const throughLayer = (layer: w.Layer) => async (): Promise<unknown> => {
  const model = new w.Sequential([layer], { seed: 2 });
  const y = await model.predict(image);
  return [await y.array(), layer.config()];
};

const LAYERS: readonly Case[] = [
  call(
    'Conv2D',
    () => [pair(2, 3), { strides: pair(1, 2), padding: 'same' as const, name: 'c' }],
    (size, options) => throughLayer(new w.Conv2D(3, size, options)),
  ),
  call(
    'MaxPooling2D',
    () => [pair(2, 1), { strides: pair(1, 2) }],
    (size, options) => throughLayer(new w.MaxPooling2D(size, options)),
  ),
  call(
    'AveragePooling2D',
    () => [pair(2, 1)],
    (size) => throughLayer(new w.AveragePooling2D(size)),
  ),
  call(
    'Reshape',
    () => [[12, 4]],
    (shape) => throughLayer(new w.Reshape(shape)),
  ),
  call(
    'inputShape of a layer',
    () => [{ inputShape: [6, 4, 2] }],
    (options) => throughLayer(new w.Flatten(options)),
  ),
  call(
    'Dense',
    () => [{ activation: 'tanh' as const, useBias: false }],
    (options) => throughLayer(new w.Dense(2, options)),
  ),
  call(
    'BatchNormalization',
    () => [{ epsilon: 0.5, center: false }],
    (options) => throughLayer(new w.BatchNormalization(options)),
  ),
  call(
    'Sequential',
    () => [[new w.Dense(2), new w.Flatten()], { inputShape: [3], seed: 5 }],
    (layers, options) => {
      const model = new w.Sequential(layers, options);
      return async () => (await model.predict(x)).array();
    },
  ),
  call(
    'build',
    () => [[3]],
    (shape) => {
      const model = new w.Sequential([new w.Dense(2)]).build(shape);
      return async () => [model.inputShape, model.outputShape, model.summary({ print: () => {} })];
    },
  ),
  call(
    'the specs of a layer',
    () => [[3, 2]],
    (shape) => {
      const model = new w.Sequential([new Scaled(shape)], { inputShape: [3], seed: 1 });
      return async () => [await (await model.predict(x)).array(), (await model.getWeights())[0].shape];
    },
  ),
  call(
    'varianceScaling',
    () => [{ scale: 2, mode: 'fanOut' as const }],
    (options) => {
      const initializer = w.initializers.varianceScaling(options);
      return async () => initializer([4, 3], 1);
    },
  ),
  call(
    'losses',
    () => [{ fromLogits: true, labelSmoothing: 0.1 }],
    (options) => {
      const loss = w.categoricalCrossentropy(options);
      return async () =>
        loss
          .perExample(
            w.tensor([
              [0, 1, 0],
              [1, 0, 0],
            ]),
            x,
          )
          .array();
    },
  ),
  call(
    'optimizers',
    () => [{ learningRate: 0.25, beta1: 0.5 }],
    (options) => {
      const optimizer = new w.Adam(options);
      return async () => [optimizer.config(), optimizer.rates(3)];
    },
  ),
];

/** A layer that keeps the array that it gives as its weight's shape. */
class Scaled extends w.Layer {
  readonly className = 'Scaled';
  readonly #shape: number[];
  constructor(shape: number[]) {
    super();
    this.#shape = shape;
  }
  override weights(): w.WeightSpec[] {
    return [{ name: 'kernel', shape: this.#shape, initializer: w.initializers.ones(), trainable: true }];
  }
  call(x: w.Tensor, { weights }: w.CallContext): w.Tensor {
    return x.matmul(weights[0]);
  }
  config(): w.LayerConfig {
    return {};
  }
}

/** What a training comes to. */
const outcome = async (model: w.Sequential, training: Promise<unknown>): Promise<unknown> => {
  const result = await training;
  return [result instanceof w.History ? result.history : result, await model.getWeights()];
};

const FIT = { epochs: 2, batchSize: 3, verbose: 0 as const };

const TRAININGS: readonly Case[] = [
  call(
    'fit',
    () => [inputs.map((row) => [...row]), [...labels], { ...FIT, callbacks: [new w.History()] }],
    (xs, ys, options) => {
      const model = classifier();
      return outcome(model, model.fit(xs, ys, options));
    },
  ),
  call(
    'fit with validation and weights',
    () => {
      const held = inputs.slice(0, 2).map((row) => [...row]);
      const validationData: [number[][], number[], Float32Array] = [held, [1, 2], new Float32Array([2, 3])];
      return [{ ...FIT, validationData, sampleWeight: [1, 2, 3, 1, 2, 3, 1], classWeight: { 0: 2, 1: 0.5 } }];
    },
    (options) => {
      const model = classifier();
      return outcome(model, model.fit(inputs, labels, options));
    },
  ),
  call(
    'fit on typed arrays',
    () => [new Float32Array(inputs.flat()), new Int32Array(labels)],
    (xs, ys) => {
      const model = classifier();
      return outcome(model, model.fit(w.tensor(xs, [7, 4]), ys, FIT));
    },
  ),
  call(
    'evaluate',
    () => [[[...inputs[0]]], [1], { sampleWeight: [3], callbacks: [] }],
    (xs, ys, options) => classifier().evaluate(xs, ys, options),
  ),
  call(
    'predict',
    () => [[[...inputs[0]]], { batchSize: 4 }],
    async (xs, options) => (await classifier().predict(xs, options)).array(),
  ),
  call(
    'trainOnBatch',
    () => [[[...inputs[0]], [...inputs[1]]], [1, 0], { sampleWeight: [3, 1] }],
    (xs, ys, options) => {
      const model = classifier();
      return outcome(model, model.trainOnBatch(xs, ys, options));
    },
  ),
  call(
    'compile',
    () => [{ loss: 'mse' as const, optimizer: 'sgd' as const, metrics: ['mae' as const] }],
    (options) => {
      const model = new w.Sequential([new w.Dense(1)], { inputShape: [4], seed: 1 }).compile(options);
      return outcome(model, model.fit(inputs, w.ones([7, 1]), FIT));
    },
  ),
  call(
    'setWeights',
    () => [[new Float32Array(20).fill(3), new Float32Array(5), new Float32Array(15), new Float32Array(3)]],
    (weights) => {
      const model = classifier();
      return outcome(model, model.setWeights(weights));
    },
  ),
  call(
    'findLearningRate',
    () => [inputs.map((row) => [...row]), [...labels], { steps: 10, batchSize: 7 }],
    (xs, ys, options) => w.findLearningRate(classifier(), xs, ys, options),
  ),
];

let file: Uint8Array = new Uint8Array();

const FILES: readonly Case[] = [
  call(
    'fromSafetensors of a model',
    () => [file.slice()],
    (bytes) => {
      const model = classifier();
      return outcome(model, model.fromSafetensors(bytes));
    },
  ),
  call(
    'a model from safetensors',
    () => [Buffer.from(file)],
    async (bytes) => (await w.Sequential.fromSafetensors(bytes)).getWeights(),
  ),
  call(
    'decodeSafetensors',
    () => [file.slice()],
    (bytes) => {
      const { tensors } = w.decodeSafetensors(bytes);
      return async () => [...tensors];
    },
  ),
  call(
    'decodeNpy',
    () => [w.encodeNpy(new Float32Array([1, 2]))],
    (bytes) => {
      const decoded = w.decodeNpy(bytes);
      return async () => decoded;
    },
  ),
  call(
    'openDevice',
    () => [{ limits: { maxStorageBufferBindingSize: 2 ** 20 } }],
    async (options) => {
      const device = await w.openDevice(options);
      const { maxBindingBytes } = device.info;
      device.close();
      return maxBindingBytes;
    },
  ),
];

const svgOf = async (picture: Promise<pictures.Picture>): Promise<string> => (await picture).svg;
const grey = (): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => i * 8);
const two = (): number[] => [2, 4, 4, 1];

const PICTURES: readonly Case[] = [
  call(
    'imageGrid',
    () => [
      { shape: two(), data: grey() },
      { labels: [1, 0], predictions: [0, 1], classNames: ['a', 'b'], zoom: 3 },
    ],
    (images, options) => svgOf(pictures.imageGrid(images, options)),
  ),
  call(
    'imageGrid of a data set',
    () => [{ shape: two(), images: grey(), labels: [1, 0] }],
    (part) => svgOf(pictures.imageGrid(part)),
  ),
  call(
    'filterGrid',
    () => [{ shape: [2, 2, 1, 2], data: new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]) }, { columns: 1 }],
    (kernel, options) => svgOf(pictures.filterGrid(kernel, options)),
  ),
  call(
    'confusionMatrix',
    () => [{ labels: [0, 1, 1], predictions: new Float32Array([0, 1, 0]), classNames: ['a', 'b'] }],
    (options) => svgOf(pictures.confusionMatrix(options)),
  ),
  call(
    'plotHistory',
    () => [
      { loss: [3, 2, 1], val_loss: [3, 2, 2] },
      { metrics: ['loss'], title: 't' },
    ],
    (history, options) => svgOf(pictures.plotHistory(history, options)),
  ),
];

const given = suite('arguments belong to the caller');

given.before(async () => {
  file = await classifier().toSafetensors();
});

for (const { name, run } of [...OPERATIONS, ...LAYERS, ...TRAININGS, ...FILES, ...PICTURES]) {
  given(name, async () => {
    assert.is(await run(true), await run(false));
  });
}

given('a begin that moves on serves for every part', async () => {
  const begin = [0, 0];
  const rows: w.Tensor[] = [];
  for (begin[0] = 0; begin[0] < 2; begin[0]++) rows.push(x.slice(begin, [1, 3]));
  assert.equal(await w.concat(rows, 0).array(), await x.array());
});

given('a learning rate counts from the next call on, not for those under way', async () => {
  const v = w.variable([1, 1]);
  const optimizer = new w.SGD({ learningRate: 1 });
  const done = optimizer.apply([w.tensor([1, 2])], [v]);
  optimizer.learningRate = 100;
  await done;
  assert.equal(await v.array(), [0, -1]);
  assert.is(optimizer.learningRate, 100);
});

/** What is handed out, and what must be the same when it was spoilt. */
const HANDED: readonly [name: string, make: () => Promise<[handed: unknown, read: () => Promise<unknown>]>][] = [
  ['the shape of a tensor', async () => [x.shape, async () => [x.shape, await x.mul(2).array()]]],
  [
    'the shape of a result',
    async () => {
      const y = x.add(1);
      return [y.shape, async () => [y.shape, await y.array()]];
    },
  ],
  [
    'the shape of a variable',
    async () => {
      const v = w.variable([[1, 2]]);
      return [v.shape, async () => [v.shape, await v.mul(2).array()]];
    },
  ],
  ['values', async () => [await x.data(), () => x.array()]],
  ['nested values', async () => [await x.array(), () => x.array()]],
  [
    'gradients',
    async () => {
      const [value, slopes] = w.valueAndGrad((y) => y.square().sum())(x);
      const [slope] = slopes;
      return [slopes, async () => [await value.item(), await slope.array()]];
    },
  ],
  [
    'the layers of a model',
    async () => {
      const model = classifier();
      return [model.layers, async () => [model.layers.length, await (await model.predict(inputs)).array()]];
    },
  ],
  [
    'the shapes of a model',
    async () => {
      const model = classifier();
      return [
        [model.inputShape, model.outputShape],
        async () => [model.inputShape, model.outputShape, await (await model.predict(inputs)).array()],
      ];
    },
  ],
  [
    'weights',
    async () => {
      const model = classifier();
      return [
        await model.getWeights(),
        async () => [await model.getWeights(), await (await model.predict(inputs)).array()],
      ];
    },
  ],
  [
    'weights on a device',
    async () => {
      const model = classifier();
      await model.predict(inputs);
      return [await model.getWeights(), () => model.getWeights()];
    },
  ],
  [
    'the settings of a convolution',
    async () => {
      const layer = new w.Conv2D(2, [2, 3], { strides: [1, 2], inputShape: [6, 4, 2] });
      const handed = [layer.config(), layer.kernelSize, layer.strides, layer.inputShape];
      return [handed, async () => [layer.config(), layer.inputShape, await throughLayer(layer)()]];
    },
  ],
  [
    'the settings of a pooling',
    async () => {
      const layer = new w.MaxPooling2D([2, 1]);
      return [[layer.config(), layer.poolSize, layer.strides], throughLayer(layer)];
    },
  ],
  [
    'the settings of a reshape',
    async () => {
      const layer = new w.Reshape([12, 4]);
      return [[layer.config(), layer.targetShape], throughLayer(layer)];
    },
  ],
  [
    'the settings and rates of an optimizer',
    async () => {
      const optimizer = new w.Adam();
      return [[optimizer.config(), optimizer.rates(1)], async () => [optimizer.config(), optimizer.rates(1)]];
    },
  ],
  [
    'what a device says of itself',
    async () => {
      const device = await w.defaultDevice();
      const told = JSON.stringify(device.info);
      return [
        [device.info, device.info.features, device.stats],
        async () => [JSON.stringify(device.info) === told, await x.mul(3).array()],
      ];
    },
  ],
  [
    'a saved model',
    async () => {
      const model = classifier();
      return [await model.toSafetensors(), () => model.getWeights()];
    },
  ],
  [
    'shapes and settings that a layer is asked with',
    async () => {
      const model = new w.Sequential([new Rude(), new w.Dense(2)], { inputShape: [3], seed: 1 });
      return [null, async () => (await model.predict(x)).array()];
    },
  ],
];

/** A layer that tries to change whatever it is given. */
class Rude extends w.Layer {
  readonly className = 'Rude';
  override weights(shape: w.Shape): w.WeightSpec[] {
    spoil(shape);
    const initializer = (asked: w.Shape): Float32Array => {
      const size = asked.reduce((a, b) => a * b, 1);
      spoil(asked);
      return new Float32Array(size);
    };
    return [{ name: 'bias', shape: [3], initializer, trainable: true }];
  }
  call(x: w.Tensor): w.Tensor {
    spoil(x.shape);
    return x;
  }
  config(): w.LayerConfig {
    return {};
  }
}

const handed = suite('what is handed out may be changed');

handed('the logs of batches and reports', async () => {
  class Rough extends w.Callback {
    override get everyMetrics(): boolean {
      return true;
    }
    override onTrainBatchBegin = (_: number, logs: w.Logs): void => spoil(logs);
    override onTrainBatchEnd = (_: number, logs: w.Logs): void => spoil(logs);
    override onMetrics = ({ mean, window }: w.MetricsReport): void => spoil([mean, window]);
  }
  const histories: unknown[] = [];
  for (const callbacks of [[], [new Rough()]]) {
    const { history } = await classifier().fit(inputs, labels, { ...FIT, callbacks });
    histories.push(history);
  }
  assert.equal(histories[1], histories[0]);
});

for (const [name, make] of HANDED) {
  handed(name, async () => {
    const [clean, spoilt] = [await make(), await make()];
    const expected = await read(clean[1]);
    spoil(spoilt[0]);
    assert.is(await read(spoilt[1]), expected);
  });
}

given.run();
handed.run();
