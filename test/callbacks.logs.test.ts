/** Logs on the disk that something happens to: rotated, emptied, without a header, devices; and names that are hard to write. */

import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
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
  JSONLogger,
  type Logs,
  Sequential,
  tensor,
} from '../src/index.ts';
import { SavedState } from '../src/io/state.ts';
import { TensorBoard } from '../src/tensorboard/index.ts';
import { Interrupt, interrupted, rejects } from './interruption.ts';

const folder = mkdtempSync(join(tmpdir(), 'wgrad-logs-'));
const here = (...names: string[]): string => join(folder, ...names);
const textOf = (path: string): string => readFileSync(path, 'utf8');

const test = suite('callbacks: logs');
test.after(() => rmSync(folder, { recursive: true }));

/** Something that happens at an epoch's end, before the log is written. */
class At extends Callback {
  readonly #epoch: number;
  readonly #happen: () => void;
  constructor(epoch: number, happen: () => void) {
    super();
    [this.#epoch, this.#happen] = [epoch, happen];
  }
  override onEpochEnd(epoch: number): void {
    if (epoch === this.#epoch) this.#happen();
  }
}

async function train(...callbacks: Callback[]): Promise<void> {
  const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 }).compile({ loss: 'mse' });
  const x = tensor(new Float32Array(4).fill(1), [4, 1]);
  await model.fit(x, [1, 2, 3, 4], { epochs: 8, verbose: 0, callbacks }).finally(() => model.dispose());
}

const losing: Readonly<Record<string, (log: string) => void>> = {
  removed: (log) => rmSync(log),
  moved: (log) => renameSync(log, `${log}.1`),
  emptied: (log) => truncateSync(log),
};
for (const [name, lose] of Object.entries(losing)) {
  test(`a CSV log that was ${name} begins anew with its header, and a training goes on with it`, async () => {
    const [log, backup] = [here(`${name}.csv`), here(`${name}.safetensors`)];
    const logger = (): CSVLogger => new CSVLogger(log);
    await interrupted(train(new At(3, () => lose(log)), logger(), new BackupAndRestore(backup), new Interrupt(5, 0)));
    await train(logger(), new BackupAndRestore(backup));
    const [header, ...rows] = textOf(log).trimEnd().split('\r\n');
    assert.is(header, 'epoch,learning_rate,loss,val_loss');
    assert.equal(
      rows.map((row) => row.split(',')[0]),
      ['3', '4', '5', '6', '7'],
    );
    for (const row of rows) assert.match(row, /^\d,0\.001,[\d.]+,NA$/);
    if (name === 'moved') assert.match(textOf(`${log}.1`), /^epoch,[\s\S]*\r\n2,[^\r]+\r\n$/);
  });

  test(`a JSON log that was ${name} goes on with what it has`, async () => {
    const [log, backup] = [here(`${name}.jsonl`), here(`${name}.json.safetensors`)];
    await interrupted(
      train(new At(3, () => lose(log)), new JSONLogger(log), new BackupAndRestore(backup), new Interrupt(5, 0)),
    );
    await train(new JSONLogger(log), new BackupAndRestore(backup));
    const rows: { epoch: number }[] = textOf(log)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(
      rows.map(({ epoch }) => epoch),
      [3, 4, 5, 6, 7],
    );
  });
}

test('an event file that was removed begins anew with its version', async () => {
  const board = here('board');
  const inFolder = (): string[] => readdirSync(here('board', 'train')).map((name) => here('board', 'train', name));
  await train(new At(3, () => rmSync(inFolder()[0])), new TensorBoard(board));
  const [path] = inFolder();
  const bytes = readFileSync(path);
  // A record's length, 8 bytes and a checksum; its content begins with the time, then field 3 is the version.
  assert.match(bytes.subarray(0, 64).toString('latin1'), 'brain.Event:2');
});

test('a log that is removed before its first line begins then', async () => {
  for (const logger of [new CSVLogger(here('early')), new JSONLogger(here('early'))]) {
    await logger.onTrainBegin();
    rmSync(here('early'));
    await logger.onEpochEnd(0, { loss: 1 });
    assert.match(textOf(here('early')), /loss/);
    rmSync(here('early'));
  }
});

test('rows under a first line that is no header have values, not NA', async () => {
  const log = here('headless.csv');
  for (const [old, state] of [
    ['3,0.5,0.25\r\n4,0.5,0.25\r\n', 24],
    ['a line of another program\r\n', 27],
  ] as const) {
    for (const append of [false, true]) {
      writeFileSync(log, old);
      const logger = new CSVLogger(log, { append });
      await logger.onTrainBegin();
      await logger.restore(new SavedState('it', { bytes: state }));
      await logger.onEpochEnd(5, { loss: 0.5, accuracy: 0.25 });
      assert.is(textOf(log), `${old}5,0.25,0.5,NA,NA\r\n`);
    }
  }
});

const HARD = [
  'a\nb',
  'a\r\nb',
  'a "b"',
  'a,b',
  '"',
  '""',
  ' a ',
  '=1+1',
  '+a',
  '-a',
  '@a',
  ';',
  'ä',
  '__x__',
  'constructor',
];

test('names of all kinds come back from the header, also in a training that goes on', async () => {
  for (const separator of [',', ';', '\t', '::']) {
    const log = here(`hard${separator.length}${separator.charCodeAt(0)}.csv`);
    const logs: Logs = Object.fromEntries(HARD.map((name, at) => [name, at]));
    const run = async (epochs: readonly number[], logger: CSVLogger): Promise<CSVLogger> => {
      for (const epoch of epochs) await logger.onEpochEnd(epoch, logs);
      return logger;
    };
    const whole = new CSVLogger(log, { separator });
    await whole.onTrainBegin();
    await run([0, 1, 2], whole);
    const expected = textOf(log);
    const first = new CSVLogger(log, { separator });
    await first.onTrainBegin();
    const state = (await run([0, 1], first)).state();
    const second = new CSVLogger(log, { separator });
    await second.onTrainBegin();
    await second.restore(new SavedState('it', state));
    await run([2], second);
    assert.is(textOf(log), expected, separator);
    const third = new CSVLogger(log, { separator, append: true });
    await third.onTrainBegin();
    await run([2], third);
    const last = expected.slice(expected.lastIndexOf(`\n2${separator}`) + 1);
    assert.is(textOf(log), expected + last, separator);
  }
});

test('a key called epoch is the number of the epoch, in one column', async () => {
  const logger = new CSVLogger(here('epoch.csv'));
  await logger.onTrainBegin();
  await logger.onEpochEnd(4, { loss: 1, val_loss: 2, epoch: 99 });
  assert.is(textOf(here('epoch.csv')), 'epoch,loss,val_loss\r\n4,1,2\r\n');
});

test('a separator that would break rows is refused', async () => {
  for (const separator of ['"', '\n', '\r', ',"']) {
    await rejects(() => new CSVLogger('x.csv', { separator }), ArgumentError, 'separator');
  }
});

test('devices take logs; a full one says so', async () => {
  if (!existsSync('/dev/null') || !existsSync('/dev/full')) return;
  for (const append of [false, true]) {
    for (const Logger of [CSVLogger, JSONLogger]) {
      const logger = new Logger('/dev/null', { append });
      await logger.onTrainBegin();
      for (const epoch of [0, 1]) await logger.onEpochEnd(epoch, { loss: 1 });
      assert.type(logger.state(), 'object');
      await logger.restore(new SavedState('it', { bytes: 30 }));
      await logger.onEpochEnd(2, { loss: 1 });
      await rejects(
        async () => {
          const full = new Logger('/dev/full', { append });
          await full.onTrainBegin();
          await full.onEpochEnd(0, { loss: 1 });
        },
        FileError,
        '/dev/full',
        'no room is left',
      );
    }
  }
});

test.run();
