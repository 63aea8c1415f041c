/** JSON Lines of a training, and what all logs share: files that are appended to and survive a kill. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  BackupAndRestore,
  Callback,
  CSVLogger,
  Dense,
  FileError,
  type History,
  JSONLogger,
  type JSONLoggerOptions,
  Rescaling,
  Sequential,
  tensor,
} from '../src/index.ts';
import { AppendedFile } from '../src/io/appendedFile.ts';
import { SavedState } from '../src/io/state.ts';

const folder = mkdtempSync(join(tmpdir(), 'wgrad-json-'));
const here = (...names: string[]): string => join(folder, ...names);
const textOf = (path: string): string => readFileSync(path, 'utf8');

async function rejected(run: () => unknown): Promise<unknown> {
  return Promise.resolve()
    .then(run)
    .then(
      () => null,
      (error: unknown) => error,
    );
}

/** Epochs with these logs. */
async function log(
  path: string,
  logs: readonly Record<string, number>[],
  options?: JSONLoggerOptions,
): Promise<string> {
  const logger = new JSONLogger(path, options);
  await logger.onTrainBegin();
  for (const [epoch, one] of logs.entries()) await logger.onEpochEnd(epoch, one);
  return textOf(path);
}

const test = suite('jsonLogger');
test.after(() => rmSync(folder, { recursive: true }));

test('a line an epoch: the epoch, then all of its logs in their order', async () => {
  const path = here('new', 'folder', 'log.jsonl');
  const text = await log(path, [
    { loss: 1.5, accuracy: 0.1, epoch: 7 },
    { loss: 1e-7, accuracy: 1, 'my "own"\n': -2, 3: 4 },
  ]);
  assert.is(
    text,
    '{"epoch":0,"loss":1.5,"accuracy":0.1}\n{"epoch":1,"3":4,"loss":1e-7,"accuracy":1,"my \\"own\\"\\n":-2}\n',
  );
  // Another training replaces it, not before it has something to say.
  const logger = new JSONLogger(path);
  await logger.onTrainBegin();
  assert.is(textOf(path), text);
  await logger.onEpochEnd(0, { loss: 2 });
  assert.is(textOf(path), '{"epoch":0,"loss":2}\n');
});

test('numbers that are not finite are texts that Number reads back', async () => {
  const values = { a: Number.NaN, b: Number.POSITIVE_INFINITY, c: Number.NEGATIVE_INFINITY };
  const text = await log(here('bad.jsonl'), [values]);
  assert.is(text, '{"epoch":0,"a":"NaN","b":"Infinity","c":"-Infinity"}\n');
  const { epoch, ...others } = JSON.parse(text);
  assert.equal(Object.values(others).map(Number), Object.values(values));
});

test('appending leaves a torn last line out, and keeps a whole one that lacks its end', async () => {
  const path = here('append.jsonl');
  for (const [old, kept] of [
    ['{"epoch":0}\n', '{"epoch":0}\n'],
    ['{"epoch":0}\n{"epoch":1,"lo', '{"epoch":0}\n'],
    ['{"epoch":0}\n{"epoch":1}', '{"epoch":0}\n{"epoch":1}\n'],
    ['{"epoch":0}', '{"epoch":0}\n'],
    ['{"epoch":0', ''],
    ['', ''],
  ]) {
    writeFileSync(path, old);
    assert.is(await log(path, [{ loss: 3 }], { append: true }), `${kept}{"epoch":0,"loss":3}\n`, old);
  }
  rmSync(path);
  assert.is(await log(path, [{ loss: 3 }], { append: true }), '{"epoch":0,"loss":3}\n');
});

test('a path that cannot be is refused, a file that cannot be before the first epoch', async () => {
  assert.instance(await rejected(() => new JSONLogger('')), ArgumentError);
  const error = await rejected(() => new JSONLogger(folder).onTrainBegin());
  assert.instance(error, FileError);
  assert.match(String(error), `JSONLogger: '${folder}': it is a folder. Give the path of a file.`);
});

test('going on cuts off what is not of the epochs so far, even all of it', async () => {
  for (const append of [false, true]) {
    for (const Logger of [JSONLogger, CSVLogger]) {
      const path = here(`${Logger.name} ${append}`);
      const first = new Logger(path, { append });
      await first.onTrainBegin();
      const states = [first.state()];
      const texts = [''];
      for (let epoch = 0; epoch < 3; epoch++) {
        await first.onEpochEnd(epoch, { loss: epoch, val_loss: 0 });
        states.push(first.state());
        texts.push(textOf(path));
      }
      for (const epochs of [2, 1, 0]) {
        writeFileSync(path, `${texts[3]}{"epoch":3,"lo`);
        const second = new Logger(path, { append });
        await second.onTrainBegin();
        await second.restore(new SavedState('it', states[epochs]));
        await second.onEpochEnd(epochs, { loss: epochs, val_loss: 0 });
        assert.is(textOf(path), texts[epochs + 1], `${Logger.name}, append ${append}, ${epochs} epochs`);
      }
    }
  }
});

test('a training that was interrupted has each epoch once; NaN is written as such', async () => {
  const [path, backup] = [here('fit.jsonl'), here('fit.safetensors')];
  const x = new Float32Array(80).map((_, i) => (i % 7) - 3);
  // Finite, as inputs must be, until it is multiplied by ten.
  x[5] = 3e38;
  const y = Array.from({ length: 40 }, (_, i) => i % 2);
  const run = async (...callbacks: Callback[]): Promise<History['history']> => {
    const layers = [new Rescaling(10), new Dense(2, { activation: 'softmax' })];
    const model = new Sequential(layers, { inputShape: [2], seed: 1 });
    model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    const options = { epochs: 4, verbose: 0, validationSplit: 0.5, onNonFinite: 'warn', callbacks } as const;
    const { history } = await model.fit(tensor(x, [40, 2]), y, options).finally(() => model.dispose());
    return history;
  };
  class Interrupt extends Callback {
    override onEpochBegin(epoch: number): void {
      if (epoch === 2) throw new Error('interrupted');
    }
  }
  const warn = console.warn;
  console.warn = () => {};
  try {
    const error = await rejected(() => run(new JSONLogger(path), new BackupAndRestore(backup), new Interrupt()));
    assert.match(String(error), 'interrupted');
    writeFileSync(path, '{"epoch":2,"loss":0.1}\n{"ep', { flag: 'a' });
    const history = await run(new JSONLogger(path), new BackupAndRestore(backup));
    assert.ok(history.loss.every(Number.isNaN) && history.val_loss.every(Number.isFinite));
    const rows = textOf(path)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(
      rows,
      history.loss.map((_, epoch) => ({
        epoch,
        loss: 'NaN',
        accuracy: history.accuracy[epoch],
        val_loss: history.val_loss[epoch],
        val_accuracy: history.val_accuracy[epoch],
        learning_rate: history.learning_rate[epoch],
      })),
    );
  } finally {
    console.warn = warn;
  }
});

const append = suite('appendedFile');

append('a record that could not be written whole leaves nothing of itself', async () => {
  const path = join(tmpdir(), `wgrad-appended-${process.pid}`);
  const file = new AppendedFile('it', path, 'Not here.');
  try {
    await file.begin();
    await file.append('first\n');
    // What all files share: their class is not exported.
    const handle = await open(path);
    const shared: { sync: () => Promise<void> } = Object.getPrototypeOf(handle);
    await handle.close();
    const { sync } = shared;
    shared.sync = async () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    const error = await rejected(() => file.append('second\n')).finally(() => {
      shared.sync = sync;
    });
    assert.instance(error, FileError);
    assert.match(String(error), 'no room is left');
    assert.is(textOf(path), 'first\n');
    assert.is(file.bytes, 6);
    await file.append('ü\n');
    assert.is(textOf(path), 'first\nü\n');
    assert.is(file.bytes, 9);
  } finally {
    rmSync(path, { force: true });
  }
});

test.run();
append.run();
