/** The part of a training that only looks. */

import type { Logs } from '../../callbacks/callback.ts';
import { CallbackList } from '../../callbacks/callbackList.ts';
import type { Compiled } from '../../network/compiled.ts';
import { Measures } from '../../network/measures.ts';
import { evaluationStep } from '../../network/step.ts';
import type { StepDraft, StepValues } from '../../runtime/step.ts';
import { batchOf, type Examples, Order } from '../data/gpuDataset.ts';
import { EpochPass, type ProgressParts } from './epochPass.ts';
import { addSums, type MetricsReading, StepMetrics } from './stepMetrics.ts';

/** Batches after which an evaluation's sums are read: over more of them 32 bits would lose digits. */
const UNREAD_BATCHES = 500;

/** Evaluation of examples, whole or in part. */
export class Evaluator {
  readonly #stepMetrics: StepMetrics;
  readonly #order: Order;
  readonly #pass: EpochPass;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #measures: Measures;
  readonly #values = blankStep(0);
  /** Batches taken of the present run. */
  #batch = 0;

  /** Examples from `begin` to `end` in their own order. `together`: batches of a submission, for tests. */
  constructor(
    compiled: Compiled,
    examples: Examples,
    begin: number,
    end: number,
    batchSize: number,
    together?: number,
  ) {
    const { device, network, targets } = compiled;
    this.#measures = new Measures(compiled);
    this.#stepMetrics = new StepMetrics(device, this.#measures.size);
    this.#order = new Order(device, end - begin);
    this.#order.write(iota(begin, end));
    this.#count = end - begin;
    this.#batchSize = batchSize;
    this.#pass = new EpochPass(device, { count: this.#count, batchSize, together }, (size) => {
      const step = evaluationStep({
        network,
        targets,
        ...batchOf(examples, this.#order, size),
        stepMetrics: this.#stepMetrics,
      });
      return [{ effects: step.effects, size, repeats: 1, anatomy: { network, step, products: [] } }];
    });
  }

  prepare(parts?: ProgressParts): Promise<void> {
    return this.#pass.prepare(parts);
  }

  readonly #next = (): StepValues => {
    const values = this.#values;
    values.position = this.#batch++ * this.#batchSize;
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
  }
}

export const NO_CALLBACKS = new CallbackList([]);

export const iota = (begin: number, end: number): Int32Array =>
  Int32Array.from({ length: end - begin }, (_, i) => begin + i);

export const blankStep = (seed: number): StepDraft => ({ seed, step: 0, position: 0, rates: [] });
