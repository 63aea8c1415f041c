/**
 * Every callback in every kind of training. What each must have done is computed beside it in float64, from a model of one
 * weight and from Keras' documented rules; the table's type has a cell for each callback under each condition.
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  BackupAndRestore,
  Callback,
  CSVLogger,
  Dense,
  DivergenceDetector,
  decodeSafetensors,
  EarlyStopping,
  type FitOptions,
  type History,
  JSONLogger,
  LearningRateScheduler,
  type Logs,
  ModelCheckpoint,
  ProgressBar,
  ReduceLROnPlateau,
  Sequential,
  SGD,
  type TensorLike,
  tensor,
} from '../src/index.ts';
import { TensorBoard } from '../src/tensorboard/index.ts';
import { Interrupt, interrupted } from './interruption.ts';

const folder = mkdtempSync(join(tmpdir(), 'wgrad-cross-'));
const test = suite('callbacks: cross');
test.after(() => rmSync(folder, { recursive: true }));

// The data: points near a line through 0, training's steeper than validation's, which therefore gets better and then worse.

const X = [0.9, -1.2, 0.4, 1.1, -0.7, 1.3, -1, 0.6, 1.2, -0.8, 1];
const CLASSES = [1, 0, 1, 2, 0, 1, 0, 1, 2, 1, 1];
const Y = [...CLASSES];
const HELD_X = [1, -0.5, 0.8, -1.1, 1.2];
const HELD_Y = [0.5, -0.2, 0.3, -0.6, 0.6];
const EPOCHS = 10;
const BATCH = 3;
const BATCHES = Math.ceil(X.length / BATCH);
const RATE = 0.06;

/** Weights that a test puts in, and where. */
const SET = [
  { epoch: 2, batch: null, weight: 0.125 },
  { epoch: 5, batch: 1, weight: 0.25 },
] as const;
/** Of the file that is loaded again. */
const [KEPT, LOADED] = [1, 3];
/** The batch at whose end a training is killed, and the epochs of one that ends and is gone on with. */
const KILLED = { epoch: 4, batch: 2 };
const FIRST_EPOCHS = 4;
const SAVE_FREQ = 3;
/** Of checkpoints by batches: across epochs of 4. */
const CHECK_FREQ = 7;
const UPDATE_FREQ = 3;

const CONDITIONS = [
  'sampleWeight',
  'classWeight',
  'validationFreq',
  'validationSplit',
  'saveFreq',
  'killed',
  'ended',
  'initialEpoch',
  'microBatchSize',
  'setWeights',
  'load',
  'together',
] as const;
type ConditionName = (typeof CONDITIONS)[number];

/** A training as the reference takes it. */
interface Course {
  readonly weights: readonly number[];
  readonly heldWeights: readonly number[];
  readonly validationFreq: number;
  readonly initialEpoch: number;
  /** `epochs` of the calls of `fit`, one after the other. */
  readonly calls: readonly number[];
  readonly rules: readonly Rule[];
}

interface Condition {
  readonly fit: FitOptions;
  readonly course: Course;
  /** Callbacks that make the condition. */
  readonly callbacks: (model: Sequential) => Callback[];
  readonly interruption: 'none' | 'killed' | 'ended';
  readonly backup: 'epoch' | number;
  /** The first batch that the program trains that goes on; null where none does. */
  readonly goesOnAt: { readonly epoch: number; readonly batch: number } | null;
}

const ones = (count: number): number[] => new Array<number>(count).fill(1);
const column = (values: readonly number[]): TensorLike => tensor(Float32Array.from(values), [values.length, 1]);

const WEIGHTS = [2, 0.5, 0, 3, 0.25, 1, 0, 2, 2.5, 0.75, 1.25];
const HELD_WEIGHTS = [1, 0, 2, 0.5, 1];
const CLASS_WEIGHT: Readonly<Record<number, number>> = { 0: 0.5, 1: 1.75 };

class SetWeights extends Callback {
  #epoch = 0;
  async #set(now: number | null): Promise<void> {
    const due = SET.find(({ epoch, batch }) => epoch === this.#epoch && batch === now);
    if (due === undefined) return;
    const [weight] = await this.model.getWeights();
    await this.model.setWeights([{ ...weight, data: Float32Array.of(due.weight) }]);
  }
  override onEpochBegin(epoch: number): Promise<void> {
    this.#epoch = epoch;
    return this.#set(null);
  }
  override onTrainBatchEnd(batch: number): Promise<void> {
    return this.#set(batch);
  }
}

class Load extends Callback {
  readonly #whole: Sequential;
  #bytes: Uint8Array = new Uint8Array();
  constructor(whole: Sequential) {
    super();
    this.#whole = whole;
  }
  override async onEpochEnd(epoch: number): Promise<void> {
    if (epoch === KEPT) this.#bytes = await this.#whole.toSafetensors();
    if (epoch === LOADED) await this.#whole.fromSafetensors(this.#bytes);
  }
}

function loading(): Rule {
  // Steps go on counting: training is the same one.
  let kept = { weight: 0, rate: 0 };
  return {
    end(state, epoch) {
      if (epoch === KEPT) kept = { weight: state.weight, rate: state.rate };
      if (epoch === LOADED) Object.assign(state, kept);
    },
  };
}

const setting = (): Rule => {
  const set = (state: State, epoch: number, batch: number | null): void => {
    const due = SET.find((one) => one.epoch === epoch && one.batch === batch);
    if (due !== undefined) state.weight = due.weight;
  };
  return { begin: (state, epoch) => set(state, epoch, null), batchEnd: set };
};

function condition(name: ConditionName): Condition {
  const course: Course = {
    weights: ones(X.length),
    heldWeights: ones(HELD_X.length),
    validationFreq: 1,
    initialEpoch: 0,
    calls: [EPOCHS],
    rules: [],
  };
  const plain: Condition = {
    fit: { validationData: [column(HELD_X), column(HELD_Y)] },
    course,
    callbacks: () => [],
    interruption: 'none',
    backup: 'epoch',
    goesOnAt: null,
  };
  const also = (fit: FitOptions, changed: Partial<Course> = {}): Condition => ({
    ...plain,
    fit: { ...plain.fit, ...fit },
    course: { ...course, ...changed },
  });
  switch (name) {
    case 'sampleWeight':
      return also(
        { sampleWeight: WEIGHTS, validationData: [column(HELD_X), column(HELD_Y), HELD_WEIGHTS] },
        { weights: WEIGHTS, heldWeights: HELD_WEIGHTS },
      );
    case 'classWeight':
      return also({ classWeight: CLASS_WEIGHT }, { weights: CLASSES.map((id) => CLASS_WEIGHT[id] ?? 1) });
    case 'validationFreq':
      return also({ validationFreq: 2 }, { validationFreq: 2 });
    case 'validationSplit':
      // The last 5 of 16: 4.8, rounded up.
      return also({ validationData: undefined, validationSplit: 0.3 });
    case 'saveFreq':
      // The 18th step is the second of epoch 4.
      return { ...plain, interruption: 'killed', backup: SAVE_FREQ, goesOnAt: { epoch: 4, batch: 2 } };
    case 'killed':
      return { ...plain, interruption: 'killed', goesOnAt: { epoch: 4, batch: 0 } };
    case 'ended':
      return {
        ...also({}, { calls: [FIRST_EPOCHS, EPOCHS] }),
        interruption: 'ended',
        goesOnAt: { epoch: FIRST_EPOCHS, batch: 0 },
      };
    case 'initialEpoch':
      return also({ initialEpoch: 2 }, { initialEpoch: 2 });
    case 'microBatchSize':
      return also({ microBatchSize: 2 });
    case 'setWeights':
      return { ...also({}, { rules: [setting()] }), callbacks: () => [new SetWeights()] };
    case 'load':
      return { ...also({}, { rules: [loading()] }), callbacks: (model) => [new Load(model)] };
    case 'together': {
      const together = {
        sampleWeight: [...WEIGHTS, ...HELD_WEIGHTS],
        classWeight: CLASS_WEIGHT,
        validationData: undefined,
        validationSplit: 0.3,
        validationFreq: 2,
        initialEpoch: 1,
        microBatchSize: 2,
      };
      return {
        ...also(together, {
          weights: WEIGHTS.map((weight, i) => weight * (CLASS_WEIGHT[CLASSES[i]] ?? 1)),
          heldWeights: HELD_WEIGHTS,
          validationFreq: 2,
          initialEpoch: 1,
        }),
        interruption: 'killed',
        backup: SAVE_FREQ,
        // The 12th step is the last of epoch 3, which is validated after it.
        goesOnAt: { epoch: 3, batch: BATCHES },
      };
    }
  }
}

// The reference

interface State {
  weight: number;
  rate: number;
  /** Steps taken so far. */
  step: number;
  stopped: boolean;
}

/** A callback's effect on training. */
interface Rule {
  begin?(state: State, epoch: number): void;
  batchEnd?(state: State, epoch: number, batch: number): void;
  end?(state: State, epoch: number, logs: Logs): void;
  trainEnd?(state: State): void;
}

interface Batch {
  /** Means over the epoch so far. */
  readonly mean: Logs;
  /** Sums of this batch alone. */
  readonly sums: Logs;
  readonly examples: number;
  /** After the step. */
  readonly weight: number;
}

interface Epoch {
  readonly epoch: number;
  readonly logs: Logs;
  readonly batches: readonly Batch[];
  /** Steps taken when it was validated. */
  readonly step: number;
  /** After all rules. */
  readonly weight: number;
}

interface Trace {
  readonly epochs: readonly Epoch[];
  readonly final: State;
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

function measure(
  weight: number,
  x: readonly number[],
  y: readonly number[],
  weights: readonly number[],
): { loss: number; mae: number; slope: number } {
  const errors = x.map((value, i) => weight * value - y[i]);
  return {
    loss: total(errors.map((error, i) => weights[i] * error ** 2)),
    mae: total(errors.map(Math.abs)),
    slope: total(errors.map((error, i) => 2 * weights[i] * error * x[i])),
  };
}

function simulate(course: Course, own: readonly Rule[]): Trace {
  const { weights, heldWeights, validationFreq, initialEpoch, calls } = course;
  const rules = [...course.rules, ...own];
  const state: State = { weight: 0, rate: RATE, step: 0, stopped: false };
  const epochs: Epoch[] = [];
  let epoch = initialEpoch;
  for (const end of calls) {
    for (; epoch < end && !state.stopped; epoch++) {
      for (const rule of rules) rule.begin?.(state, epoch);
      const { rate } = state;
      const batches: Batch[] = [];
      let [loss, mae, seen] = [0, 0, 0];
      for (let batch = 0; batch < BATCHES; batch++) {
        const [from, to] = [batch * BATCH, Math.min((batch + 1) * BATCH, X.length)];
        const [x, y, s] = [X, Y, weights].map((values) => values.slice(from, to));
        const found = measure(state.weight, x, y, s);
        [loss, mae, seen] = [loss + found.loss, mae + found.mae, to];
        state.weight -= (state.rate * found.slope) / x.length;
        state.step++;
        for (const rule of rules) rule.batchEnd?.(state, epoch, batch);
        batches.push({
          mean: { loss: loss / seen, mae: mae / seen },
          sums: { loss: found.loss, mae: found.mae },
          examples: x.length,
          weight: state.weight,
        });
      }
      const logs: Logs = { loss: loss / seen, mae: mae / seen };
      if ((epoch + 1) % validationFreq === 0) {
        const held = measure(state.weight, HELD_X, HELD_Y, heldWeights);
        [logs.val_loss, logs.val_mae] = [held.loss / HELD_X.length, held.mae / HELD_X.length];
      }
      logs.learning_rate = rate;
      const { step } = state;
      for (const rule of rules) rule.end?.(state, epoch, logs);
      epochs.push({ epoch, logs, batches, step, weight: state.weight });
    }
    for (const rule of rules) rule.trainEnd?.(state);
  }
  return { epochs, final: state };
}

// Keras' rules, as documented

const PLATEAU = { factor: 0.5, patience: 1, cooldown: 1, minDelta: 1e-4, minLr: 0.01 };

function plateauRule(): Rule & { readonly drops: number[] } {
  let [best, wait, cooling] = [Number.POSITIVE_INFINITY, 0, 0];
  const drops: number[] = [];
  return {
    drops,
    end(state, epoch, { val_loss: value }) {
      if (value === undefined) return;
      if (cooling > 0) [cooling, wait] = [cooling - 1, 0];
      if (value < best - PLATEAU.minDelta) [best, wait] = [value, 0];
      else if (cooling === 0 && ++wait >= PLATEAU.patience && state.rate > PLATEAU.minLr) {
        state.rate = Math.max(state.rate * PLATEAU.factor, PLATEAU.minLr);
        [cooling, wait] = [PLATEAU.cooldown, 0];
        drops.push(epoch);
      }
    },
  };
}

const PATIENCE = 2;

function stoppingRule(): Rule & { readonly found: { bestEpoch: number; stoppedEpoch: number | null } } {
  let [best, wait, weight] = [Number.POSITIVE_INFINITY, 0, 0];
  const found: { bestEpoch: number; stoppedEpoch: number | null } = { bestEpoch: -1, stoppedEpoch: null };
  return {
    found,
    end(state, epoch, { val_loss: value }) {
      if (value === undefined) return;
      wait++;
      if (value < best) {
        [best, wait, weight] = [value, 0, state.weight];
        found.bestEpoch = epoch;
      } else if (wait >= PATIENCE) {
        found.stoppedEpoch = epoch;
        state.stopped = true;
      }
    },
    trainEnd(state) {
      state.weight = weight;
    },
  };
}

const DECAY = 0.95;
const decaying = (): Rule => ({
  begin: (state) => {
    state.rate *= DECAY;
  },
});

/** The epoch whose weights the best file has. */
function bestOf({ epochs }: Trace): Epoch {
  let [best, kept] = [Number.POSITIVE_INFINITY, epochs[0]];
  for (const one of epochs) {
    const { val_loss: value } = one.logs;
    if (value === undefined ? best === Number.POSITIVE_INFINITY : value < best) kept = one;
    best = Math.min(best, value ?? best);
  }
  return kept;
}

// Trainings

const compiled = (): Sequential =>
  new Sequential([new Dense(1, { inputShape: [1], useBias: false, kernelInitializer: 'zeros' })]).compile({
    optimizer: new SGD({ learningRate: RATE }),
    loss: 'mse',
    metrics: ['mae'],
  });

interface Outcome<T> {
  readonly history: History;
  readonly weight: number;
  /** What the programs used, one after the other: the second goes on where the first was interrupted. */
  readonly parts: readonly T[];
}

/** Trains under a condition. `make` gives what a program watches with, and the callbacks of it. */
async function run<T>(
  name: string,
  given: Condition,
  make: () => T & { readonly callbacks: readonly Callback[] },
  backup?: BackupAndRestore,
): Promise<Outcome<T>> {
  const split = given.fit.validationSplit !== undefined;
  const [x, y] = split
    ? [
        [...X, ...HELD_X],
        [...Y, ...HELD_Y],
      ]
    : [X, Y];
  const path = join(folder, `${name}.safetensors`);
  const parts: T[] = [];
  const fit = (model: Sequential, epochs: number, ...more: Callback[]): Promise<History> => {
    const part = make();
    parts.push(part);
    const callbacks = [...given.callbacks(model), ...part.callbacks, ...more];
    const options = { batchSize: BATCH, shuffle: false, verbose: 0, ...given.fit, epochs, callbacks } as const;
    return model.fit(column(x), column(y), options);
  };
  const saver = (): Callback[] => [backup ?? new BackupAndRestore(path, { saveFreq: given.backup })];
  let model = compiled();
  let history: History;
  if (given.interruption === 'killed') {
    await interrupted(fit(model, EPOCHS, ...saver(), new Interrupt(KILLED.epoch, KILLED.batch)));
    model.dispose();
    model = compiled();
    history = await fit(model, EPOCHS, ...saver());
    if (backup === undefined) assert.not.ok(existsSync(path));
  } else if (given.interruption === 'ended') {
    const more = backup === undefined ? [] : [backup];
    await fit(model, FIRST_EPOCHS, ...more);
    if (backup === undefined) await model.save(path);
    model.dispose();
    model = compiled();
    if (backup === undefined) assert.ok(await model.resume(path));
    history = await fit(model, EPOCHS, ...more);
  } else history = await fit(model, EPOCHS, ...(backup === undefined ? [] : [backup]));
  const [{ data }] = await model.getWeights();
  model.dispose();
  return { history, weight: data[0], parts };
}

function close(actual: number | undefined, expected: number | undefined, what: string): void {
  const fits =
    actual === expected ||
    (actual !== undefined &&
      expected !== undefined &&
      Math.abs(actual - expected) <= 2e-5 * Math.max(0.1, Math.abs(expected)));
  if (!fits) assert.unreachable(`${what}: ${actual}, expected ${expected}`);
}

function closeLogs(actual: Logs, expected: Logs, what: string): void {
  assert.equal(Object.keys(actual).sort(), Object.keys(expected).sort(), what);
  for (const [key, value] of Object.entries(expected)) close(actual[key], value, `${what}: ${key}`);
}

function closeHistory({ epoch, history }: History, { epochs }: Trace): void {
  assert.equal(
    epoch,
    epochs.map((one) => one.epoch),
  );
  for (const key of ['loss', 'mae', 'val_loss', 'val_mae', 'learning_rate']) {
    const expected = epochs.flatMap(({ logs }) => (logs[key] === undefined ? [] : [logs[key]]));
    assert.is(history[key].length, expected.length, key);
    for (const [at, value] of expected.entries()) close(history[key][at], value, `${key} ${at}`);
  }
}

const weightIn = (path: string): number => {
  const found = decodeSafetensors(readFileSync(path)).tensors.get('dense/kernel');
  assert.ok(found !== undefined, path);
  return found.data[0];
};

/** Records what every hook was told. */
class Own extends Callback {
  readonly told: string[] = [];
  readonly batches: Logs[] = [];
  readonly tests: Logs[] = [];
  readonly ends: Logs[] = [];
  #epoch = -1;
  override get everyMetrics(): boolean {
    return true;
  }
  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
    this.told.push(`begin ${epoch}`);
  }
  override onTrainBatchBegin(batch: number): void {
    this.told.push(`batch ${this.#epoch} ${batch}`);
  }
  override onTrainBatchEnd(_: number, logs: Logs): void {
    this.batches.push({ ...logs });
  }
  override onTestBegin(): void {
    this.told.push(`test ${this.#epoch}`);
  }
  override onTestEnd(logs: Logs): void {
    this.tests.push({ ...logs });
  }
  override onEpochEnd(epoch: number, logs: Logs): void {
    this.told.push(`end ${epoch}`);
    this.ends.push({ ...logs });
  }
}

/** A second a batch. */
class Clock extends Callback {
  time = 0;
  override onTrainBatchEnd(): void {
    this.time += 1000;
  }
}

/** All that only look on, or set the same rates in any case, in one training. */
async function watch(name: ConditionName) {
  const given = condition(name);
  const at = (file: string): string => join(folder, name, file);
  const outcome = await run(`${name} watched`, given, () => {
    const own = new Own();
    const detector = new DivergenceDetector({ print: () => {} });
    const clock = new Clock();
    const lines: string[] = [];
    // Without the notice of kernels that compile, which comes on a slow machine.
    const quiet = { now: () => clock.time, every: () => () => {} };
    const bar = new ProgressBar({ verbose: 2, print: (line) => lines.push(line), ...quiet });
    const callbacks = [
      clock,
      new ModelCheckpoint(at('each/{epoch:02d}')),
      new ModelCheckpoint(at('best'), { saveBestOnly: true, print: assert.unreachable }),
      new ModelCheckpoint(at('steps/{epoch:02d}-{batch}'), { saveFreq: CHECK_FREQ }),
      new ModelCheckpoint(at('lowest'), { saveFreq: CHECK_FREQ, saveBestOnly: true, monitor: 'loss' }),
      new LearningRateScheduler((_, rate) => rate * DECAY),
      new CSVLogger(at('log.csv')),
      new JSONLogger(at('log.jsonl')),
      new TensorBoard(at('board'), { updateFreq: UPDATE_FREQ }),
      bar,
      own,
      detector,
    ];
    return { own, detector, lines, callbacks };
  });
  return { ...outcome, given, at, trace: simulate(given.course, [decaying()]) };
}
type Watched = Awaited<ReturnType<typeof watch>>;
const watched = new Map<ConditionName, Promise<Watched>>();
function watching(name: ConditionName): Promise<Watched> {
  const known = watched.get(name) ?? watch(name);
  watched.set(name, known);
  return known;
}

/** What an event file holds: numbers by tag and step. */
function pointsIn(board: string): Map<string, number[]> {
  const points = new Map<string, number[]>();
  for (const file of readdirSync(board).sort()) {
    const bytes = readFileSync(join(board, file));
    for (let at = 0; at < bytes.length; ) {
      const length = Number(bytes.readBigUInt64LE(at));
      const event = fieldsOf(bytes.subarray(at + 12, at + 12 + length));
      const [step = 0] = event.get(2) ?? [];
      for (const summary of event.get(5) ?? []) {
        if (typeof summary === 'number') continue;
        for (const value of fieldsOf(summary).get(1) ?? []) {
          if (typeof value === 'number') continue;
          const [tag] = fieldsOf(value).get(1) ?? [];
          const [number] = fieldsOf(value).get(2) ?? [];
          if (typeof tag === 'number' || typeof number === 'number') continue;
          const key = `${tag.toString()} ${step}`;
          points.set(key, [...(points.get(key) ?? []), number.readFloatLE()]);
        }
      }
      at += length + 16;
    }
  }
  return points;
}

/** Fields of a protocol buffer: varints as numbers, others as their bytes. */
function fieldsOf(bytes: Buffer): Map<number, (number | Buffer)[]> {
  const fields = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const wire = key % 8;
    const size = wire === 0 ? 0 : wire === 1 ? 8 : wire === 5 ? 4 : varint();
    const value = wire === 0 ? varint() : bytes.subarray(at, at + size);
    at += size;
    fields.set(Math.floor(key / 8), [...(fields.get(Math.floor(key / 8)) ?? []), value]);
  }
  return fields;
}

/** The epochs that the last program trained, and the first batch of each. */
function lastPart({ given, trace }: Watched): { readonly one: Epoch; readonly first: number }[] {
  const { goesOnAt } = given;
  return trace.epochs
    .filter(({ epoch }) => goesOnAt === null || epoch >= goesOnAt.epoch)
    .map((one) => ({ one, first: one.epoch === goesOnAt?.epoch ? goesOnAt.batch : 0 }));
}

// The table

type Cell = (name: ConditionName) => Promise<void>;

const everywhere = (cell: Cell): Record<ConditionName, Cell> => ({
  sampleWeight: cell,
  classWeight: cell,
  validationFreq: cell,
  validationSplit: cell,
  saveFreq: cell,
  killed: cell,
  ended: cell,
  initialEpoch: cell,
  microBatchSize: cell,
  setWeights: cell,
  load: cell,
  together: cell,
});

const plateau: Cell = async (name) => {
  const given = condition(name);
  const rule = plateauRule();
  const trace = simulate(given.course, [rule]);
  const { history, weight, parts } = await run(`${name} plateau`, given, () => {
    const callback = new ReduceLROnPlateau({ ...PLATEAU, print: assert.unreachable });
    return { callback, callbacks: [callback] };
  });
  closeHistory(history, trace);
  close(weight, trace.final.weight, 'weight');
  const drops = parts.at(-1)?.callback.drops ?? [];
  assert.equal(
    drops.map(({ epoch }) => epoch),
    rule.drops,
  );
  assert.ok(rule.drops.length > 0, 'this training has no plateau');
};

const stopping: Cell = async (name) => {
  const given = condition(name);
  const rule = stoppingRule();
  const trace = simulate(given.course, [rule]);
  const { history, weight, parts } = await run(`${name} stopping`, given, () => {
    const callback = new EarlyStopping({ patience: PATIENCE, restoreBestWeights: true, print: assert.unreachable });
    return { callback, callbacks: [callback] };
  });
  closeHistory(history, trace);
  close(weight, trace.final.weight, 'weight');
  const { bestEpoch, stoppedEpoch } = parts.at(-1)?.callback ?? {};
  assert.equal({ bestEpoch, stoppedEpoch }, rule.found);
  assert.ok(rule.found.stoppedEpoch !== null, 'this training is not stopped');
};

const checkpoint: Cell = async (name) => {
  const { at, trace } = await watching(name);
  const { epochs } = trace;
  const numbered = (epoch: number): string => String(epoch + 1).padStart(2, '0');
  assert.equal(
    readdirSync(at('each')).sort(),
    epochs.map(({ epoch }) => numbered(epoch)),
  );
  for (const { epoch, weight } of epochs) close(weightIn(at(`each/${numbered(epoch)}`)), weight, `epoch ${epoch}`);
  const best = bestOf(trace);
  assert.ok(best.epoch < EPOCHS - 1, 'this training is best at its end');
  close(weightIn(at('best')), best.weight, 'best');
  const steps = epochs.flatMap(({ epoch, batches }) => batches.map((one, batch) => ({ epoch, batch, ...one })));
  const saved = steps.filter((_, step) => (step + 1) % CHECK_FREQ === 0);
  assert.equal(
    readdirSync(at('steps')).sort(),
    saved.map(({ epoch, batch }) => `${numbered(epoch)}-${batch + 1}`),
  );
  for (const { epoch, batch, weight } of saved) {
    close(weightIn(at(`steps/${numbered(epoch)}-${batch + 1}`)), weight, `epoch ${epoch}, batch ${batch}`);
  }
  const lowest = saved.reduce((low, one) => (one.mean.loss < low.mean.loss ? one : low));
  close(weightIn(at('lowest')), lowest.weight, 'the lowest loss so far of an epoch');
};

const rates: Cell = async (name) => {
  const { history, trace } = await watching(name);
  for (const [at, { logs }] of trace.epochs.entries()) {
    close(history.history.learning_rate[at], logs.learning_rate, `epoch ${at}`);
  }
};

const recorded: Cell = async (name) => {
  const { history, trace, weight } = await watching(name);
  closeHistory(history, trace);
  close(weight, trace.final.weight, 'weight');
};

/** Rows of a log against the reference and, to the last digit, against History. */
function checkRows(rows: readonly Logs[], { trace, history }: Watched): void {
  assert.is(rows.length, trace.epochs.length);
  const seen = new Map<string, number>();
  for (const [at, { epoch, ...logs }] of rows.entries()) {
    assert.is(epoch, trace.epochs[at].epoch);
    closeLogs(logs, trace.epochs[at].logs, `epoch ${epoch}`);
    for (const [key, value] of Object.entries(logs)) {
      const index = seen.get(key) ?? 0;
      assert.is(value, history.history[key][index], `${key} of epoch ${epoch}`);
      seen.set(key, index + 1);
    }
  }
}

const csv: Cell = async (name) => {
  const found = await watching(name);
  const [header, ...lines] = readFileSync(found.at('log.csv'), 'utf8').trimEnd().split('\r\n');
  assert.is(header, 'epoch,learning_rate,loss,mae,val_loss,val_mae');
  const keys = header.split(',');
  const rows = lines.map((line) =>
    Object.fromEntries(
      line.split(',').flatMap((text, at) => (text === 'NA' ? [] : [[keys[at], Number(text)] as const])),
    ),
  );
  checkRows(rows, found);
};

const json: Cell = async (name) => {
  const found = await watching(name);
  const rows: Logs[] = readFileSync(found.at('log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  checkRows(rows, found);
};

const board: Cell = async (name) => {
  const { at, trace } = await watching(name);
  const expected = { train: new Map<string, number[]>(), validation: new Map<string, number[]>() };
  const expect = (part: keyof typeof expected, key: string, value: number): void => {
    expected[part].set(key, [...(expected[part].get(key) ?? []), value]);
  };
  let waiting: Batch[] = [];
  for (const { epoch, logs, batches, step } of trace.epochs) {
    for (const [key, value] of Object.entries(logs)) {
      if (!key.startsWith('val_')) expect('train', `epoch_${key} ${epoch}`, value);
      else {
        expect('validation', `epoch_${key.slice(4)} ${epoch}`, value);
        expect('validation', `evaluation_${key.slice(4)}_vs_iterations ${step}`, value);
      }
    }
    for (const [at, batch] of batches.entries()) {
      waiting.push(batch);
      if (waiting.length < UPDATE_FREQ) continue;
      const examples = total(waiting.map((one) => one.examples));
      for (const key of ['loss', 'mae']) {
        expect(
          'train',
          `batch_${key} ${step - BATCHES + at + 1}`,
          total(waiting.map(({ sums }) => sums[key])) / examples,
        );
      }
      waiting = [];
    }
  }
  for (const part of ['train', 'validation'] as const) {
    const points = pointsIn(at(`board/${part}`));
    assert.equal([...points.keys()].sort(), [...expected[part].keys()].sort());
    for (const [key, values] of expected[part]) {
      assert.is(points.get(key)?.length, values.length, key);
      for (const [at, value] of values.entries()) close(points.get(key)?.[at], value, key);
    }
  }
};

const bar: Cell = async (name) => {
  const found = await watching(name);
  const lines = found.parts.at(-1)?.lines ?? [];
  const epochs = lastPart(found);
  assert.is(lines.length, epochs.length);
  for (const [at, { one, first }] of epochs.entries()) {
    const facts = lines[at].split(' - ');
    const metrics = facts.filter((fact) => fact.includes(': '));
    const left = BATCHES - first;
    // A second a batch, of 11 examples in 4. Where no batch was left, nothing is known of their speed.
    assert.equal(facts.slice(0, facts.length - metrics.length), [
      `Epoch ${one.epoch + 1}/${EPOCHS}`,
      ...(left > 0 ? [`${left}.0s`, '2.75 samples/s'] : ['0.00s']),
    ]);
    const shown = Object.fromEntries(metrics.map((text) => text.split(': ')));
    assert.equal(Object.keys(shown).sort(), Object.keys(one.logs).sort());
    for (const [key, value] of Object.entries(one.logs)) {
      assert.ok(Math.abs(Number(shown[key]) - value) < 1e-4, `${key}: ${shown[key]}, expected ${value}`);
    }
  }
};

const backup: Cell = async (name) => {
  const given = condition(name);
  const trace = simulate(given.course, []);
  const path = join(folder, `${name} kept.safetensors`);
  const own = new BackupAndRestore(path, { saveFreq: given.backup, deleteCheckpoint: false });
  const { history, weight } = await run(`${name} kept`, given, () => ({ callbacks: [] }), own);
  closeHistory(history, trace);
  close(weight, trace.final.weight, 'weight');
  // By batches the newest save is that of the last third step.
  const batches = trace.epochs.flatMap((one) => one.batches);
  const last =
    given.backup === 'epoch' ? trace.final.weight : batches[batches.length - 1 - (batches.length % SAVE_FREQ)].weight;
  close(weightIn(path), last, 'the file');
};

const diverged: Cell = async (name) => {
  const { parts, trace } = await watching(name);
  for (const { detector } of parts) assert.equal(detector.divergences, []);
  const given = condition(name);
  const BAD = 6;
  class Poison extends Callback {
    override async onEpochBegin(epoch: number): Promise<void> {
      if (epoch !== BAD) return;
      const [weight] = await this.model.getWeights();
      await this.model.setWeights([{ ...weight, data: Float32Array.of(3e38) }]);
    }
  }
  const spoilt = await run(`${name} spoilt`, given, () => {
    const detector = new DivergenceDetector({ print: () => {} });
    return { detector, callbacks: [new Poison(), detector] };
  });
  const [found, ...others] = spoilt.parts.at(-1)?.detector.divergences ?? [];
  const step = (trace.epochs.find(({ epoch }) => epoch === BAD)?.step ?? 0) - BATCHES;
  assert.equal([found?.kind, found?.epoch, found?.step, others.length], ['non-finite', BAD, step, 0]);
  assert.is(spoilt.history.epoch.at(-1), BAD);
  assert.is(spoilt.weight, Math.fround(3e38));
};

const told: Cell = async (name) => {
  const found = await watching(name);
  const { parts, given } = found;
  const own = parts.at(-1)?.own ?? new Own();
  const epochs = lastPart(found);
  const isValidated = (epoch: number): boolean => (epoch + 1) % given.course.validationFreq === 0;
  assert.equal(
    own.told,
    epochs.flatMap(({ one: { epoch, batches }, first }) => [
      `begin ${epoch}`,
      ...batches.map((_, batch) => `batch ${epoch} ${batch}`).slice(first),
      ...(isValidated(epoch) ? [`test ${epoch}`] : []),
      `end ${epoch}`,
    ]),
  );
  const batches = epochs.flatMap(({ one, first }) => one.batches.slice(first));
  assert.is(own.batches.length, batches.length);
  for (const [at, { mean }] of batches.entries()) closeLogs(own.batches[at], mean, `batch ${at}`);
  for (const [at, { one }] of epochs.entries()) closeLogs(own.ends[at], one.logs, `epoch ${one.epoch}`);
  const held = epochs.map(({ one: { logs } }) => logs).filter(({ val_loss }) => val_loss !== undefined);
  assert.is(own.tests.length, held.length);
  for (const [at, { val_loss, val_mae }] of held.entries()) {
    closeLogs(own.tests[at], { loss: val_loss, mae: val_mae }, `validation ${at}`);
  }
};

type CallbackName =
  | 'ReduceLROnPlateau'
  | 'EarlyStopping'
  | 'ModelCheckpoint'
  | 'LearningRateScheduler'
  | 'CSVLogger'
  | 'JSONLogger'
  | 'TensorBoard'
  | 'ProgressBar'
  | 'History'
  | 'BackupAndRestore'
  | 'DivergenceDetector'
  | 'a callback of one’s own';

const table: Record<CallbackName, Record<ConditionName, Cell>> = {
  ReduceLROnPlateau: everywhere(plateau),
  EarlyStopping: everywhere(stopping),
  ModelCheckpoint: everywhere(checkpoint),
  LearningRateScheduler: everywhere(rates),
  CSVLogger: everywhere(csv),
  JSONLogger: everywhere(json),
  TensorBoard: everywhere(board),
  ProgressBar: everywhere(bar),
  History: everywhere(recorded),
  BackupAndRestore: everywhere(backup),
  DivergenceDetector: everywhere(diverged),
  'a callback of one’s own': everywhere(told),
};

for (const [callback, cells] of Object.entries(table)) {
  for (const name of CONDITIONS) test(`${callback}, ${name}`, () => cells[name](name));
}

test.run();
