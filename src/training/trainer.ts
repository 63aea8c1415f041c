/** The training loop: epochs, steps, metrics, validation and callbacks, over examples that lie on the GPU. */

import type { Logs, NonFinite } from '../callbacks/callback.ts';
import { CallbackList } from '../callbacks/callbackList.ts';
import { Plan } from '../gpu/plan.ts';
import type { StepDraft, StepValues } from '../gpu/step.ts';
import { permutation } from '../random.ts';
import { type Compiled, metricNames } from './compiled.ts';
import { type Examples, Order } from './gpuDataset.ts';
import { GpuLedger, type LedgerReading } from './ledger.ts';
import { evaluationStep, finiteProbe, type StepParts, trainingStep } from './network.ts';
import { Pass, type ProgressParts } from './pass.ts';

const NO_CALLBACKS = new CallbackList([]);

const iota = (begin: number, end: number): Int32Array => Int32Array.from({ length: end - begin }, (_, i) => begin + i);

const blankStep = (seed: number): StepDraft => ({ seed, step: 0, position: 0, rates: [] });

/** Evaluation of examples, whole or in part. */
export class Evaluator {
  readonly #ledger: GpuLedger;
  readonly #order: Order;
  readonly #pass: Pass;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #values = blankStep(0);
  /** Batches taken of the present run. */
  #batch = 0;

  /** Examples from `begin` to `end` in their own order. `together`: batches of a submission, for tests. */
  constructor(
    compiled: Compiled,
    { x, y, weights }: Examples,
    begin: number,
    end: number,
    batchSize: number,
    together?: number,
  ) {
    const { device, network, loss, metrics } = compiled;
    this.#ledger = new GpuLedger(device, metricNames(compiled));
    this.#order = new Order(device, end - begin);
    this.#order.write(iota(begin, end));
    this.#count = end - begin;
    this.#batchSize = batchSize;
    this.#pass = new Pass(device, { count: this.#count, batchSize, together }, (batch) =>
      evaluationStep({
        network,
        loss,
        metrics,
        x: x.batch(this.#order.node, batch),
        y: y.batch(this.#order.node, batch),
        weights: weights?.batch(this.#order.node, batch) ?? null,
        ledger: this.#ledger,
      }),
    );
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
    this.#ledger.resetSums();
    const pass = this.#pass;
    const most = callbacks?.everyTestBatch === true ? 1 : Number.POSITIVE_INFINITY;
    this.#batch = 0;
    while (this.#batch < pass.batches) {
      const first = this.#batch;
      await callbacks?.onTestBatchBegin(first, {});
      await pass.run(first, pass.together(first, most), this.#next);
      await callbacks?.onTestBatchEnd(this.#batch - 1, {});
    }
    const { sums } = await this.#ledger.read();
    const logs = this.#ledger.means(sums, this.#count);
    await callbacks?.onTestEnd(logs);
    return logs;
  }

  async dispose(): Promise<void> {
    await this.#pass.dispose();
    this.#ledger.dispose();
    this.#order.dispose();
  }
}

/** A reading of the ledger under way, and what it will cover. */
interface Pending {
  readonly reading: Promise<LedgerReading>;
  readonly batch: number;
  readonly step: number;
  readonly samples: number;
}

/** Training on `count` examples, the first ones of `examples`. */
export class Trainer {
  readonly #compiled: Compiled;
  readonly #examples: Examples;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #ledger: GpuLedger;
  readonly #order: Order;
  readonly #pass: Pass;
  readonly #warn: boolean;
  #nonFinite: NonFinite | null = null;
  /** Step at which the present epoch began. */
  #epochStart = 0;
  readonly #values: StepDraft;
  #pending: Pending | null = null;
  #last: { sums: Float32Array; samples: number };
  #means: Logs = {};
  /** Examples of this epoch submitted so far, and how many of them the sums leave out. */
  #samples = 0;
  #forgotten = 0;

  /**
   * `warn`: say on the console what nobody else watches for. `together`: steps of a submission, for tests.
   */
  constructor(
    compiled: Compiled,
    examples: Examples,
    count: number,
    batchSize: number,
    { warn, together }: { readonly warn: boolean; readonly together?: number },
  ) {
    this.#compiled = compiled;
    this.#examples = examples;
    this.#count = count;
    this.#batchSize = batchSize;
    this.#values = blankStep(compiled.seed);
    this.#warn = warn;
    this.#ledger = new GpuLedger(compiled.device, metricNames(compiled));
    this.#last = { sums: new Float32Array(metricNames(compiled).length), samples: 0 };
    this.#order = new Order(compiled.device, count);
    const { optimizer, moments } = compiled;
    this.#pass = new Pass(
      compiled.device,
      { count, batchSize, together },
      (batch) => trainingStep(this.#parts(batch), optimizer.rule, moments.nodes()).effects,
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
      ledger: this.#ledger,
    };
  }

  /** Takes a step: its values. */
  readonly #next = (): StepValues => {
    const { optimizer, moments, progress } = this.#compiled;
    const values = this.#values;
    values.position = (progress.step - this.#epochStart) * this.#batchSize;
    values.step = progress.step++;
    optimizer.rates(++moments.steps, values.rates);
    return values;
  };

  /** One epoch, or what of it runs before `stopped`; returns its means. */
  async epoch(epoch: number, shuffle: boolean, callbacks: CallbackList, stopped: () => boolean): Promise<Logs> {
    const order = shuffle
      ? new Int32Array(permutation(this.#count, this.#compiled.seed, epoch).buffer)
      : iota(0, this.#count);
    this.#order.write(order);
    this.#samples = 0;
    this.#means = {};
    this.#forgetSums();
    this.#epochStart = this.#compiled.progress.step;
    const pass = this.#pass;
    // Often enough to see a divergence early, seldom enough to cost nothing.
    const interval = Math.min(10, Math.max(1, Math.round(pass.batches / 50)));
    const alone = callbacks.everyTrainBatch;
    let batch = 0;
    while (batch < pass.batches) {
      const unread = batch === 0 ? 1 : interval - (batch % interval);
      await callbacks.onTrainBatchBegin(batch, this.#means);
      const together = pass.together(batch, alone ? 1 : unread);
      await pass.run(batch, together, this.#next);
      this.#samples += pass.sizeOf(batch) * together;
      batch += together;
      if (batch === 1 || batch % interval === 0) {
        // The reading begun an interval ago has arrived: nothing waits.
        await this.#report(epoch, callbacks);
        this.#read(batch);
        if (batch === 1) await this.#report(epoch, callbacks);
      }
      await callbacks.onTrainBatchEnd(batch - 1, this.#means);
      if (stopped()) break;
    }
    await this.#report(epoch, callbacks);
    if (this.#last.samples < this.#samples) {
      this.#read(batch);
      await this.#report(epoch, callbacks);
    }
    return this.#means;
  }

  /** One step on all examples, on its own: nothing of earlier ones matters. */
  async single(): Promise<Logs> {
    this.forget();
    return this.epoch(0, false, NO_CALLBACKS, () => false);
  }

  /** Begins a reading of all that was submitted so far. */
  #read(batch: number): void {
    const reading = this.#ledger.read();
    // Whoever awaits it sees the error; a reading that is given up must not end the process.
    reading.catch(() => {});
    this.#pending = { reading, batch, step: this.#compiled.progress.step - 1, samples: this.#samples };
  }

  #forgetSums(): void {
    this.#ledger.resetSums();
    this.#forgotten = this.#samples;
    this.#last = { sums: new Float32Array(this.#last.sums.length), samples: this.#samples };
  }

  /** Awaits the pending reading and tells the callbacks. */
  async #report(epoch: number, callbacks: CallbackList): Promise<void> {
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    const { sums, firstBadStep } = await pending.reading;
    if (firstBadStep !== null && this.#nonFinite === null) {
      const tensor = await this.#findCause(firstBadStep);
      this.#nonFinite = { step: firstBadStep, tensor };
      this.#ledger.release();
      if (this.#warn) {
        console.warn(
          `Step ${firstBadStep}: ${tensor} is not finite; its updates are left out. Add a DivergenceDetector to stop or roll back.`,
        );
      }
    }
    const ledger = this.#ledger;
    const last = this.#last;
    const samples = pending.samples - last.samples;
    if (samples === 0) return;
    this.#means = ledger.means(sums, pending.samples - this.#forgotten);
    const window = ledger.means(
      sums.map((sum, at) => sum - last.sums[at]),
      samples,
    );
    this.#last = { sums, samples: pending.samples };
    await callbacks.onMetrics({
      epoch,
      batch: pending.batch,
      step: pending.step,
      mean: this.#means,
      window,
      nonFinite: this.#nonFinite,
    });
  }

  /** Starts over after the weights were restored: no flag, no sums of the time before. The means stay until the next ones. */
  forget(): void {
    this.#nonFinite = null;
    this.#ledger.resetHealth();
    this.#pending = null;
    this.#forgetSums();
  }

  /**
   * Runs a step again, without updating, and looks at every tensor in the order in which it is computed. The weights are
   * those of that step where its loss was not finite: the flag has kept the optimizer from changing them. Where only a
   * gradient was not, the optimizer noticed it itself and has moved the weights whose gradient was finite.
   */
  async #findCause(step: number): Promise<string> {
    const position = (step - this.#epochStart) * this.#batchSize;
    if (position < 0 || position >= this.#count) return 'loss';
    const { device, optimizer, moments, seed } = this.#compiled;
    const batch = Math.min(this.#batchSize, this.#count - position);
    const { watched } = trainingStep(this.#parts(batch), optimizer.rule, moments.nodes());
    const probes = watched.map(({ node }) => finiteProbe(node));
    const plan = await Plan.compile(device, probes);
    try {
      plan.run([{ seed, step, position, rates: [] }]);
      for (const [at, probe] of probes.entries()) {
        const [value] = await device.read(plan.storageOf(probe), 'float32', 1);
        if (!Number.isFinite(value)) return watched[at].name;
      }
      // Everything that the step computed is finite: a weight would have overflowed.
      return 'an updated weight';
    } finally {
      plan.dispose();
    }
  }

  async dispose(): Promise<void> {
    await this.#pass.dispose();
    this.#ledger.dispose();
    this.#order.dispose();
  }
}
