/** However a training ends, the best weights are what is left. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Callback, Dense, EarlyStopping, type Logs, ReduceLROnPlateau, Sequential, SGD, tensor } from '../src/index.ts';
import { draw } from './support.ts';

const test = suite('callbacks: endings');

const COUNT = 16;
const x = tensor(draw([COUNT, 3], -1, 1).values as Float32Array, [COUNT, 3]);
const y = tensor(draw([COUNT, 1], -1, 1).values as Float32Array, [COUNT, 1]);

/** Weights after each epoch; the metric is what the test says. */
class Script extends Callback {
  readonly seen: number[][] = [];
  readonly #values: readonly number[];
  constructor(values: readonly number[]) {
    super();
    this.#values = values;
  }
  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    this.seen.push(await weightsOf(this.model));
    logs.score = this.#values[epoch];
  }
}

const weightsOf = async (model: Pick<Sequential, 'getWeights'>): Promise<number[]> =>
  (await model.getWeights()).flatMap(({ data }) => Array.from(data));

class Trouble extends Callback {}
const trouble = (hooks: Partial<Callback>): Callback => Object.assign(new Trouble(), hooks);
const failure = new Error('out of coffee');
const fail = (): never => {
  throw failure;
};

/** The best of these is that of the second epoch. */
const SCORES = [3, 1, 2, Number.NaN, 2, Number.NEGATIVE_INFINITY];

/** Trains; what was thrown, and how many epochs there were. */
async function train(ending: Callback | null, options: { patience?: number; before?: boolean } = {}) {
  const model = new Sequential([new Dense(1)], { inputShape: [3], seed: 4 }).compile({
    optimizer: new SGD({ learningRate: 0.1 }),
    loss: 'mse',
  });
  const script = new Script(SCORES);
  const stopping = new EarlyStopping({
    monitor: 'score',
    mode: 'min',
    patience: options.patience ?? 99,
    restoreBestWeights: true,
  });
  const extra = ending === null ? [] : [ending];
  const callbacks = options.before === true ? [script, ...extra, stopping] : [script, stopping, ...extra];
  const thrown: unknown = await model.fit(x, y, { batchSize: 4, epochs: SCORES.length, verbose: 0, callbacks }).then(
    () => null,
    (error: unknown) => error,
  );
  const weights = await weightsOf(model);
  return { model, thrown, weights, script, stopping };
}

const ENDINGS: Readonly<Record<string, { ending: () => Callback | null; patience?: number; throws?: boolean }>> = {
  'all epochs are done': { ending: () => null },
  'its own stop': { ending: () => null, patience: 2 },
  "another callback's stop": {
    ending: () =>
      trouble({
        onEpochEnd(this: Callback, epoch: number) {
          if (epoch === 3) this.model.stopTraining = true;
        },
      }),
  },
  'a stop within an epoch': {
    ending: () => {
      let batches = 0;
      return trouble({
        onTrainBatchEnd(this: Callback) {
          if (++batches === 14) this.model.stopTraining = true;
        },
      });
    },
  },
  'an error at the end of an epoch': {
    ending: () => trouble({ onEpochEnd: (epoch: number) => (epoch === 3 ? fail() : undefined) }),
    throws: true,
  },
  'an error within an epoch': {
    ending: () => {
      let batches = 0;
      return trouble({ onTrainBatchEnd: () => (++batches === 14 ? fail() : undefined) });
    },
    throws: true,
  },
  'an error at the end of training': { ending: () => trouble({ onTrainEnd: fail }), throws: true },
  'an error that leads to another one': {
    ending: () =>
      trouble({
        onEpochBegin: (epoch: number) => (epoch === 3 ? fail() : undefined),
        onTrainError: () => {
          throw new Error('of no interest');
        },
      }),
    throws: true,
  },
};

for (const [name, { ending, patience, throws = false }] of Object.entries(ENDINGS)) {
  test(`EarlyStopping restores the best weights after ${name}`, async () => {
    for (const before of [false, true]) {
      const { thrown, weights, script, stopping, model } = await train(ending(), { patience, before });
      assert.is(thrown, throws ? failure : null, 'the first error wins');
      assert.is(stopping.bestEpoch, 1);
      assert.is(stopping.best, 1, 'neither NaN nor infinity');
      assert.not.equal(script.seen[1], script.seen.at(-1));
      assert.equal(weights, script.seen[1]);
      // The model can be trained again.
      await model.fit(x, y, { verbose: 0 });
    }
  });
}

test('an error before the first epoch leaves the weights as they were', async () => {
  const { thrown, weights, model } = await train(trouble({ onTrainBegin: fail }));
  assert.is(thrown, failure);
  assert.equal(weights, await weightsOf(new Sequential([new Dense(1)], { inputShape: [3], seed: 4 })));
  await model.fit(x, y, { verbose: 0 });
});

test('what has no best value yet restores nothing', async () => {
  const model = new Sequential([new Dense(1)], { inputShape: [3], seed: 4 }).compile({ loss: 'mse' });
  const script = new Script([Number.NaN, Number.POSITIVE_INFINITY, Number.NaN]);
  const stopping = new EarlyStopping({ monitor: 'score', mode: 'max', restoreBestWeights: true, patience: 1 });
  await model.fit(x, y, { epochs: 3, verbose: 0, callbacks: [script, stopping] });
  assert.is(stopping.best, null);
  assert.is(stopping.stoppedEpoch, 1, 'NaN is no improvement');
  assert.equal(await weightsOf(model), script.seen.at(-1));
});

test('ReduceLROnPlateau at its least rate says and does nothing', async () => {
  const lines: string[] = [];
  const model = new Sequential([new Dense(1)], { inputShape: [3] }).compile({
    optimizer: new SGD({ learningRate: 0.1 }),
    loss: 'mse',
  });
  const plateau = new ReduceLROnPlateau({
    monitor: 'score',
    mode: 'min',
    factor: 0.5,
    patience: 1,
    cooldown: 1,
    minLr: 0.05,
    verbose: 1,
    print: (line) => lines.push(line),
  });
  const script = new Script([1, Number.NaN, 2, Number.NaN, 2, 2, Number.POSITIVE_INFINITY]);
  const { history } = await model.fit(x, y, { epochs: 7, verbose: 0, callbacks: [script, plateau] });
  assert.equal(history.learning_rate, [0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05]);
  assert.equal(plateau.drops, [{ epoch: 1, from: 0.1, to: 0.05 }]);
  assert.is(lines.length, 1);
  assert.is(plateau.best, 1);
});

test.run();
