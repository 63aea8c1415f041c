/** The training loop: epochs, steps, metrics, validation and callbacks, over examples that lie on the GPU. */

import { foldIn, permutation } from '../../base/random.ts';
import type { Logs } from '../../callbacks/callback.ts';
import type { CallbackList } from '../../callbacks/callbackList.ts';
import type { NonFinite } from '../../callbacks/divergence/nonFinite.ts';
import type { State } from '../../io/state.ts';
import type { ByTarget, Compiled } from '../../network/compiled.ts';
import { Measures } from '../../network/measures.ts';
import type { ParameterBlock } from '../../network/parameters.ts';
import type { StepParts } from '../../network/step.ts';
import type { StepDraft, StepValues } from '../../runtime/step.ts';
import { meanWeight } from '../data/exampleWeights.ts';
import { batchOf, type Examples, Order } from '../data/gpuDataset.ts';
import { EpochPass, type ProgressParts } from './epochPass.ts';
import { type EpochProgress, noProgress, stateOfTrainer, type TrainerState } from './epochProgress.ts';
import { blankStep, iota, NO_CALLBACKS } from './evaluator.ts';
import type * as MicroBatches from './microBatches.ts';
import type { Probe, Probes } from './probe.ts';
import { type Stage, wholeStage } from './stage.ts';
import { addSums, StepMetrics } from './stepMetrics.ts';

const onDemand = () => import('../onDemand/index.ts');

export interface TrainerOptions {
  /** Whether to warn on the console of steps that are not finite, because no callback tells of them. */
  readonly warn: boolean;
  /** After a step that is not finite the weights stay as they are until the callbacks have been told; default false: only that step is left out. */
  readonly hold?: boolean;
  /** Larger batches are taken in parts of at most so many examples; default: the batch size. */
  readonly microBatchSize?: number;
  /** What takes batches in parts: for such a size below that of the batches, and for probes. Default null. */
  readonly inParts?: typeof MicroBatches | null;
  /** The examples' weights on the host; default: none. */
  readonly weights?: ByTarget<Float32Array>;
  /** Default: none. */
  readonly probes?: Probes;
  /** Steps of a submission, for tests. */
  readonly together?: number;
}

/** Training on `count` examples, the first ones of `examples`. */
export class Trainer {
  readonly #compiled: Compiled;
  readonly #examples: Examples;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #measures: Measures;
  readonly #stepMetrics: StepMetrics;
  readonly #order: Order;
  readonly #pass: EpochPass;
  readonly #probes: readonly { readonly probe: Probe; readonly pass: EpochPass }[];
  readonly #warn: boolean;
  readonly #weights: ByTarget<Float32Array>;
  readonly #hold: boolean;
  /** Most examples that are taken at once. */
  readonly microBatchSize: number;
  /** Where the gradients of a batch's parts add up; null where every batch is taken whole. */
  readonly #sums: ParameterBlock | null = null;
  /** Where a batch in parts counts the steps of its masks; null where no target has one, and where every batch is taken whole. */
  readonly #counts: ParameterBlock | null = null;
  /** Of this epoch. */
  #nonFinite: NonFinite | null = null;
  /** Steps that were left out before this epoch; null where it is not known. */
  #leftOut: number | null = null;
  /** Whether the console has been told. */
  #told = false;
  readonly #values: StepDraft;
  /** Of the present epoch. */
  #epoch: EpochProgress;
  /** This epoch's order of the examples, where they have weights. */
  #weighed: Int32Array | null = null;
  /** Whether the next epoch is one that was saved in its midst. */
  #resumed = false;
  /** Steps that were taken before this training: each training takes the examples in orders of its own. */
  #before = 0;

  constructor(
    compiled: Compiled,
    examples: Examples,
    count: number,
    batchSize: number,
    {
      warn,
      hold = false,
      together,
      microBatchSize = batchSize,
      inParts = null,
      weights = null,
      probes,
    }: TrainerOptions,
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
    this.#measures = new Measures(compiled);
    this.#stepMetrics = new StepMetrics(compiled.device, this.#measures.size, hold);
    this.#epoch = noProgress(this.#measures.size);
    this.#order = new Order(compiled.device, count);
    const { optimizer, moments } = compiled;
    if (inParts !== null) {
      if (microBatchSize < Math.min(batchSize, count)) {
        this.#sums = inParts.gradientSums(compiled.network);
        this.#sums.attach(compiled.device);
      }
      this.#counts = inParts.stepCounts(compiled);
      this.#counts?.attach(compiled.device);
    }
    this.#pass = new EpochPass(compiled.device, { count, batchSize, together }, (batch) => {
      const nodes = moments.nodes();
      return inParts === null
        ? [wholeStage({ optimizer }, nodes, batch, this.#partsFor)]
        : inParts.stagesOf({ optimizer }, nodes, batch, microBatchSize, this.#sums, this.#counts, this.#partsFor);
    });
    const whole = Math.min(batchSize, count);
    this.#probes = (probes?.(microBatchSize, this.#counts, this.#partsFor) ?? []).map((probe) => ({
      probe,
      pass: new EpochPass(compiled.device, { count: whole, batchSize: whole }, () => probe.stages),
    }));
  }

  async prepare(parts?: ProgressParts): Promise<void> {
    await Promise.all([this.#pass, ...this.#probes.map(({ pass }) => pass)].map((pass) => pass.prepare(parts)));
  }

  readonly #partsFor = (size: number): StepParts => {
    const { network, targets } = this.#compiled;
    const examples = batchOf(this.#examples, this.#order, size);
    return { network, targets, ...examples, present: this.#counts?.nodes(), stepMetrics: this.#stepMetrics };
  };

  /** Takes a step: its values. */
  readonly #next = (): StepValues => {
    const { optimizer, moments, progress } = this.#compiled;
    const values = this.#values;
    // All counters move on together with the submission, so that a look between two steps sees them agree.
    const epoch = this.#epoch;
    values.position = epoch.batch * this.#batchSize;
    epoch.samples += this.#pass.sizeOf(epoch.batch++);
    values.step = progress.step++;
    optimizer.advance(++moments.steps, values.rates);
    return values;
  };

  /** Has probes look at a batch as it is about to be trained on. */
  async #probe(batch: number): Promise<void> {
    if (this.#pass.sizeOf(batch) < this.#pass.sizeOf(0)) return;
    const { seed, progress } = this.#compiled;
    const values = { seed, step: progress.step, position: batch * this.#batchSize, rates: [] };
    for (const { probe, pass } of this.#probes) {
      if (batch % probe.every > 0) continue;
      await pass.run(0, 1, () => values);
      probe.looked();
    }
  }

  /** Batches of the present epoch that were submitted so far. */
  get batches(): number {
    return this.#epoch.batch;
  }

  /**
   * The first step of the epoch, now over, that was not finite, where no step of the epoch could be taken; else null, and
   * where that is not known.
   */
  async standstill(): Promise<NonFinite | null> {
    if (this.#nonFinite === null) return null;
    const [before, now] = [this.#leftOut, await this.#compiled.moments.leftOut()];
    this.#leftOut = now;
    return before !== null && now - before >= this.batches ? this.#nonFinite : null;
  }

  /**
   * A training begins with this epoch. It shuffles by the steps taken before it: one with an initialEpoch where the last one
   * ended takes the orders that the last one would have taken next.
   */
  begin(initialEpoch: number): void {
    if (this.#compiled.moments.steps === 0) this.#leftOut = 0;
    this.#before = Math.max(0, this.#compiled.progress.step - initialEpoch * this.#pass.batches);
  }

  /** What training needs to go on elsewhere; `within`: in the midst of an epoch, else before one. */
  state(within: boolean): Promise<State> {
    return stateOfTrainer(this.#before, this.#nonFinite, this.#epoch, within ? () => this.#stepMetrics.peek() : null);
  }

  /** Goes on from what `state` gave. */
  restore({ before, nonFinite, epoch }: TrainerState): void {
    this.#before = before;
    this.#nonFinite = nonFinite;
    const none = { sums: new Float32Array(this.#epoch.totals.length), firstBadStep: nonFinite?.step ?? null };
    this.#stepMetrics.restore(epoch?.metrics ?? none, nonFinite !== null);
    this.#resumed = epoch !== null;
    if (epoch !== null) this.#epoch = epoch.progress;
  }

  #beginEpoch(): void {
    const epoch = this.#epoch;
    epoch.begun = this.#compiled.progress.step;
    epoch.batch = 0;
    epoch.samples = 0;
    epoch.means = {};
    this.#forgetSums();
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
    while (this.batches < pass.batches && !(resumed && stopped())) {
      const batch = this.batches;
      const unread = batch === 0 ? 1 : interval - (batch % interval);
      const unprobed = this.#probes.map(({ probe: { every } }) => every - (batch % every));
      // A callback may have come to ask for this since the last batch.
      if (callbacks.everyMetrics) await this.#readAll(epoch, callbacks);
      await callbacks.onTrainBatchBegin(batch, { ...this.#epoch.means });
      if (this.#probes.length > 0) await this.#probe(batch);
      const together = pass.together(batch, callbacks.everyTrainBatch ? 1 : Math.min(unread, ...unprobed));
      await pass.run(batch, together, this.#next);
      const done = this.batches;
      if (callbacks.everyMetrics || done === 1) await this.#readAll(epoch, callbacks);
      else if (done % interval === 0) {
        // The reading begun an interval ago has arrived: nothing waits.
        await this.#report(epoch, callbacks);
        this.#beginReading();
      }
      await callbacks.onTrainBatchEnd(done - 1, { ...this.#epoch.means });
      if (stopped()) break;
    }
    await this.#readAll(epoch, callbacks);
    return this.#epoch.means;
  }

  #shuffled(epoch: number): Int32Array {
    const { seed } = this.#compiled;
    const own = this.#before === 0 ? seed : foldIn(seed, this.#before);
    return new Int32Array(permutation(this.#count, own, epoch).buffer);
  }

  /** Reads and reports all that was submitted so far. */
  async #readAll(epoch: number, callbacks: CallbackList): Promise<void> {
    await this.#report(epoch, callbacks);
    if (this.#epoch.read === this.#epoch.samples) return;
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
    // The one who awaits it sees the error; a reading that is given up must not end the process.
    reading.catch(() => {});
    const { batch, samples } = this.#epoch;
    this.#epoch.pending = { reading, batch, step: this.#compiled.progress.step - 1, samples };
  }

  #forgetSums(): void {
    this.#stepMetrics.resetSums();
    const epoch = this.#epoch;
    epoch.forgotten = epoch.samples;
    epoch.read = epoch.samples;
    epoch.totals.fill(0);
  }

  /** Awaits the pending reading and tells the callbacks. */
  async #report(epoch: number, callbacks: CallbackList): Promise<void> {
    const progress = this.#epoch;
    const { pending } = progress;
    if (pending === null) return;
    const reading = await pending.reading;
    const { sums, firstBadStep } = reading;
    // A device that executes nothing reads nonsense: only a step of this epoch can be run again.
    const known = firstBadStep !== null && firstBadStep >= progress.begun && firstBadStep <= pending.step;
    const cause = known && this.#nonFinite === null ? await this.#findCause(firstBadStep) : null;
    // While this awaited, the model may have gone back to earlier weights: then the reading is given up.
    if (progress.pending !== pending) return;
    progress.pending = null;
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
    const measures = this.#measures;
    const begin = progress.read;
    const samples = pending.samples - begin;
    if (samples <= 0) return;
    addSums(progress.totals, reading);
    progress.read = pending.samples;
    progress.means = measures.logs(progress.totals, pending.samples - progress.forgotten);
    await callbacks.onMetrics({
      epoch,
      batch: pending.batch,
      step: pending.step,
      // What a callback writes into its report is its own.
      mean: { ...progress.means },
      window: measures.logs(sums, samples),
      weight: this.#meanWeight(begin, pending.samples),
      penalty: measures.penalty(sums, samples),
      nonFinite: structuredClone(this.#nonFinite),
    });
  }

  /** The mean weight of this epoch's examples from `begin` to `end`, by its order. */
  #meanWeight(begin: number, end: number): number {
    const [weights, order] = [this.#weights, this.#weighed];
    if (weights === null || order === null) return 1;
    return meanWeight(this.#compiled.targets, weights, order.subarray(begin, end));
  }

  /** The model has new weights: forgets that a step with the old ones was not finite. All else goes on. */
  reload(): void {
    this.#forgetFlag();
    const { pending } = this.#epoch;
    if (pending === null) return;
    const reading = pending.reading.then((known) => ({ ...known, firstBadStep: null }));
    reading.catch(() => {});
    this.#epoch.pending = { ...pending, reading };
  }

  /** Starts over after the weights were restored: forgets the flag and the sums of before. The means stay until the next reading. */
  forget(): void {
    this.#told = false;
    this.#forgetFlag();
    this.#epoch.pending = null;
    this.#forgetSums();
  }

  /** Looks for what was not finite in a step of this epoch. */
  async #findCause(step: number): Promise<NonFinite> {
    const { device, seed } = this.#compiled;
    const position = (step - this.#epoch.begun) * this.#batchSize;
    const batch = Math.min(this.#batchSize, this.#count - position);
    const run = async (stages: readonly Stage[]): Promise<void> => {
      const pass = new EpochPass(device, { count: batch, batchSize: batch }, () => stages);
      try {
        await pass.run(0, 1, () => ({ seed, step, position, rates: [] }));
      } finally {
        await pass.dispose();
      }
    };
    const { causeIn } = await onDemand();
    return causeIn(this.#compiled, {
      step,
      position,
      batch,
      most: this.microBatchSize,
      counts: this.#counts,
      partsFor: this.#partsFor,
      run,
      held: this.#hold,
    });
  }

  async dispose(): Promise<void> {
    await this.#pass.dispose();
    for (const { probe, pass } of this.#probes) {
      await pass.dispose();
      probe.dispose();
    }
    this.#sums?.dispose();
    this.#counts?.dispose();
    this.#stepMetrics.dispose();
    this.#order.dispose();
  }
}
