/** The life of the live page's runs: cut off and gone on with, steered by hand, compared with what would have been. */

import { signal } from '@preact/signals';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Happening, Plan } from '../examples/browser/protocol.ts';
import {
  adopted,
  cutOff,
  generatedName,
  interruptionOf,
  judgeRuns,
  newRun,
  put,
  type Run,
  settingsOf,
  unjudged,
  withChange,
  withEpoch,
  withReadings,
} from '../examples/browser/run.ts';
import { firstPlan } from '../examples/browser/settings.ts';
import { fingerprint, PassingStates, type States } from '../examples/browser/states.ts';
import { nameOf, Store } from '../examples/browser/store.ts';
import { Workbench } from '../examples/browser/workbench.ts';
import { unpackRight } from '../examples/study/right.ts';

const test = suite('kept runs');

const PLAN: Plan = { ...firstPlan(true), images: 70, batchSize: 16, epochs: 3, dropout: 0.3 };
/** Images of a validation. */
const HELD = 30;

/** A few images of CIFAR-10's format, of a grey for each class: validation takes no time. */
function batch(name: string, images: number): File {
  const byte = (i: number): number => {
    const label = Math.floor(i / 3073) % 10;
    return i % 3073 === 0 ? label : 25 * label + ((i * i) % 20);
  };
  return new File([Uint8Array.from({ length: images * 3073 }, (_, i) => byte(i))], name);
}

/** The Worker, of which all pages of this file have a turn: its kernels are compiled once. */
let bench: Workbench | null = null;
let states: States | null = null;
let listener: ((happening: Happening) => void) | null = null;
/** What the Worker said as it began. */
const greeting: Happening[] = [];

/** A page without a browser. */
class Visit {
  readonly store: Store;
  readonly runs = new Map<string, Run>();
  readonly told: Happening[] = [];
  readonly #watchers = new Set<() => void>();

  constructor(readonly states: States) {
    this.store = new Store({
      send: (command) => void bench?.take(command),
      respawn: () => {},
      storage: {
        keep: (run) => void this.runs.set(run.id, run),
        flush: () => {},
        remove: (id) => void this.runs.delete(id),
      },
      states,
      download: () => {},
      dark: signal(false),
    });
    listener = (happening) => {
      this.told.push(happening);
      this.store.take(happening);
      for (const look of this.#watchers) look();
    };
    for (const happening of greeting) this.store.take(happening);
    this.store.plan.value = PLAN;
  }

  /** Waits until something is so. */
  until(is: (runs: readonly Run[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!is(this.store.runs.value)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Until the Worker has kept the run under way. */
  async kept(): Promise<void> {
    const before = this.told.length;
    await this.until(() => this.told.slice(before).some(({ kind }) => kind === 'kept' || kind === 'notKept'));
  }

  /** Until the last run is over, and nothing is kept of any. */
  async over(): Promise<void> {
    await this.until((runs) => runs.every(({ state }) => state === 'done' || state === 'stopped'));
    while ((await this.states.all()).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** What another page finds that is opened now. */
  async left(): Promise<Left> {
    const kept = await Promise.all((await this.states.all()).map(({ run }) => this.states.get(run)));
    return {
      runs: structuredClone([...this.runs.values()]),
      kept: structuredClone(kept.filter((one) => one !== null)),
    };
  }
}

interface Left {
  readonly runs: readonly Run[];
  readonly kept: readonly NonNullable<Awaited<ReturnType<States['get']>>>[];
}

function visit(): Visit {
  if (states === null) throw new Error('there is no Worker');
  return new Visit(states);
}

/** The next page, after one that was left so. */
async function visitAfter({ runs, kept }: Left): Promise<Visit> {
  const next = visit();
  for (const { facts, bytes } of kept) await next.states.put(facts, bytes);
  next.store.adopt(runs.map(put), await next.states.all(), new Set());
  return next;
}

const ended = ([run]: readonly Run[]): boolean => run !== undefined && ['done', 'stopped'].includes(run.state);

test.before(async () => {
  Object.assign(globalThis, { localStorage: { getItem: () => null, setItem: () => {} } });
  states = new PassingStates(true);
  bench = await Workbench.open((happening) => {
    if (listener === null) greeting.push(happening);
    else listener(happening);
  }, states);
  await bench?.take({ kind: 'useFiles', files: [batch('data_batch_1.bin', 80), batch('test_batch.bin', HELD)] });
});

test.after(() => bench?.close());

test('a run that is gone on with ends with the bits of one that nobody cut off: from an epoch’s end, and from within', async () => {
  const whole = visit();
  whole.store.set({ schedule: 'plateau', control: false, epochs: 4 });
  whole.store.start();
  await whole.until(([run]) => run.validation.step.length === 1);
  await whole.kept();
  const between = await whole.left();
  whole.store.pauseOrResume();
  await whole.kept();
  for (const step of [6, 7]) {
    whole.store.step();
    await whole.kept();
    assert.is(whole.store.kept.value.get(whole.store.runs.value[0].id), step);
  }
  const within = await whole.left();
  whole.store.pauseOrResume();
  await whole.over();
  const [straight] = whole.store.runs.value;
  assert.is(straight.state, 'done');
  assert.equal(straight.controls, [], 'none was asked for');
  const steps = [between, within].map(({ kept }) => kept[0].facts.step);
  assert.equal(steps, [5, 7], 'steps of what was kept');

  for (const left of [between, within]) {
    const next = await visitAfter(left);
    const [run] = next.store.runs.value;
    assert.is(run.state, 'interrupted');
    assert.is(next.store.cutOff.value?.id, straight.id);
    assert.ok(next.store.hasDataOf(run));
    next.store.goOn(run);
    await next.over();
    const [goneOn] = next.store.runs.value;
    assert.is(goneOn.state, 'done');
    for (const track of ['epochs', 'validation'] as const) {
      for (const column of ['step', 'epoch', 'loss', 'accuracy', 'learning_rate'] as const) {
        assert.equal(goneOn[track][column], straight[track][column], `${track}.${column}`);
      }
    }
    assert.is(goneOn.right, straight.right);
    const { step } = goneOn.training;
    assert.ok(
      step.every((one, i) => i === 0 || one > step[i - 1]),
      `readings are in order: ${step}`,
    );
  }
});

test('a fall’s control is the run as it would have been without it', async () => {
  const page = visit();
  // Too slow a rate for the validation loss to fall by what the plateau asks for.
  page.store.set({ learningRate: 2e-5, schedule: 'plateau', epochs: 5 });
  page.store.start();
  page.store.set({ schedule: 'constant' });
  page.store.start();
  await page.until((runs) => runs.length === 2 && runs[1].state === 'done');
  const [run, without] = page.store.runs.value;
  const { controls = [], right } = unjudged(run);
  assert.equal(
    controls.map(({ after, learningRate }) => [after, learningRate]),
    [[3, 2e-5]],
  );
  const [{ history, right: controlRight = [], runRight = [] }] = controls;
  const { history: other } = unjudged(without);
  for (const column of ['loss', 'accuracy', 'val_loss', 'val_accuracy', 'learning_rate'] as const) {
    assert.equal(history[column], other[column].slice(3), column);
  }
  assert.is(controlRight.length, 2);
  assert.is(controlRight[1], unjudged(without).right, 'right about the same images in the end');
  assert.is(runRight[1], right);
  assert.not.equal(history.val_loss, unjudged(run).history.val_loss.slice(3), 'the fall changes something');
  const [{ track }] = run.controls;
  assert.equal(track.epoch, [3, 4, 5]);
  assert.is(track.loss[0], run.validation.loss[2]);
  assert.ok(track.seconds[1] > track.seconds[0]);
  // It counts images as the validation does.
  const share = unpackRight(right ?? '', HELD).reduce((sum, one) => sum + one, 0) / HELD;
  assert.ok(Math.abs(share - run.validation.accuracy[4]) < 1e-6, `${share} and ${run.validation.accuracy[4]}`);
});

test('a rate that is moved while a run trains is told, and the run is steered; a stop within an epoch is no epoch', async () => {
  const page = visit();
  page.store.startStudy(['baseline']);
  await page.until(([run]) => run.state === 'training');
  page.store.pauseOrResume();
  await page.until(([run]) => run.state === 'paused');
  const at = page.store.runs.value[0].training.step.at(-1) ?? 0;
  // To and fro, as a slider is moved.
  for (const learningRate of [0.1, 0.002, 0.004]) page.store.set({ learningRate });
  page.store.step();
  await page.until(([run]) => run.training.step.at(-1) === at + 1);
  page.store.set({ learningRate: 0.001 });
  page.store.set({ learningRate: 0.004 });
  page.store.step();
  await page.until(([run]) => run.training.step.at(-1) === at + 2);
  // To where an epoch begins: the stop takes another step.
  const steps = Math.ceil(PLAN.images / 32);
  const last = (): number => page.store.runs.value[0].training.step.at(-1) ?? 0;
  await page.until(([run]) => run.state === 'paused');
  while (last() % steps > 0) {
    const next = last() + 1;
    page.store.step();
    await page.until(() => last() === next);
  }
  await page.kept();
  page.store.stop();
  await page.until(ended);
  const [run] = page.store.runs.value;
  assert.equal(run.changes, [{ step: at, from: 0.001, to: 0.004 }]);
  assert.match(settingsOf(run), `rate 0.001, batch 32 · rate 0.001 → 0.004 by hand at step ${at}`);
  assert.is(unjudged(run).steered, true);
  assert.is(run.state, 'stopped');
  const epoch = Math.floor(last() / steps);
  assert.is(last() % steps, 1);
  assert.is(run.validation.step.length, epoch);
  assert.equal(unjudged(run).history.loss.length, epoch);
  assert.equal(interruptionOf(run), { epoch, batches: 1, of: steps });
  assert.is(run.right, null, 'what it is right about now is not of a whole epoch');
});

test('a run that begins with a file’s weights says so, counts its own steps, and is compared with none', async () => {
  const page = visit();
  page.store.set({ epochs: 1 });
  page.store.start();
  await page.until(ended);
  await bench?.take({ kind: 'save' });
  const saved = page.told.findLast((happening) => happening.kind === 'saved');
  assert.ok(saved !== undefined);
  await bench?.take({ kind: 'load', file: new File([saved.bytes], 'one.safetensors') });
  page.store.start();
  await page.until((runs) => runs.length === 2 && runs[1].state === 'done');
  await bench?.take({ kind: 'load', file: null });
  const [fresh, begun] = page.store.runs.value;
  assert.is(begun.from, 'one.safetensors');
  assert.equal(begun.training.step.at(-1), fresh.training.step.at(-1));
  assert.match(settingsOf(begun), 'begun with one.safetensors');
  assert.not.equal(unjudged(begun).conditions, unjudged(fresh).conditions);
});

const reading = (step: number, accuracy = 0.2) => ({
  step,
  epoch: step / 10,
  seconds: step / 2,
  loss: 2,
  accuracy,
  learningRate: 0.001,
});

const RUN = newRun({ id: 'a', name: 'a', study: null, color: 0, plan: { ...PLAN, epochs: 4 }, data: 'shapes' });

/** A run of `epochs` whole epochs of 10 steps, and some steps of the next. */
const trained = (epochs: number, steps: number, part: Partial<Run> = {}): Run => {
  const whole = Array.from({ length: epochs }, (_, i) => reading(10 * (i + 1), 0.2 + i / 10));
  const run = whole.reduce(
    (one, training) => withEpoch(one, { training, validationLoss: 2, validationAccuracy: training.accuracy }),
    withReadings({ ...RUN, steps: 10, held: HELD }, [...whole, ...(steps > 0 ? [reading(10 * epochs + steps)] : [])]),
  );
  return { ...run, ...part };
};

test('what is cut off says where, and is best of nothing', () => {
  for (const [run, text] of [
    [trained(3, 4, { state: 'interrupted' }), 'interrupted in epoch 4 of 4 (step 34 of 40)'],
    [trained(0, 4, { state: 'stopped' }), 'interrupted in epoch 1 of 4 (step 4 of 40)'],
    // Trained, and not validated.
    [trained(1, 10, { state: 'interrupted' }), 'interrupted in epoch 2 of 4 (step 20 of 40)'],
    [trained(3, 0, { state: 'interrupted' }), 'interrupted after epoch 3 of 4'],
    [{ ...RUN, state: 'interrupted' }, 'interrupted before its first step'],
    [trained(3, 0, { state: 'stopped' }), null],
    [trained(4, 0, { state: 'done' }), null],
    [trained(3, 4, { state: 'training' }), null],
  ] as const) {
    assert.is(cutOff(run), text);
  }
  const [short, long] = [trained(3, 4, { id: 'b', state: 'interrupted' }), trained(4, 0, { state: 'done' })];
  assert.equal(unjudged(short).interrupted, { epoch: 3, batches: 4, of: 10 });
  assert.is(unjudged(short).history.loss.length, 3);
  const { verdicts, best, headline } = judgeRuns([short, long]);
  assert.is(verdicts.size, 2);
  assert.is(best, null, 'there is no other one that had as many epochs');
  assert.not.match(headline ?? '', /is best/);
});

test('changes of the rate between two steps are one, and make a name', () => {
  const change = (run: Run, step: number, from: number, to: number) => withChange(run, { step, from, to });
  const once = change(change(RUN, 5, 0.001, 0.1), 5, 0.1, 0.004);
  assert.equal(once.changes, [{ step: 5, from: 0.001, to: 0.004 }]);
  assert.equal(change(once, 5, 0.004, 0.001).changes, []);
  const twice = change(once, 9, 0.004, 1e-4);
  assert.is(generatedName(PLAN, once.changes), 'rate 0.001→0.004, batch 16, dropout 30 %');
  assert.is(generatedName(PLAN, change(twice, 10, 1e-4, 1).changes), 'rate 0.001→…→1, batch 16, dropout 30 %');
  assert.match(settingsOf(twice), 'by hand at step 9, after 1 more');
});

test('a page begins with what an earlier one kept, whatever that knew', () => {
  const { id, name, study, color, data, plan } = RUN;
  const { control: _, ...older } = plan;
  const old = adopted(JSON.parse(JSON.stringify({ id, name, study, color, data, plan: older, state: 'done' })));
  assert.equal([old.plan.control, old.changes, old.controls, old.from], [true, [], [], null]);
  assert.equal(
    (['queued', 'held', 'training', 'paused', 'control', 'done'] as const).map(
      (state) => put(trained(0, 3, { state })).state,
    ),
    ['held', 'held', 'interrupted', 'interrupted', 'done', 'done'],
  );
  assert.is(put({ ...RUN, state: 'compiling' }).state, 'held', 'it had not begun');
});

test('runs that waited wait until they are asked for, behind the one that goes on', async () => {
  const page = visit();
  const queued: Run = { ...RUN, id: 'q' };
  page.store.adopt([trained(1, 3, { state: 'training' }), queued].map(put), [], new Set(['a']));
  assert.is(page.store.cutOff.value?.id, 'a');
  assert.equal(
    page.store.held.value.map(({ id }) => id),
    ['q'],
  );
  // Nothing is kept of it: there is nothing to go on with.
  page.store.goOn(page.store.runs.value[0]);
  assert.is(page.store.current.value, null);
  assert.not.ok(page.store.hasDataOf(page.store.runs.value[0]));
  page.store.startAnew(page.store.runs.value[0]);
  assert.is(page.store.current.value, null, 'on other images it would be another run');
  page.store.leave(page.store.runs.value[0]);
  assert.is(page.store.cutOff.value, null);
  assert.is(page.store.runs.value[0].state, 'interrupted');
  // On other images they would be other runs.
  page.store.startHeld();
  assert.is(page.store.held.value.length, 1);
  const { data, current } = page.store;
  page.store.runs.value = page.store.runs.value.map((run) => ({ ...run, data: data.value ? nameOf(data.value) : '' }));
  page.store.startHeld();
  assert.is(current.value?.id, 'q');
  page.store.stop();
  await page.until(() => current.value === null);
  page.store.adopt([put({ ...queued, state: 'queued' })], [], new Set());
  page.store.removeHeld();
  assert.equal(page.store.runs.value, []);
});

test('other images, and the same in another order, have another fingerprint', () => {
  const images = new Uint8Array(5000).map((_, i) => i * 7);
  const print = (labels: readonly number[], pixels = images) => fingerprint([{ images: pixels, labels }]);
  assert.is(print([1, 2, 3]), print([1, 2, 3], images.slice()));
  const others = [
    print([1, 2, 3]),
    print([2, 1, 3]),
    print([1, 2]),
    print(
      [1, 2, 3],
      images.map((one) => one + 1),
    ),
  ];
  assert.is(new Set(others).size, others.length);
});

test.run();
