/** An epoch that `stopTraining` cuts short: History tells, the bar and charts show it, and nobody judges by it. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  BackupAndRestore,
  Callback,
  Dense,
  EarlyStopping,
  type FitOptions,
  History,
  type Interruption,
  JSONLogger,
  ModelCheckpoint,
  normal,
  ProgressBar,
  ReduceLROnPlateau,
  Sequential,
} from '../src/index.ts';
import { SavedState } from '../src/io/state.ts';
import { plotHistory } from '../src/pictures/index.ts';
import { Interrupt } from './interruption.ts';

const test = suite('interrupted');

const folder = mkdtempSync(join(tmpdir(), 'wgrad-interrupted-'));
const here = (name: string): string => join(folder, name);
test.after(() => rmSync(folder, { recursive: true }));

const x = normal([37, 3], { seed: 1 });
const y = normal([37, 1], { seed: 2 });
/** 37 examples in batches of 4: ten steps, the last one short. */
const OPTIONS: FitOptions = { batchSize: 4, verbose: 0, epochs: 4 };
const VALIDATED: FitOptions = { ...OPTIONS, validationData: [x, y] };

const make = (seed = 3): Sequential =>
  new Sequential([new Dense(1, { inputShape: [3] })], { seed }).compile({ optimizer: 'sgd', loss: 'mse' });
const flat = async (model: Sequential): Promise<number[]> =>
  (await model.getWeights()).flatMap(({ data }) => [...data]);

/** Stops a training in the midst of an epoch, as a Ctrl-C does. */
class Stop extends Callback {
  readonly #at: readonly [epoch: number, batch: number];
  #epoch = 0;
  /** What `onEpochEnd` is told. */
  readonly seen: (Interruption | null)[] = [];
  readonly #before: (epoch: number) => void;

  constructor(epoch: number, batch: number, before: (epoch: number) => void = () => {}) {
    super();
    this.#at = [epoch, batch];
    this.#before = before;
  }
  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
  }
  override onTrainBatchEnd(batch: number): void {
    if (this.#epoch === this.#at[0] && batch === this.#at[1]) this.model.stopTraining = true;
  }
  override onEpochEnd(epoch: number): void {
    this.seen.push(this.interruptionOf(epoch));
    assert.equal(this.model.history?.interrupted?.epoch, this.interruptionOf(epoch)?.epoch);
    this.#before(epoch);
  }
}

test('History tells which epoch was cut short and how far it came, before the hooks of its end', async () => {
  const stop = new Stop(1, 2);
  const own = new History();
  const history = await make().fit(x, y, { ...OPTIONS, callbacks: [stop, own] });
  const cut = { epoch: 1, batches: 3, of: 10 };
  assert.equal(history.interrupted, cut);
  assert.equal(own.interrupted, cut);
  assert.equal(stop.seen, [null, cut]);
  assert.equal(history.epoch, [0, 1]);
  assert.is(history.history.loss.length, 2);
});

test('an epoch that stops with its last batch is whole, and so is all training without stopTraining', async () => {
  for (const stop of [new Stop(1, 9), new Stop(9, 9)]) {
    const history = await make().fit(x, y, { ...OPTIONS, callbacks: [stop] });
    assert.is(history.interrupted, null);
    assert.ok(stop.seen.every((cut) => cut === null));
  }
});

test('a training that goes on within the epoch and ends it is not interrupted; one that goes on behind it still tells', async () => {
  const within = here('within.safetensors');
  const save = new ModelCheckpoint(within, { saveFreq: 12 });
  const first = await make().fit(x, y, { ...OPTIONS, callbacks: [new Stop(1, 1), save] });
  assert.equal(first.interrupted, { epoch: 1, batches: 2, of: 10 });
  const model = make();
  await model.resume(within);
  const second = await model.fit(x, y, {
    ...OPTIONS,
    callbacks: [new ModelCheckpoint(here('other'), { saveFreq: 12 })],
  });
  assert.equal(second.epoch, [0, 1, 2, 3]);
  assert.is(second.interrupted, null);

  const behind = here('behind.safetensors');
  const stopped = make();
  await stopped.fit(x, y, { ...OPTIONS, callbacks: [new Stop(1, 1)] });
  await stopped.save(behind);
  const next = make();
  await next.resume(behind);
  const third = await next.fit(x, y, OPTIONS);
  assert.equal(third.epoch, [0, 1, 2, 3]);
  assert.equal(third.interrupted, { epoch: 1, batches: 2, of: 10 });
});

test('BackupAndRestore repeats the epoch whole: nothing is interrupted any more', async () => {
  const path = here('backup.safetensors');
  const backup = () => new BackupAndRestore(path, { deleteCheckpoint: false });
  await make().fit(x, y, { ...OPTIONS, callbacks: [new Stop(2, 4), backup()] });
  const history = await make().fit(x, y, { ...OPTIONS, callbacks: [backup()] });
  assert.equal(history.epoch, [0, 1, 2, 3]);
  assert.is(history.interrupted, null);
  const whole = await make().fit(x, y, OPTIONS);
  assert.equal(history.history.loss, whole.history.loss);
});

test('a History of an older file has no interruption', () => {
  const history = new History();
  history.interrupted = { epoch: 0, batches: 1, of: 2 };
  history.restore(new SavedState('it', { epoch: [0], history: { loss: [1] }, recoveries: [] }));
  assert.is(history.interrupted, null);
});

test('ReduceLROnPlateau takes no rate from a cut epoch, be its numbers bad or good', async () => {
  for (const monitor of ['loss', 'val_loss']) {
    const plateau = new ReduceLROnPlateau({ monitor, patience: 1, minDelta: 100 });
    const model = make();
    await model.fit(x, y, { ...VALIDATED, callbacks: [new Stop(1, 2), plateau] });
    assert.equal(plateau.drops, []);
    assert.is(model.optimizer.learningRate, 0.01);
    const { best } = plateau;
    const one = new ReduceLROnPlateau({ monitor, patience: 1, minDelta: 100 });
    await make().fit(x, y, { ...VALIDATED, epochs: 1, callbacks: [one] });
    assert.is(best, one.best, 'the best is that of the whole epoch');
  }
});

test('EarlyStopping does not say that it stopped what a cut ended, nor take its training loss for the best', async () => {
  for (const monitor of ['loss', 'val_loss']) {
    const said: string[] = [];
    const print = (line: string) => said.push(line);
    const early = new EarlyStopping({ monitor, minDelta: 100, verbose: 1, print });
    await make().fit(x, y, { ...VALIDATED, callbacks: [new Stop(1, 2), early] });
    assert.is(early.stoppedEpoch, null);
    assert.is(early.bestEpoch, 0);
    assert.equal(said, []);
  }
  // A part of an epoch has a loss of 0: luck, not skill.
  const early = new EarlyStopping({ monitor: 'loss', restoreBestWeights: true, patience: 9 });
  const model = make();
  let after: number[] = [];
  const keep = new Stop(1, 2);
  keep.onEpochEnd = async (epoch: number) => {
    if (epoch === 0) after = await flat(model);
  };
  const lucky = new Stop(9, 9);
  lucky.onEpochEnd = (epoch: number, logs: Record<string, number> = {}) => {
    if (epoch === 1) logs.loss = 0;
  };
  await model.fit(x, y, { ...OPTIONS, callbacks: [keep, lucky, early] });
  assert.is(early.bestEpoch, 0);
  assert.equal(await flat(model), after);
});

test('what the validation of a cut epoch finds better than ever is not lost', async () => {
  const early = new EarlyStopping({ monitor: 'val_loss', restoreBestWeights: true, patience: 9 });
  const path = here('best.safetensors');
  const best = new ModelCheckpoint(path, { saveBestOnly: true });
  const model = make();
  const history = await model.fit(x, y, { ...VALIDATED, callbacks: [new Stop(1, 8), early, best] });
  const [whole, cut] = history.history.val_loss;
  assert.ok(cut < whole, 'nine steps more have helped');
  assert.is(early.bestEpoch, 1);
  assert.is(best.best, cut);
  const saved = await Sequential.load(path);
  assert.equal(await flat(saved), await flat(model));
});

test('ModelCheckpoint keeps its best over the training loss of a cut epoch, yet saves where nothing is saved', async () => {
  const said: string[] = [];
  const print = (line: string) => said.push(line);
  const path = here('{epoch}.safetensors');
  const options = { monitor: 'loss', saveBestOnly: true, verbose: 1, print } as const;
  const best = new ModelCheckpoint(path, options);
  await make().fit(x, y, { ...OPTIONS, callbacks: [new Stop(1, 8), best] });
  assert.is(said.at(-1), 'Epoch 2: loss is of a part of the epoch, the best so far is kept');
  const first = new ModelCheckpoint(here('first-{epoch}.safetensors'), options);
  await make().fit(x, y, { ...OPTIONS, callbacks: [new Stop(0, 8), first] });
  assert.is(first.best, null);
  await Sequential.load(here('first-1.safetensors'));
  // Without saveBestOnly the last state is saved.
  await make().fit(x, y, {
    ...OPTIONS,
    callbacks: [new Stop(1, 8), new ModelCheckpoint(here('all-{epoch}.safetensors'))],
  });
  await Sequential.load(here('all-2.safetensors'));
});

test('JSONLogger tells how far a cut epoch came', async () => {
  const path = here('log.jsonl');
  await make().fit(x, y, { ...OPTIONS, callbacks: [new Stop(1, 2), new JSONLogger(path)] });
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const [whole, cut] = lines.map((line): Record<string, unknown> => JSON.parse(line));
  assert.not('interrupted' in whole);
  assert.equal(cut.interrupted, { batches: 3, of: 10 });
});

test('the bar of a training shows a cut epoch as far as it came', async () => {
  let text = '';
  const stream = { isTTY: true, columns: 200, write: (more: string) => (text += more) };
  const bar = new ProgressBar({ stream });
  // It only looks on, so steps go to the GPU together.
  const stop = new Interrupt(1, 2, () => {
    model.stopTraining = true;
  });
  const model = make();
  const history = await model.fit(x, y, { ...VALIDATED, verbose: 1, callbacks: [stop, bar] });
  const { batches } = history.interrupted ?? { batches: 0 };
  assert.ok(batches >= 3 && batches < 10);
  const last = text.split('\n').at(-2) ?? '';
  assert.match(last, new RegExp(`\\r ${batches}/10 \\[=*>\\.+\\] \\S+ - stopped - \\d`));
  assert.not.match(last, '10/10');
});

test('plotHistory ends in an open circle and says how far the training came', async () => {
  const history = await make().fit(x, y, { ...VALIDATED, callbacks: [new Stop(2, 2)] });
  const { svg } = await plotHistory(history);
  assert.match(svg, '○: an epoch that was cut short.');
  const whole = await make().fit(x, y, VALIDATED);
  const { svg: plain } = await plotHistory(whole);
  assert.not.match(plain, '○');
  const circles = (text: string): number => text.split('fill="white"').length - 1;
  assert.is(circles(svg) - circles(plain), 2, 'of training and of validation');
  const first = await make().fit(x, y, { ...OPTIONS, callbacks: [new Stop(0, 6)] });
  assert.match(
    (await plotHistory({ history: first.history, epoch: first.epoch, interrupted: first.interrupted })).svg,
    'after 7 of 10 steps',
  );
});

test.run();
