import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ProgressBar, type ProgressBarOptions } from '../src/callbacks/index.ts';
import { metricText } from '../src/callbacks/progress/progressText.ts';
import { FakeModel, params } from './callbacks.fake.ts';

const test = suite('callbacks: progress');

/** One epoch of four steps, a second each (or `stepMs`), and a validation of two seconds. */
async function epoch(options: ProgressBarOptions, stepMs = 1000, verbose: 0 | 1 | 2 = 1): Promise<ProgressBar> {
  let time = 5000;
  const bar = new ProgressBar({ ...options, now: () => time });
  bar.setModel(new FakeModel());
  bar.setParams({ ...params, steps: 4, samples: 400, epochs: 3, verbose });
  bar.onTrainBegin();
  bar.onEpochBegin(0);
  for (let batch = 0; batch < 4; batch++) {
    time += stepMs;
    bar.onTrainBatchEnd(batch, { loss: 1 / (batch + 1), accuracy: 0.25 });
  }
  bar.onTestBegin();
  time += 2000;
  bar.onTestBatchEnd(0, { loss: 7 });
  bar.onTestEnd({ loss: 7 });
  bar.onEpochEnd(0, { loss: 0.25, learning_rate: 0.004, val_loss: 0.0005 });
  bar.onTrainEnd();
  return bar;
}

function stream(isTTY: boolean, columns = 100) {
  const writes: string[] = [];
  return { isTTY, columns, writes, write: (text: string) => writes.push(text) };
}

const summary = '6.0s - 100 images/s - loss: 0.2500 - val_loss: 5.0000e-04 - learning_rate: 0.004';

test('a terminal sees a bar that is redrawn in place', async () => {
  const terminal = stream(true);
  await epoch({ stream: terminal });
  assert.equal(terminal.writes, [
    'Epoch 1/3\x1b[K\n',
    '\r1/4 [=====>..............] 1.0s - 3.0s left - 100 images/s - loss: 1.0000 - accuracy: 0.2500\x1b[K\r',
    '\r2/4 [==========>.........] 2.0s - 2.0s left - 100 images/s - loss: 0.5000 - accuracy: 0.2500\x1b[K\r',
    '\r3/4 [===============>....] 3.0s - 1.0s left - 100 images/s - loss: 0.3333 - accuracy: 0.2500\x1b[K\r',
    '\r4/4 [====================] 4.0s - 0.00s left - 100 images/s - loss: 0.2500 - accuracy: 0.2500\x1b[K\r',
    '\r4/4 [====================] 4.0s - validating - 100 images/s - loss: 0.2500 - accuracy: 0.2500\x1b[K\r',
    `\r4/4 [====================] ${summary}\x1b[K\n`,
  ]);
});

test('the bar is drawn ten times a second at most', async () => {
  const terminal = stream(true);
  await epoch({ stream: terminal }, 40);
  // 40 ms steps: only the third step (120 ms) is due; the others are the title, validation and the last line.
  assert.is(terminal.writes.length, 4);
  assert.match(terminal.writes[1], /^\r3\/4 /);
});

test('a narrow terminal loses whole metrics, so that the line never wraps', async () => {
  const terminal = stream(true, 60);
  await epoch({ stream: terminal });
  assert.is(terminal.writes[1], '\r1/4 [=====>..............] 1.0s - 3.0s left - 100 images/s\x1b[K\r');
});

test('fresh metrics reach the bar between two batches', async () => {
  const terminal = stream(true);
  let time = 0;
  const bar = new ProgressBar({ stream: terminal, now: () => time });
  bar.setParams(params);
  bar.onTrainBegin();
  bar.onEpochBegin(0);
  bar.onTrainBatchEnd(0, {});
  time = 500;
  bar.onMetrics({ epoch: 0, batch: 1, step: 0, mean: { loss: 2.5 }, window: {}, nonFinite: null });
  assert.match(terminal.writes[1], /loss: 2\.5000/);
});

test('without a terminal, or with verbose 2, an epoch is one plain line', async () => {
  const file = stream(false);
  await epoch({ stream: file });
  assert.equal(file.writes, [`Epoch 1/3 - ${summary}\n`]);
  const terminal = stream(true);
  await epoch({ stream: terminal, verbose: 2 });
  assert.equal(terminal.writes, [`Epoch 1/3 - ${summary}\n`]);
  // As in a browser.
  const lines: string[] = [];
  await epoch({ print: (line) => lines.push(line) });
  assert.equal(lines, [`Epoch 1/3 - ${summary}`]);
});

test('verbose 0 is silent, and comes from fit unless it is given', async () => {
  const silent = stream(true);
  await epoch({ stream: silent, verbose: 0 });
  await epoch({ stream: silent }, 1000, 0);
  assert.equal(silent.writes, []);
  await epoch({ stream: silent, verbose: 2 }, 1000, 0);
  assert.is(silent.writes.length, 1);
});

test('only what has height, width and channels is counted as images', () => {
  for (const [inputShape, what] of [
    [[28, 28, 1], 'images'],
    [[13], 'samples'],
    [[20, 7], 'samples'],
    [[], 'samples'],
    [[4, 8, 8, 3], 'samples'],
    [undefined, 'samples'],
  ] as const) {
    const lines: string[] = [];
    let time = 0;
    const bar = new ProgressBar({ print: (line) => lines.push(line), now: () => (time += 500) });
    bar.setParams({ ...params, inputShape, steps: 1, samples: 10 });
    bar.onEpochBegin(0);
    bar.onTrainBatchEnd(0, {});
    bar.onEpochEnd(0, {});
    assert.match(lines[0], new RegExp(` \\d+ ${what}/s$`));
  }
});

test('evaluation and prediction have their own line outside of training', async () => {
  const lines: string[] = [];
  const bar = await epoch({ print: (line) => lines.push(line) });
  bar.onTestBegin();
  bar.onTestBatchEnd(0, { loss: 2 });
  bar.onTestEnd({ loss: 2 });
  bar.onPredictBegin();
  bar.onPredictBatchEnd(0);
  bar.onPredictEnd();
  assert.equal(lines.slice(1), ['Evaluate - 0.00s - - images/s - loss: 2.0000', 'Predict - 0.00s - - images/s']);
});

/** An epoch of 100 steps that runs from one step to another, a second each. */
function part(options: ProgressBarOptions, first: number, end: number): void {
  let time = 5000;
  const bar = new ProgressBar({ ...options, now: () => time });
  bar.setParams({ ...params, steps: 100, samples: 990, batchSize: 10, epochs: 1 });
  bar.onTrainBegin();
  bar.onEpochBegin(0);
  for (let batch = first; batch < end; batch++) {
    bar.onTrainBatchBegin(batch);
    time += 1000;
    bar.onTrainBatchEnd(batch, { loss: 2 });
  }
  bar.onEpochEnd(0, { loss: 2 });
}

test('an epoch that was cut short is shown as far as it came, and so is the speed of one that goes on in its midst', () => {
  for (const [first, end, bar, line] of [
    [
      0,
      3,
      '  3/100 [>...................] 3.0s - stopped - 9.9 images/s',
      'stopped after 3 of 100 steps - 3.0s - 9.9 images/s',
    ],
    [97, 100, '100/100 [====================] 3.0s - 9.9 images/s', '3.0s - 9.9 images/s'],
    [
      40,
      45,
      ' 45/100 [=========>..........] 5.0s - stopped - 9.9 images/s',
      'stopped after 45 of 100 steps - 5.0s - 9.9 images/s',
    ],
    // Saved after its last batch.
    [100, 100, '0.00s', '0.00s'],
  ] as const) {
    const terminal = stream(true);
    part({ stream: terminal }, first, end);
    assert.is(terminal.writes.at(-1), `\r${bar} - loss: 2.0000\x1b[K\n`);
    const lines: string[] = [];
    part({ print: (text) => lines.push(text), verbose: 2 }, first, end);
    assert.equal(lines, [`Epoch 1/1 - ${line} - loss: 2.0000`]);
  }
  const terminal = stream(true);
  part({ stream: terminal }, 40, 45);
  assert.match(terminal.writes[1], / 41\/100 \[=+>\.+\] 1\.0s - 59s left - 9\.9 images\/s/);
});

test('evaluation after a training that failed has its line', () => {
  const lines: string[] = [];
  const bar = new ProgressBar({ print: (line) => lines.push(line), now: () => 0 });
  bar.setParams({ ...params, steps: 1 });
  bar.onTrainBegin();
  bar.onTrainError();
  bar.onTestBegin();
  bar.onTestEnd({ loss: 2 });
  assert.equal(lines, ['Evaluate - 0.00s - - images/s - loss: 2.0000']);
});

test('metrics look like those of Keras', () => {
  assert.is(metricText('loss', 1.23456), 'loss: 1.2346');
  assert.is(metricText('loss', -2), 'loss: -2.0000');
  assert.is(metricText('loss', 0.001), 'loss: 1.0000e-03');
  assert.is(metricText('loss', 0), 'loss: 0.0000e+00');
  assert.is(metricText('loss', Number.NaN), 'loss: nan');
  assert.is(metricText('loss', Number.POSITIVE_INFINITY), 'loss: inf');
  assert.is(metricText('learning_rate', 0.1 * 0.1 * 0.1), 'learning_rate: 0.001');
  assert.is(metricText('learning_rate', 1e-7), 'learning_rate: 1e-7');
  assert.is(metricText('a\x1b[2J\n', 1), 'a\\u001b[2J\\u000a: 1.0000');
});

test.run();
