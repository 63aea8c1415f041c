/** What callbacks are told of losses while a model is trained: sums that keep their digits, and copies. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Callback, Dense, type Logs, type Loss, type MetricsReport, Sequential, SGD, tensor } from '../src/index.ts';

const test = suite('windows');

/** The loss of an example is its input: nothing is learnt. */
const plain: Loss = { name: 'plain', perExample: (_, output) => output.mean(1) };
const mirror = (): Sequential =>
  new Sequential([new Dense(1, { useBias: false, kernelInitializer: 'ones' })], { inputShape: [1] }).compile({
    optimizer: new SGD({ learningRate: 0 }),
    loss: plain,
    metrics: [plain2],
  });
const plain2 = { name: 'same', perExample: plain.perExample };

class Reports extends Callback {
  readonly reports: MetricsReport[] = [];
  override onMetrics(report: MetricsReport): void {
    this.reports.push(report);
  }
}

const ordered = { shuffle: false, verbose: 0 } as const;
const filled = (count: number, value: number): Float32Array => new Float32Array(count).fill(value);

test('a window after a large loss is exact, in the loss and in metrics, whatever the batch', async () => {
  for (const [batchSize, large] of [
    [4, 1e9],
    [3, 1e30],
    [7, 3e37],
  ]) {
    const values = filled(2000, 0.5);
    values[10] = large;
    const reports = new Reports();
    const { history } = await mirror().fit(tensor(values, [2000, 1]), filled(2000, 0), {
      ...ordered,
      batchSize,
      callbacks: [reports],
    });
    const windows = reports.reports.map(({ window }) => window);
    assert.is(windows.filter(({ loss }) => loss !== 0.5).length, 1, `${batchSize}: ${windows.map(({ loss }) => loss)}`);
    for (const { loss, same } of windows) assert.is(same, loss);
    const expected = (Math.fround(large) + 0.5 * 1999) / 2000;
    assert.ok(Math.abs(history.loss[0] / expected - 1) < 1e-7, `${history.loss[0]}, expected ${expected}`);
  }
});

test('losses that cancel keep the small ones between them', async () => {
  const values = filled(1600, 0.25);
  [values[100], values[900]] = [2 ** 40, -(2 ** 40)];
  const { history } = await mirror().fit(tensor(values, [1600, 1]), filled(1600, 0), { ...ordered, batchSize: 2 });
  assert.ok(Math.abs(history.loss[0] - (0.25 * 1598) / 1600) < 0.01, `${history.loss[0]}`);
});

test('windows behind a loss that was not finite are finite again, while the mean stays what it is', async () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const values = filled(1500, 0.5);
    values[40] = bad;
    const reports = new Reports();
    const { warn } = console;
    console.warn = () => {};
    await mirror()
      .fit(tensor(values, [1500, 1]).mul(1), filled(1500, 0), { ...ordered, batchSize: 5, callbacks: [reports] })
      .finally(() => {
        console.warn = warn;
      });
    const { mean: last, window } = reports.reports[reports.reports.length - 1];
    assert.is(window.loss, 0.5);
    assert.not(Number.isFinite(last.loss));
    assert.is(reports.reports.filter((report) => !Number.isFinite(report.window.loss)).length, 1);
  }
});

test('a long epoch loses no digits, in training and in evaluation', async () => {
  const count = 12_000;
  const model = mirror();
  const x = tensor(filled(count, 0.3), [count, 1]);
  const { history } = await model.fit(x, filled(count, 0), { ...ordered, batchSize: 2 });
  const { loss } = await model.evaluate(x, filled(count, 0), { batchSize: 2 });
  for (const found of [history.loss[0], loss]) assert.ok(Math.abs(found / Math.fround(0.3) - 1) < 1e-5, `${found}`);
});

test('what a callback writes into the logs of a batch, of a test or into a report is its own', async () => {
  const scale = (logs: Logs): void => {
    for (const key of Object.keys(logs)) logs[key] *= 100;
    logs.extra = 1;
  };
  class Percent extends Callback {
    override onTrainBatchBegin(_batch: number, logs: Logs): void {
      scale(logs);
    }
    override onTrainBatchEnd(_batch: number, logs: Logs): void {
      scale(logs);
    }
    override onMetrics({ mean: all, window }: MetricsReport): void {
      scale(all);
      scale(window);
    }
    override onTestEnd(logs: Logs): void {
      scale(logs);
    }
  }
  const [x, y] = [tensor([1, 2, 3, 4], [4, 1]), filled(4, 0)];
  for (const batchSize of [4, 3, 2, 1]) {
    const { history } = await mirror().fit(x, y, {
      ...ordered,
      batchSize,
      epochs: 2,
      validationData: [x, y],
      callbacks: [new Percent()],
    });
    const expected = [2.5, 2.5];
    const { loss, same, val_loss, val_same, extra, val_extra } = history;
    assert.equal(
      { loss, same, val_loss, val_same },
      { loss: expected, same: expected, val_loss: expected, val_same: expected },
    );
    assert.equal([extra, val_extra], [undefined, undefined]);
  }
  const logs = await mirror().evaluate(x, y, { callbacks: [new Percent()] });
  assert.equal(logs, { loss: 2.5, same: 2.5 });
});

test('a report tells the mean weight of its examples', async () => {
  const count = 700;
  const weights = Float32Array.from({ length: count }, (_, at) => (at * 7) % 11);
  const labels = Float32Array.from({ length: count }, (_, at) => at % 2);
  const values = Float32Array.from({ length: count }, (_, at) => at);
  const reports = new Reports();
  // Every example's loss is its weight: the window's loss is the mean weight.
  await mirror().fit(tensor(filled(count, 1), [count, 1]), labels, {
    batchSize: 3,
    epochs: 2,
    verbose: 0,
    sampleWeight: weights,
    classWeight: { 0: 1, 1: 4 },
    callbacks: [reports],
  });
  assert.ok(reports.reports.length > 20);
  for (const { window, weight = 1 } of reports.reports) {
    assert.ok(Math.abs(window.loss - weight) < 1e-5 * weight, `${window.loss} and ${weight}`);
  }
  const unweighted = new Reports();
  await mirror().fit(tensor(values, [count, 1]), labels, { verbose: 0, callbacks: [unweighted] });
  assert.ok(unweighted.reports.every(({ weight }) => weight === 1));
});

test.run();
