/** The training loop: epochs, steps, metrics, validation and callbacks, over examples that lie on the GPU. */

import { foldIn, permutation } from '../../base/random.ts';
import type { Logs } from '../../callbacks/callback.ts';
import type { CallbackList } from '../../callbacks/callbackList.ts';
import type { NonFinite } from '../../callbacks/divergence/nonFinite.ts';
import { nonFiniteFrom, stateOfNonFinite } from '../../callbacks/divergence/nonFiniteState.ts';
import type { SavedState, State } from '../../io/state.ts';
import { type Compiled, metricNames } from '../../network/compiled.ts';
import type { ParameterBlock } from '../../network/parameters.ts';
import type { StepParts } from '../../network/step.ts';
import type { StepDraft, StepValues } from '../../runtime/step.ts';
import { type Examples, Order } from '../data/gpuDataset.ts';
import { EpochPass, type ProgressParts, seedOfPart } from './epochPass.ts';
import { blankStep, iota, NO_CALLBACKS } from './evaluator.ts';
import { gradientSums, partsOf, stagesOf } from './microBatches.ts';
import { addSums, type MetricsReading, StepMetrics } from './stepMetrics.ts';

const onDemand = () => import('../onDemand/index.ts');

/** A reading of the step's metrics under way, and what it will cover. */
interface Pending {
  readonly reading: Promise<MetricsReading>;
  readonly batch: number;
  readonly step: number;
  readonly samples: number;
}

export interface TrainerOptions {
  /** Say on the console what nobody else watches for. */
  readonly warn: boolean;
  /** After a step that is not finite the weights stay as they are until the callbacks have been told; default false: only that step is left out. */
  readonly hold?: boolean;
  /** Larger batches are taken in parts of at most so many examples; default: the batch size. */
  readonly microBatchSize?: number;
  /** The examples' weights on the host; default: none. */
  readonly weights?: Float32Array | null;
  /** Steps of a submission, for tests. */
  readonly together?: number;
}

/** Training on `count` examples, the first ones of `examples`. */
export class Trainer {
  readonly #compiled: Compiled;
  readonly #examples: Examples;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #stepMetrics: StepMetrics;
  readonly #order: Order;
  readonly #pass: EpochPass;
  readonly #warn: boolean;
  readonly #weights: Float32Array | null;
  readonly #hold: boolean;
  /** Most examples that are taken at once. */
  readonly microBatchSize: number;
  /** Where the gradients of a batch's parts add up; null where every batch is taken whole. */
  readonly #sums: ParameterBlock | null = null;
  /** Of this epoch. */
  #nonFinite: NonFinite | null = null;
  /** Steps that were left out before this epoch; null where it is not known. */
  #leftOut: number | null = null;
  /** Whether the console has been told. */
  #told = false;
  /** Step at which the present epoch began. */
  #epochStart = 0;
  readonly #values: StepDraft;
  #pending: Pending | null = null;
  /** What the readings of this epoch add up to, and up to which example they go. */
  #totals: Float64Array;
  #read = 0;
  #means: Logs = {};
  /** This epoch's order of the examples, where they have weights. */
  #weighed: Int32Array | null = null;
  /** Examples of this epoch submitted so far, and how many of them the sums leave out. */
  #samples = 0;
  #forgotten = 0;
  /** Next batch of this epoch. */
  #batch = 0;
  /** Whether the next epoch is one that was saved in its midst. */
  #resumed = false;
  /** Steps that were taken before this training: each training takes the examples in orders of its own. */
  #before = 0;

  constructor(
    compiled: Compiled,
    examples: Examples,
    count: number,
    batchSize: number,
    { warn, hold = false, together, microBatchSize = batchSize, weights = null }: TrainerOptions,
  ) {
    this.#compiled = compiled;
    this.#examples = examples;
    this.#count = count;
    this.#batchSize = batchSize;
    this.#values = blankStep(compiled.seed);
    this.#warn = warn;
    this.#hold = hold;
    this.#weights = weights;
    this.microBatchSize = microBatchSize;
    const names = metricNames(compiled);
    this.#stepMetrics = new StepMetrics(compiled.device, names, hold);
    this.#totals = new Float64Array(names.length);
    this.#order = new Order(compiled.device, count);
    const { optimizer, moments } = compiled;
    if (microBatchSize < Math.min(batchSize, count)) {
      this.#sums = gradientSums(compiled.network);
      this.#sums.attach(compiled.device);
    }
    this.#pass = new EpochPass(compiled.device, { count, batchSize, together }, (batch) =>
      stagesOf({ optimizer }, moments.nodes(), batch, microBatchSize, this.#sums, (size) => this.#parts(size)),
    );
  }

  prepare(parts?: ProgressParts): Promise<void> {
    return this.#pass.prepare(parts);
  }

  #parts(batch: number): StepParts {
    const { network, loss, metrics } = this.#compiled;
    const { x, y, weights } = this.#examples;
    const order = this.#order.node;
    return {
      network,
      loss,
      metrics,
      x: x.batch(order, batch),
      y: y.batch(order, batch),
      weights: weights?.batch(order, batch) ?? null,
      stepMetrics: this.#stepMetrics,
    };
  }

  /** Takes a step: its values. */
  readonly #next = (): StepValues => {
    const { optimizer, moments, progress } = this.#compiled;
    const values = this.#values;
    // At once with the submission: whoever looks between two steps sees all of one step.
    values.position = this.#batch * this.#batchSize;
    this.#samples += this.#pass.sizeOf(this.#batch++);
    values.step = progress.step++;
    optimizer.rates(++moments.steps, values.rates);
    return values;
  };

  /** Batches of the present epoch that were submitted so far. */
  get batches(): number {
    return this.#batch;
  }

  /**
   * The first step of the epoch, now over, that was not finite, where no step of the epoch could be taken; else null, and
   * where that is not known.
   */
  async standstill(): Promise<NonFinite | null> {
    if (this.#nonFinite === null) return null;
    const [before, now] = [this.#leftOut, await this.#compiled.moments.leftOut()];
    this.#leftOut = now;
    return before !== null && now - before >= this.#batch ? this.#nonFinite : null;
  }

  /** A training begins with this epoch. One that does so where another one ended takes the orders that the other would have taken. */
  begin(initialEpoch: number): void {
    if (this.#compiled.moments.steps === 0) this.#leftOut = 0;
    this.#before = Math.max(0, this.#compiled.progress.step - initialEpoch * this.#pass.batches);
  }

  /** What training needs to go on elsewhere; `within`: in the midst of an epoch, else before one. */
  async state(within: boolean): Promise<State> {
    return {
      before: this.#before,
      nonFinite: this.#nonFinite && stateOfNonFinite(this.#nonFinite),
      epoch: within ? await this.#epochState() : null,
    };
  }

  async #epochState(): Promise<State> {
    const pending = this.#pending;
    return {
      begun: this.#epochStart,
      batch: this.#batch,
      samples: this.#samples,
      forgotten: this.#forgotten,
      means: this.#means,
      totals: [...this.#totals],
      read: this.#read,
      // In the order of the readings: each arrives in a buffer that a later one uses again.
      pending: pending && { ...pending, reading: { ...(await pending.reading) } },
      ledger: { ...(await this.#stepMetrics.peek()) },
    };
  }

  /** Goes on from what `state` gave. */
  restore(saved: SavedState): void {
    // Older files have none.
    this.#before = saved.keys.includes('before') ? saved.whole('before') : 0;
    const nonFinite = saved.recordOrNull('nonFinite');
    this.#nonFinite = nonFinite && nonFiniteFrom(nonFinite);
    const none = { sums: new Float32Array(this.#totals.length), firstBadStep: this.#nonFinite?.step ?? null };
    const epoch = saved.recordOrNull('epoch');
    this.#stepMetrics.restore(epoch === null ? none : this.#readingIn(epoch, 'ledger'), nonFinite !== null);
    this.#resumed = epoch !== null;
    if (epoch !== null) this.#restoreEpoch(epoch);
  }

  #restoreEpoch(saved: SavedState): void {
    this.#epochStart = saved.whole('begun');
    this.#batch = saved.whole('batch');
    this.#samples = saved.whole('samples');
    this.#forgotten = saved.whole('forgotten');
    const means = saved.record('means');
    this.#means = Object.fromEntries(means.keys.map((name) => [name, means.number(name)]));
    this.#totals = Float64Array.from(saved.numbers('totals', this.#totals.length));
    this.#read = saved.whole('read');
    const pending = saved.recordOrNull('pending');
    this.#pending = pending && {
      reading: Promise.resolve(this.#readingIn(pending, 'reading')),
      batch: pending.whole('batch'),
      step: pending.whole('step'),
      samples: pending.whole('samples'),
    };
  }

  #readingIn(saved: SavedState, key: string): MetricsReading {
    const reading = saved.record(key);
    return {
      sums: reading.array('sums', this.#totals.length),
      firstBadStep: reading.wholeOrNull('firstBadStep'),
    };
  }

  #beginEpoch(): void {
    this.#batch = 0;
    this.#samples = 0;
    this.#means = {};
    this.#forgetSums();
    this.#epochStart = this.#compiled.progress.step;
    // The first bad step of every epoch is looked into.
    if (this.#nonFinite !== null) this.#forgetFlag();
  }

  #forgetFlag(): void {
    this.#nonFinite = null;
    this.#stepMetrics.resetHealth();
  }

  /** One epoch, or what of it runs before `stopped`; returns its means. */
  async epoch(epoch: number, shuffle: boolean, callbacks: CallbackList, stopped: () => boolean): Promise<Logs> {
    const order = shuffle ? this.#shuffled(epoch) : iota(0, this.#count);
    this.#order.write(order);
    if (this.#weights !== null) this.#weighed = order;
    const resumed = this.#resumed;
    this.#resumed = false;
    if (!resumed) this.#beginEpoch();
    const pass = this.#pass;
    // Often enough to see a divergence early, seldom enough to cost nothing.
    const interval = Math.min(10, Math.max(1, Math.round(pass.batches / 50)));
    // An epoch may have been saved after it was told to stop.
    while (this.#batch < pass.batches && !(resumed && stopped())) {
      const batch = this.#batch;
      const unread = batch === 0 ? 1 : interval - (batch % interval);
      // A callback may have come to ask for this since the last batch.
      if (callbacks.everyMetrics) await this.#readAll(epoch, callbacks);
      await callbacks.onTrainBatchBegin(batch, { ...this.#means });
      const together = pass.together(batch, callbacks.everyTrainBatch ? 1 : unread);
      await pass.run(batch, together, this.#next);
      const done = this.#batch;
      if (callbacks.everyMetrics || done === 1) await this.#readAll(epoch, callbacks);
      else if (done % interval === 0) {
        // The reading begun an interval ago has arrived: nothing waits.
        await this.#report(epoch, callbacks);
        this.#beginReading();
      }
      await callbacks.onTrainBatchEnd(done - 1, { ...this.#means });
      if (stopped()) break;
    }
    await this.#readAll(epoch, callbacks);
    return this.#means;
  }

  #shuffled(epoch: number): Int32Array {
    const { seed } = this.#compiled;
    const own = this.#before === 0 ? seed : foldIn(seed, this.#before);
    return new Int32Array(permutation(this.#count, own, epoch).buffer);
  }

  /** Reads and reports all that was submitted so far. */
  async #readAll(epoch: number, callbacks: CallbackList): Promise<void> {
    await this.#report(epoch, callbacks);
    if (this.#read === this.#samples) return;
    this.#beginReading();
    await this.#report(epoch, callbacks);
  }

  /** One step on all examples, on its own: nothing of earlier ones matters. */
  async single(): Promise<Logs> {
    this.forget();
    return this.epoch(0, false, NO_CALLBACKS, () => false);
  }

  /** Begins a reading of all that was submitted so far. */
  #beginReading(): void {
    const reading = this.#stepMetrics.read();
    // Whoever awaits it sees the error; a reading that is given up must not end the process.
    reading.catch(() => {});
    this.#pending = { reading, batch: this.#batch, step: this.#compiled.progress.step - 1, samples: this.#samples };
  }

  #forgetSums(): void {
    this.#stepMetrics.resetSums();
    this.#forgotten = this.#samples;
    this.#read = this.#samples;
    this.#totals.fill(0);
  }

  /** Awaits the pending reading and tells the callbacks. */
  async #report(epoch: number, callbacks: CallbackList): Promise<void> {
    const pending = this.#pending;
    if (pending === null) return;
    const reading = await pending.reading;
    const { sums, firstBadStep } = reading;
    // A device that executes nothing reads nonsense: only a step of this epoch can be run again.
    const known = firstBadStep !== null && firstBadStep >= this.#epochStart && firstBadStep <= pending.step;
    const cause = known && this.#nonFinite === null ? await this.#findCause(firstBadStep) : null;
    // It is given up where the model has gone back to earlier weights meanwhile.
    if (this.#pending !== pending) return;
    this.#pending = null;
    if (cause !== null) {
      this.#nonFinite = cause;
      this.#stepMetrics.release();
      if (this.#warn && !this.#told) {
        this.#told = true;
        const { describeNonFinite } = await onDemand();
        console.warn(
          `Step ${firstBadStep}: ${describeNonFinite(cause)}; such steps are left out. Add a DivergenceDetector to stop or to recover.`,
        );
      }
    }
    const stepMetrics = this.#stepMetrics;
    const begin = this.#read;
    const samples = pending.samples - begin;
    if (samples <= 0) return;
    addSums(this.#totals, reading);
    this.#read = pending.samples;
    this.#means = stepMetrics.means(this.#totals, pending.samples - this.#forgotten);
    await callbacks.onMetrics({
      epoch,
      batch: pending.batch,
      step: pending.step,
      // What a callback writes into its report is its own.
      mean: { ...this.#means },
      window: stepMetrics.means(sums, samples),
      weight: this.#meanWeight(begin, pending.samples),
      nonFinite: structuredClone(this.#nonFinite),
    });
  }

  /** Of some examples of this epoch, by their places in its order. */
  #meanWeight(begin: number, end: number): number {
    const [weights, order] = [this.#weights, this.#weighed];
    if (weights === null || order === null) return 1;
    let sum = 0;
    for (let at = begin; at < end; at++) sum += weights[order[at]];
    return sum / (end - begin);
  }

  /** The weights are others: what was not finite before has nothing to do with them. All else goes on. */
  reload(): void {
    this.#forgetFlag();
    if (this.#pending === null) return;
    const reading = this.#pending.reading.then((known) => ({ ...known, firstBadStep: null }));
    reading.catch(() => {});
    this.#pending = { ...this.#pending, reading };
  }

  /** Starts over after the weights were restored: no flag, no sums of the time before. The means stay until the next ones. */
  forget(): void {
    this.#told = false;
    this.#forgetFlag();
    this.#pending = null;
    this.#forgetSums();
  }

  /** Looks for what was not finite in a step of this epoch. */
  async #findCause(step: number): Promise<NonFinite> {
    const { device, optimizer, seed } = this.#compiled;
    let position = (step - this.#epochStart) * this.#batchSize;
    const batch = Math.min(this.#batchSize, this.#count - position);
    const parts = partsOf(batch, this.microBatchSize)
      .flatMap(({ size, repeats }) => Array.from({ length: repeats }, () => size))
      .map((size, part) => {
        const values = { seed: seedOfPart(seed, part), step, position, rates: [] };
        position += size;
        return { size, values };
      });
    const partsFor = (size: number): StepParts => this.#parts(size);
    const { findCause } = await onDemand();
    return { step, ...(await findCause(device, { rule: optimizer.rule, batch, parts, partsFor, held: this.#hold })) };
  }

  async dispose(): Promise<void> {
    await this.#pass.dispose();
    this.#sums?.dispose();
    this.#stepMetrics.dispose();
    this.#order.dispose();
  }
}
