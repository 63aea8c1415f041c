/**
 * What may be done to a model whose training is under way: from outside, beside it, and from the hooks of callbacks. Each is
 * right, or a StateError, and the training goes on as it should.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  Callback,
  Dense,
  DivergenceDetector,
  decodeSafetensors,
  findLearningRate,
  type History,
  type MetricsReport,
  Sequential,
  ShapeError,
  type State,
  StateError,
  suggestBatchSize,
  type Tensor,
  tensor,
} from '../src/index.ts';
import type { CallContext } from '../src/nn/layers/layer.ts';
import { Layer, type LayerConfig, type WeightSpec } from '../src/nn/layers/layer.ts';
import type { Loss } from '../src/nn/losses.ts';
import type { Metric } from '../src/nn/metrics.ts';
import { rejects } from './interruption.ts';

const test = suite('beside a training');

/** A weight that no gradient moves: it counts steps. */
class Counter extends Layer {
  readonly className = 'Counter';

  override weights(): WeightSpec[] {
    return [{ name: 'count', shape: [1], initializer: () => new Float32Array(1), trainable: false }];
  }

  call(x: Tensor, { weights: [count], training, update }: CallContext): Tensor {
    if (training) update(count, count.add(1));
    return x;
  }

  config(): LayerConfig {
    return {};
  }
}

/** Falls by the weight: each step of a rate of 1 adds 1 to it. */
const down: Loss = {
  name: 'down',
  perExample: (_, output) => output.neg().reshape([output.shape[0]]),
};
/** Labels number the examples: the mean over an epoch tells whether each was taken once. */
const index: Metric = { name: 'index', perExample: (labels) => labels.reshape([labels.shape[0]]) };

const COUNT = 29;
const EPOCHS = 3;
const STEPS = COUNT * EPOCHS;
const x = tensor(new Float32Array(COUNT).fill(1), [COUNT, 1]);
const y = Float32Array.from({ length: COUNT }, (_, i) => i);
const MEAN = (COUNT - 1) / 2;

const network = () =>
  new Sequential([
    new Dense(1, { inputShape: [1], useBias: false, kernelInitializer: 'zeros', name: 'dense' }),
    new Counter({ name: 'counter' }),
  ]).compile({ optimizer: new Adam({ learningRate: 1, epsilon: 1e-30 }), loss: down, metrics: [index] });

/** The weight and the count. */
const both = async (model: Sequential): Promise<number[]> =>
  (await model.getWeights()).map(({ data }) => Math.round(data[0]));

/** Does something in the midst of a training. */
class Midst extends Callback {
  readonly #place: Place;
  readonly #work: () => Promise<void>;
  done: Promise<void> | null = null;
  readonly #begun: Promise<void>;
  #epoch = 0;

  constructor(place: Place, work: () => Promise<void>) {
    super();
    this.#place = place;
    let begin = (): void => {};
    this.#begun = new Promise((resolve) => {
      begin = resolve;
    });
    this.#work = () => {
      begin();
      return work();
    };
  }
  override get everyTrainBatch(): boolean {
    return this.#place === 'batch' || this.#place === 'batch, not awaited';
  }
  async #now(): Promise<void> {
    if (this.done !== null) return;
    this.done = this.#work();
    // The training must not be what an error ends.
    this.done.catch(() => {});
    await this.done.catch(() => {});
  }
  override onEpochBegin(epoch: number): void | Promise<void> {
    this.#epoch = epoch;
    // On a busy machine a timer may come late, but not after the training.
    if (epoch === EPOCHS - 1) return this.#begun;
  }
  override onTrainBatchEnd(batch: number): void | Promise<void> {
    if (this.#epoch !== 1 || batch < 17) return;
    if (this.#place === 'batch') return this.#now();
    if (this.#place === 'batch, not awaited') void this.#now();
    // As whoever has nothing to do with the training comes: at any moment.
    if (this.#place === 'beside' && this.done === null)
      this.done = new Promise((done) => setTimeout(done, 1)).then(this.#work);
    if (this.#place === 'beside, at once' && this.done === null)
      this.done = Promise.resolve()
        .then(() => Promise.resolve())
        .then(this.#work);
    this.done?.catch(() => {});
  }
  override onEpochEnd(epoch: number): void | Promise<void> {
    if (this.#place === 'epoch' && epoch === 1) return this.#now();
  }
}

const PLACES = ['beside', 'beside, at once', 'batch', 'batch, not awaited', 'epoch'] as const;
type Place = (typeof PLACES)[number];

interface Visit {
  readonly name: string;
  /** What is done, and what is seen at once. */
  work(model: Sequential): Promise<void>;
  /** What the weight has more, or less, at the end than one a step; default: it leaves no trace. */
  readonly moved?: (at: number) => number;
  /** Whether the epoch's means begin anew. */
  readonly restarts?: boolean;
}

/** A file of another training: a weight and a count of 1000, and 7 steps. */
async function file(): Promise<Uint8Array> {
  const other = network();
  await other.fit(x, y, { batchSize: 6, verbose: 0 });
  await other.setWeights([new Float32Array([1000]), new Float32Array([1000])]);
  return other.toSafetensors();
}
const bytes = await file();

const refused = (
  name: string,
  run: (model: Sequential) => unknown,
  kind: new (message: string) => Error = StateError,
): Visit => ({
  name,
  work: (model) => rejects(() => run(model), kind),
});

const VISITS: Visit[] = [
  {
    name: 'toSafetensors',
    async work(model) {
      const { tensors, metadata } = decodeSafetensors(await model.toSafetensors());
      const [weight, count] = ['dense/kernel', 'counter/count'].map((name) =>
        Math.round(tensors.get(name)?.data[0] ?? -1),
      );
      const { steps, optimizer_steps: taken, training } = metadata;
      assert.equal([count, Number(steps), Number(taken)], [weight, weight, weight]);
      const trainer: { epoch: { batch: number } | null } = JSON.parse(training).trainer;
      const at = trainer.epoch === null ? 0 : trainer.epoch.batch;
      // Behind an epoch's last step, all of them.
      assert.is(at % COUNT, weight % COUNT, 'batches of the epoch');
      // Means 1 - 0.9^t of gradients of 1.
      const moment = tensors.get('optimizer/moment1')?.data[0] ?? 0;
      assert.ok(Math.abs(moment + 1 - 0.9 ** weight) < 1e-3, `a moment of ${moment} after ${weight} steps`);
    },
  },
  {
    name: 'getWeights',
    async work(model) {
      const [weight, count] = await both(model);
      assert.is(weight, count);
      assert.ok(weight > COUNT && weight <= STEPS, `${weight}`);
    },
  },
  {
    name: 'evaluate',
    async work(model) {
      const { loss, index } = await model.evaluate(x, y, { batchSize: 3 });
      assert.is(index, MEAN);
      // Of one weight, whatever batch it is that sees it.
      assert.ok(Math.abs(loss - Math.round(loss)) < 1e-2, `a mean loss of ${loss}`);
    },
  },
  {
    name: 'predict',
    async work(model) {
      const outputs = await (await model.predict(x, { batchSize: 3 })).data();
      assert.equal([...new Set(outputs.map(Math.round))].length, 1, `outputs ${outputs}`);
    },
  },
  {
    name: 'setWeights',
    work: (model) => model.setWeights([new Float32Array([1000]), new Float32Array([1000])]),
    moved: (at) => 1000 - at,
  },
  { name: 'fromSafetensors', work: (model) => model.fromSafetensors(bytes), moved: (at) => 1000 - at },
  {
    name: 'snapshot, and back',
    async work(model) {
      const snapshot = await model.snapshot();
      snapshot.restore();
      snapshot.dispose();
    },
    moved: () => 0,
    restarts: true,
  },
  {
    name: 'snapshot, and back later',
    async work(model) {
      const snapshot = await model.snapshot();
      await new Promise((done) => setTimeout(done, 3));
      snapshot.restore();
      snapshot.dispose();
    },
    moved: () => 0,
    restarts: true,
  },
  { name: 'resetOptimizer', work: (model) => model.resetOptimizer(), restarts: true },
  {
    name: 'findLearningRate',
    async work(model) {
      const { rates } = await findLearningRate(model, x, y, { steps: 12, batchSize: 4 });
      assert.is(rates.length, 12);
    },
  },
  {
    name: 'suggestBatchSize',
    async work(model) {
      await suggestBatchSize(model, { maxBatchSize: 2, milliseconds: 1 });
    },
  },
  {
    name: 'memory and summary',
    async work(model) {
      assert.ok((await model.memory({ batchSize: 3 })).bytes > 0);
      model.summary({ print: () => {} });
    },
  },
  refused('fit', (model) => model.fit(x, y)),
  refused('trainOnBatch', (model) => model.trainOnBatch(x, y)),
  refused('compile', (model) => model.compile({ loss: 'mse' })),
  refused('dispose', (model) => model.dispose()),
  refused('add', (model) => model.add(new Dense(1))),
  refused('build', (model) => model.build([2]), ShapeError),
  refused('resume', (model) => model.resume('/nowhere/at/all')),
  {
    name: 'a rate that is no number',
    async work({ optimizer }) {
      assert.throws(() => {
        optimizer.learningRate = Number.NaN;
      }, /learningRate must be a finite number/);
    },
  },
];

async function run(place: Place, visit: Visit): Promise<void> {
  const model = network();
  let at = -1;
  let failure: unknown = null;
  const midst = new Midst(place, async () => {
    await visit.work(model).catch((error: unknown) => {
      failure = error;
    });
    at = (await both(model))[1];
  });
  const history: History = await model.fit(x, y, { epochs: EPOCHS, batchSize: 1, verbose: 0, callbacks: [midst] });
  assert.ok(midst.done !== null, 'it was done');
  await midst.done;
  if (failure !== null) throw failure;
  const [weight, count] = await both(model);
  assert.is(weight, count, 'weights of one step');
  if (visit.moved === undefined) assert.is(weight, STEPS, 'one step after the other');
  // On a busy machine what nobody awaits may come behind the last step.
  else if (visit.moved(0) === 1000) assert.ok(weight >= 1000 && weight < 1000 + STEPS - COUNT, `${weight}`);
  else assert.ok(weight > COUNT && weight <= STEPS, `${weight}`);
  assert.ok(at >= 0);
  assert.equal(history.history.learning_rate, new Array(EPOCHS).fill(1), 'rates');
  const means = history.history.index;
  // It may come as late as the next epoch.
  if (visit.restarts === true && place !== 'epoch') means.splice(1);
  for (const mean of means) assert.ok(Math.abs(mean - MEAN) < 1e-4, `means of the examples' numbers: ${means}`);
  model.dispose();
}

/** The numbers of the examples, batch after batch. */
class Order extends Callback {
  readonly seen: number[] = [];
  override get everyMetrics(): boolean {
    return true;
  }
  override onMetrics({ window }: MetricsReport): void {
    this.seen.push(window.index);
  }
}

test('a load at any moment leaves the examples and their order alone', async () => {
  const files = [bytes, await network().toSafetensors()];
  const late = network();
  await late.fit(x, y, { batchSize: 1, epochs: 4, verbose: 0 });
  files.push(await late.toSafetensors());
  const order = async (...callbacks: Callback[]): Promise<number[]> => {
    const model = network();
    const watch = new Order();
    await model.fit(x, y, { batchSize: 3, epochs: 2, verbose: 0, callbacks: [...callbacks, watch] });
    model.dispose();
    return watch.seen;
  };
  const expected = await order();
  for (const from of files) {
    for (const hook of [
      'onTrainBatchBegin',
      'onTrainBatchEnd',
      'onMetrics',
      'onEpochBegin',
      'onEpochEnd',
      'onTestBegin',
    ] as const) {
      const reload = new (class extends Callback {})();
      let times = 0;
      reload[hook] = async () => {
        if (times++ % 5 !== 3 && hook.includes('Batch')) return;
        assert.ok(reload.model instanceof Sequential);
        await reload.model.fromSafetensors(from);
      };
      assert.equal(await order(reload), expected, hook);
    }
  }
});

test('after a load, a bad step is still found at its example', async () => {
  const spoilt = new Float32Array(COUNT).fill(1);
  spoilt[19] = 3e38;
  const inputs = tensor(spoilt, [COUNT, 1]);
  const model = network();
  const detector = new DivergenceDetector({ print: () => {} });
  class Reload extends Callback {
    override async onTrainBatchEnd(batch: number): Promise<void> {
      if (batch === 7) await model.fromSafetensors(bytes);
    }
  }
  await model.fit(inputs, y, { batchSize: 1, shuffle: false, verbose: 0, callbacks: [detector, new Reload()] });
  assert.is(detector.divergence?.step, 19);
  assert.is(detector.divergence?.cause?.inputs.find(({ name }) => name === 'inputs')?.max, Math.fround(3e38));
});

// Nobody waits for ever

const soon = <T>(work: Promise<T>): Promise<T> =>
  Promise.race([
    work,
    new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('it waits for ever')), 30_000).unref();
    }),
  ]);

test('one prediction after the other does not keep a training from going on', async () => {
  const model = network();
  let over = false;
  const training = model.fit(x, y, { epochs: EPOCHS, batchSize: 1, verbose: 0 }).finally(() => {
    over = true;
  });
  const predict = async (): Promise<void> => {
    while (!over) await model.predict(x);
  };
  await soon(Promise.all([training, predict(), predict()]));
  assert.is((await both(model))[0], STEPS);
  model.dispose();
});

test('callbacks of an evaluation may look at the model, also beside a training, but not train it', async () => {
  const model = network();
  const seen: string[] = [];
  class Look extends Callback {
    override async onTestEnd(): Promise<void> {
      const { metadata } = decodeSafetensors(await model.toSafetensors());
      seen.push(metadata.steps);
      await model.predict(x, { callbacks: [new Ahead()] });
      await rejects(() => model.trainOnBatch(x, y), StateError);
      await rejects(() => model.fit(x, y, { verbose: 0 }), StateError);
    }
  }
  class Ahead extends Callback {
    override async onPredictBatchEnd(): Promise<void> {
      seen.push(String((await model.evaluate(x, y)).index));
    }
  }
  await soon(model.evaluate(x, y, { callbacks: [new Look()] }));
  assert.equal(seen.splice(0), ['0', `${MEAN}`]);
  const training = model.fit(x, y, { epochs: EPOCHS, batchSize: 1, verbose: 0 });
  await soon(
    Promise.all([
      training,
      model.evaluate(x, y, { callbacks: [new Look()] }),
      model.evaluate(x, y, { callbacks: [new Look()] }),
    ]),
  );
  assert.is(seen.filter((one) => one === `${MEAN}`).length, 2);
  assert.is((await both(model))[0], STEPS);
  await model.trainOnBatch(x, y);
  model.dispose();
});

test("a callback's state may look at the model; a training that fails lets those in who wait", async () => {
  const model = network();
  class Deep extends Callback {
    static override name = 'Deep';
    override async state(): Promise<State> {
      return { output: (await (await model.predict(x)).data())[0] };
    }
  }
  let waiting: Promise<Uint8Array> | null = null;
  class Fail extends Callback {
    override onTrainBatchEnd(batch: number): void {
      if (batch < 11) return;
      // Not of this hook, which has ended when it comes.
      waiting ??= new Promise<void>((done) => setTimeout(done, 1)).then(() => model.toSafetensors());
    }
    override onEpochBegin(epoch: number): void {
      if (epoch === 2) throw new RangeError('enough');
    }
    override get everyTrainBatch(): boolean {
      return false;
    }
  }
  const first = model.fit(x, y, { epochs: EPOCHS, batchSize: 1, verbose: 0, callbacks: [new Deep()] });
  await soon(Promise.all([first, model.toSafetensors(), model.toSafetensors()]));
  await soon(
    rejects(
      () => model.fit(x, y, { epochs: EPOCHS, batchSize: 1, verbose: 0, callbacks: [new Deep(), new Fail()] }),
      RangeError,
    ),
  );
  assert.ok(waiting !== null);
  const { metadata } = decodeSafetensors(await soon<Uint8Array>(waiting));
  assert.ok(Number(metadata.steps) > STEPS && metadata.steps === metadata.optimizer_steps);
  model.dispose();
});

for (const visit of VISITS) {
  test(visit.name, async () => {
    for (const place of PLACES) {
      try {
        await run(place, visit);
      } catch (cause) {
        throw new Error(`${place}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      }
    }
  });
}

test.run();
