/** The part of a training that only looks. */

import type { Logs } from '../../callbacks/callback.ts';
import { CallbackList } from '../../callbacks/callbackList.ts';
import type { Compiled } from '../../network/compiled.ts';
import { Measures } from '../../network/measures.ts';
import type { ParameterBlock } from '../../network/parameters.ts';
import { evaluationStep, type StepParts } from '../../network/step.ts';
import type { StepDraft, StepValues } from '../../runtime/step.ts';
import { batchOf, type Examples, Order } from '../data/gpuDataset.ts';
import { EpochPass, type ProgressParts } from './epochPass.ts';
import type * as MicroBatches from './microBatches.ts';
import type { Parts, Stage } from './stage.ts';
import { addSums, type MetricsReading, StepMetrics } from './stepMetrics.ts';

/** Batches after which an evaluation's sums are read: over more of them 32 bits would lose digits. */
const UNREAD_BATCHES = 500;

export interface EvaluatorOptions {
  readonly batchSize: number;
  /** Default: the batch size. */
  readonly most?: number;
  /** What takes batches in parts, for `most` below their size. Default null. */
  readonly inParts?: typeof MicroBatches | null;
  readonly together?: number;
}

/** Evaluation of examples, whole or in part. */
export class Evaluator {
  readonly #stepMetrics: StepMetrics;
  readonly #order: Order;
  readonly #pass: EpochPass;
  readonly #count: number;
  /** Examples of a batch. */
  readonly batchSize: number;
  /** Where a batch in parts counts the steps of its masks; null where every batch is taken whole. */
  readonly #counts: ParameterBlock | null = null;
  readonly #measures: Measures;
  readonly #values = blankStep(0);
  /** Batches taken of the present run. */
  #batch = 0;

  /**
   * Examples from `begin` to `end` in their own order, of which at most `most` are taken at once. Where a loss has a mask, and so is
   * a mean over a batch, larger batches are taken in parts; else they are made smaller. `together`: batches of a submission, for tests.
   */
  constructor(
    compiled: Compiled,
    examples: Examples,
    begin: number,
    end: number,
    { batchSize: wanted, most = wanted, inParts = null, together }: EvaluatorOptions,
  ) {
    const { device, network, targets } = compiled;
    this.#measures = new Measures(compiled);
    this.#stepMetrics = new StepMetrics(device, this.#measures.size);
    this.#order = new Order(device, end - begin);
    this.#order.write(iota(begin, end));
    this.#count = end - begin;
    const counts = inParts !== null && most < Math.min(wanted, this.#count) ? inParts.stepCounts(compiled) : null;
    counts?.attach(device);
    this.#counts = counts;
    const batchSize = counts === null ? Math.min(wanted, most) : wanted;
    this.batchSize = batchSize;
    const stepMetrics = this.#stepMetrics;
    const partsFor = (size: number): StepParts => {
      const taken = batchOf(examples, this.#order, size);
      return { network, targets, ...taken, present: counts?.nodes(), stepMetrics };
    };
    this.#pass = new EpochPass(device, { count: this.#count, batchSize, together }, (batch) => {
      const stageOf = (part: Parts): Stage => {
        const step = evaluationStep(partsFor(part.size), batch);
        return { ...part, effects: step.effects, anatomy: { network, step, products: [] } };
      };
      if (inParts === null || batch <= most) return [stageOf({ size: batch, repeats: 1 })];
      return inParts.inParts(inParts.partsOf(batch, most), counts, false, partsFor, stageOf);
    });
  }

  /** How many batches there are. */
  get batches(): number {
    return this.#pass.batches;
  }

  prepare(parts?: ProgressParts): Promise<void> {
    return this.#pass.prepare(parts);
  }

  readonly #next = (): StepValues => {
    const values = this.#values;
    values.position = this.#batch++ * this.batchSize;
    return values;
  };

  async run(callbacks: CallbackList | null): Promise<Logs> {
    await callbacks?.onTestBegin({});
    this.#stepMetrics.resetSums();
    const pass = this.#pass;
    const most = callbacks?.everyTestBatch === true ? 1 : Number.POSITIVE_INFINITY;
    const totals = new Float64Array(this.#measures.size);
    let reading: Promise<MetricsReading> | null = null;
    this.#batch = 0;
    while (this.#batch < pass.batches) {
      const first = this.#batch;
      await callbacks?.onTestBatchBegin(first, {});
      const unread = UNREAD_BATCHES - (first % UNREAD_BATCHES);
      await pass.run(first, pass.together(first, Math.min(most, unread)), this.#next);
      await callbacks?.onTestBatchEnd(this.#batch - 1, {});
      if (this.#batch % UNREAD_BATCHES > 0) continue;
      // The reading before has arrived: nothing waits.
      if (reading !== null) addSums(totals, await reading);
      reading = this.#stepMetrics.read();
      reading.catch(() => {});
    }
    if (reading !== null) addSums(totals, await reading);
    addSums(totals, await this.#stepMetrics.read());
    const logs = this.#measures.logs(totals, this.#count);
    // What a callback writes into its logs is its own.
    await callbacks?.onTestEnd({ ...logs });
    return logs;
  }

  async dispose(): Promise<void> {
    await this.#pass.dispose();
    this.#stepMetrics.dispose();
    this.#order.dispose();
    this.#counts?.dispose();
  }
}

export const NO_CALLBACKS = new CallbackList([]);

export const iota = (begin: number, end: number): Int32Array =>
  Int32Array.from({ length: end - begin }, (_, i) => begin + i);

export const blankStep = (seed: number): StepDraft => ({ seed, step: 0, position: 0, rates: [] });
