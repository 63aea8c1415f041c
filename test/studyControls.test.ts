/** Controls of the falls of a rate, several seeds and stopped epochs, as the study trains them. */
import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { examplesOf } from '../examples/study/data.ts';
import { makeNetwork } from '../examples/study/network.ts';
import { readFlags } from '../examples/study/options.ts';
import type { RunHistory, UnjudgedRun } from '../examples/study/results.ts';
import { packRight, rightOf, unpackRight } from '../examples/study/right.ts';
import { Screen } from '../examples/study/screen.ts';
import { type Settings, settingsFor } from '../examples/study/settings.ts';
import { trainControls } from '../examples/study/trainControls.ts';
import { trainRun } from '../examples/study/trainRun.ts';
import { Callback, type Device, openDevice, proceduralImages } from '../src/index.ts';

const test = suite('study: controls');
const data = proceduralImages({ train: 161, test: 70 });
/** The first epoch is the best one, so the rate falls after epochs 3, 5 and 7. */
const settings = plateauOf(['--plateau-epochs', '7'], { patience: 2, minDelta: 1e30, cooldown: 0 });

let folder = '';
let device: Device;
let straight: UnjudgedRun;

function plateauOf(flags: string[], rule: Partial<Settings['plateau']>): Settings {
  const one = settingsFor(readFlags(['--runs', 'plateau', '--batch', '48', ...flags]), true);
  return { ...one, plateau: { ...one.plateau, ...rule } };
}

interface Watched {
  readonly lines: string[];
  readonly follow?: readonly Callback[];
  readonly signal?: AbortSignal;
  readonly owed?: (owed: () => number) => void;
}

async function train(backup: string, own: Settings, watched: Watched = { lines: [] }): Promise<UnjudgedRun> {
  const outcome = await trainRun(own.runs[0], {
    device,
    data,
    settings: own,
    signal: watched.signal ?? new AbortController().signal,
    backup: join(folder, backup),
    screen: new Screen({ write: (text) => watched.lines.push(text) }, {}),
    follow: (_, owed) => {
      watched.owed?.(owed);
      return watched.follow ?? [];
    },
  });
  if (outcome === null) throw new Error('no batch was seen');
  return outcome.run;
}

const part = (history: RunHistory, from: number, to: number): RunHistory => ({
  loss: history.loss.slice(from, to),
  accuracy: history.accuracy.slice(from, to),
  val_loss: history.val_loss.slice(from, to),
  val_accuracy: history.val_accuracy.slice(from, to),
  learning_rate: history.learning_rate.slice(from, to),
});

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-controls-'));
  device = await openDevice();
});
test.after(async () => {
  device.close();
  await rm(folder, { recursive: true, force: true });
});

test('a fall of the rate has a control at the old rate, as long as the run can be compared with it', async () => {
  const lines: string[] = [];
  const owed: number[] = [];
  let ask = (): number => 0;
  class Asking extends Callback {
    override get rank(): number {
      return 2;
    }
    override onEpochEnd(): void {
      owed.push(ask());
    }
  }
  straight = await train('straight', settings, {
    lines,
    follow: [new Asking()],
    owed: (one) => {
      ask = one;
    },
  });
  const { history, controls = [] } = straight;
  const falls = history.learning_rate.flatMap((rate, i) => (history.learning_rate[i + 1] < rate ? [i + 1] : []));
  assert.equal(falls, [3, 5]);
  assert.equal(
    controls.map(({ after, learningRate }) => [after, learningRate]),
    falls.map((after) => [after, history.learning_rate[after - 1]]),
  );
  for (const { after, learningRate, history: own, right = [], runRight = [] } of controls) {
    assert.equal(own.learning_rate, [learningRate, learningRate]);
    const shares = (packed: readonly string[]) =>
      packed.map((one) => unpackRight(one, 70).reduce((sum, bit) => sum + bit, 0) / 70);
    for (const [packed, accuracies] of [
      [right, own.val_accuracy],
      [runRight, history.val_accuracy.slice(after, after + 2)],
    ] as const) {
      assert.equal(
        shares(packed).map((share) => share.toFixed(6)),
        accuracies.map((accuracy) => accuracy.toFixed(6)),
      );
    }
  }
  // What the forecast is told: the rate falls behind the third and the fifth epoch, and once more behind the last.
  assert.equal(owed, [0, 0, 2, 2, 4, 4, 4]);
  const told = lines.filter((line) => line.startsWith('control: '));
  assert.equal(told, [
    'control: 2 epochs from the weights after epoch 3 at the old rate, 0.004, to tell what the fall of the rate did\n',
    'control: 2 epochs from the weights after epoch 5 at the old rate, 0.0008, to tell what the fall of the rate did\n',
  ]);
});

test('a control at the new rate is the run itself, bit for bit', async () => {
  const { history, controls = [] } = straight;
  const [train, validation] = [examplesOf(data.train), examplesOf(data.test)];
  const model = makeNetwork({ device, learningRate: 1, seed: 0, clip: false });
  const right = async () => {
    const outputs = await (await model.predict(validation[0], { batchSize: 128 })).data();
    return packRight(rightOf(data.test.labels, outputs, 10));
  };
  const falls = controls.map(({ after, learningRate, runRight = [] }) => ({ after, learningRate, right: runRight }));
  const sizes = { batchSize: 48, validationBatchSize: 128 };
  const context = {
    ...{ model, train, validation, ...sizes, right, signal: new AbortController().signal },
    screen: new Screen({ write: () => {} }, {}),
    fileOf: ({ after }: { readonly after: number }) => join(folder, `straight.after-${after}`),
  };
  const same = await trainControls(falls, context, ({ after }) => history.learning_rate[after]);
  assert.is(same.length, 2);
  for (const { after, history: own, right: seen, runRight } of same) {
    assert.equal(own, part(history, after, after + 2));
    assert.equal(seen, runRight);
  }
  // And at the old one what the study found.
  assert.equal(await trainControls(falls, context), controls);
  model.dispose();
});

test('controls change nothing of the run, and --no-control leaves them out', async () => {
  const without = await train('without', plateauOf(['--plateau-epochs', '7', '--no-control'], settings.plateau));
  assert.equal(without.controls, []);
  assert.equal(without.history, straight.history);
  assert.is(without.right, straight.right);
  assert.equal(
    (await readdir(folder)).filter((name) => name.startsWith('without.after')),
    [],
  );
});

/** Ends a training in an epoch, from 0, after its first batch. */
class Stopping extends Callback {
  readonly controller = new AbortController();
  readonly #epoch: number;

  constructor(epoch: number) {
    super();
    this.#epoch = epoch;
  }

  override onEpochBegin(epoch: number): void {
    if (epoch === this.#epoch) this.controller.abort();
  }
}

test('a run that was stopped behind a fall has the same controls when it was gone on with', async () => {
  for (const [name, epoch] of [
    ['stopped before its control was long enough', 4],
    ['stopped at the last epoch', 6],
  ] as const) {
    const stopping = new Stopping(epoch);
    const stopped = await train(name, settings, {
      lines: [],
      follow: [stopping],
      signal: stopping.controller.signal,
    });
    assert.equal(stopped.controls, []);
    assert.is(stopped.interrupted?.epoch, epoch);
    const resumed = await train(name, settings);
    assert.equal(resumed.history, straight.history);
    assert.equal(resumed.controls, straight.controls);
    assert.is(resumed.interrupted, null);
    assert.is(resumed.right, straight.right);
  }
});

test('a run that was stopped in a control is as it was, and has all controls when it was gone on with', async () => {
  const controller = new AbortController();
  const lines: string[] = [];
  const screen = {
    write: (text: string) => {
      lines.push(text);
      if (text.startsWith('control: ')) controller.abort();
    },
  };
  const context = { device, data, settings, backup: join(folder, 'in control'), follow: () => [] };
  const stopped = await trainRun(settings.runs[0], {
    ...context,
    signal: controller.signal,
    screen: new Screen(screen, {}),
  });
  assert.equal(stopped?.run.history, straight.history);
  assert.equal(stopped?.run.controls, []);
  assert.is(stopped?.run.interrupted, null);
  assert.equal((await train('in control', settings)).controls, straight.controls);
});

test('a control whose weights are gone is told of and left out', async () => {
  const backup = join(folder, 'straight');
  await access(`${backup}.after-3`);
  await rm(`${backup}.after-3`);
  const lines: string[] = [];
  const again = await train('straight', settings, { lines });
  assert.equal(again.controls, straight.controls?.slice(1));
  assert.match(lines.join(''), 'No control of the fall after epoch 3: its weights, ');
});

test('a run that was stopped within an epoch tells how far it came', async () => {
  const stopping = new Stopping(0);
  const run = await train('early', settings, { lines: [], follow: [stopping], signal: stopping.controller.signal });
  assert.equal(run.interrupted, { epoch: 0, batches: 1, of: 4 });
  assert.is(run.history.loss.length, 1);
  // Of the images that were trained on, not of a whole epoch.
  const [seconds] = run.epochSeconds ?? [];
  assert.ok(Math.abs(run.imagesPerSecond - 48 / seconds) < 1e-6);
  assert.is((run.secondsPerEpoch * 48) / 161 > 0, true);
});

test('what the detector found before an interruption it does not report again', async () => {
  const wild = { ...settings, runs: [{ ...settings.runs[0], learningRate: 1e10, epochs: 4, policy: 'warn' as const }] };
  const stopping = new Stopping(1);
  const before: string[] = [];
  const follow = [stopping];
  const stopped = await train('wild', wild, { lines: before, follow, signal: stopping.controller.signal });
  assert.is(before.join('').split('Training diverged').length, 2, before.join(''));
  assert.is(stopped.divergence?.epoch, 0);
  const after: string[] = [];
  const resumed = await train('wild', wild, { lines: after });
  assert.is(resumed.history.loss.length, 4);
  assert.not.match(after.join(''), 'Training diverged');
});

test('another seed draws other weights, another order and another dropout', async () => {
  const [one] = plateauOf(['--plateau-epochs', '1'], {}).runs;
  const own = { ...settings, runs: [one] };
  const context = { device, data, settings: own, follow: () => [], signal: new AbortController().signal };
  const screen = new Screen({ write: () => {} }, {});
  const [first, second] = [
    await trainRun(one, { ...context, screen, backup: join(folder, 'seed 0') }),
    await trainRun(one, { ...context, screen, seed: 1, backup: join(folder, 'seed 1') }),
  ];
  assert.is(first?.run.seed, undefined);
  assert.is(second?.run.seed, 1);
  assert.not.equal(first?.run.history.loss, second?.run.history.loss);
  assert.not.equal(first?.exhibits.filters.before, second?.exhibits.filters.before);
});

test.run();
