/** Whole training steps of the study's network: what they cost. */
import { studyLayers } from '../examples/study/network.ts';
import {
  inARow,
  Moments,
  Network,
  Order,
  Plan,
  Rows,
  resolveMetrics,
  type StepDraft,
  StepMetrics,
  type StepValues,
  targetOf,
  trainingStep,
} from '../src/graph.ts';
import { Adam, type Device, type Layer, type Optimizer } from '../src/index.ts';
import { IMAGES, type StepTask } from './networks.ts';
import { rounded, spreadOf } from './statistics.ts';

export interface StepOptions {
  /** Steps that are timed one by one, default 11; then as many in one go. */
  readonly steps?: number;
  /** No step is begun after this time, but for the first three; default: none. */
  readonly budgetMs?: number;
}

export interface StepRow {
  readonly part: 'steps';
  readonly peer: 'wgrad-webgpu';
  readonly adapter: string;
  readonly batch: number;
  /** From the first line of model code to the end of the first step, kernels compiled where the device has not yet. */
  readonly firstMs: number;
  /** Median of the steps after the warm-up, each awaited. */
  readonly stepMs: number;
  /** Quartiles of the same. */
  readonly stepLowMs: number;
  readonly stepHighMs: number;
  readonly samples: number;
  /** A step of many that were submitted one after the other and awaited together. */
  readonly queuedMs: number;
  /** What JavaScript and Dawn need a step, from submission to its return. */
  readonly hostMs: number;
  readonly usPerImage: number;
  readonly imagesPerSecond: number;
  /** Memory of the step's plan, without weights, moments and data. */
  readonly peakBytes: number;
  /** peakBytes as a multiple of the results that are alive at once. */
  readonly peakRatio: number;
}

/** Steps that warm up caches, the first one included. */
const WARM = 3;
const LEAST_STEPS = 3;
/** Steps that the cheapest measurement takes. */
export const LEAST_STEP_RUNS = WARM + 2 * LEAST_STEPS;

export interface StudyStepOptions {
  readonly maxSteps?: number;
  readonly layers?: readonly Layer[];
  readonly optimizer?: Optimizer;
  readonly task?: StepTask;
}

/** A training step of the study's network, or of another, ready to run. */
export class StudyStep {
  readonly plan: Plan;
  /** When its model began to be made: its data lay on the device by then. */
  readonly began: number;
  readonly #device: Device;
  readonly #optimizer: Optimizer;
  readonly #stepMetrics: StepMetrics;
  readonly #owned: readonly { dispose(): void }[];
  readonly #values: StepDraft = { seed: 1, step: 0, position: 0, rates: [] };
  #taken = 0;

  private constructor(
    device: Device,
    began: number,
    plan: Plan,
    optimizer: Optimizer,
    stepMetrics: StepMetrics,
    owned: readonly { dispose(): void }[],
  ) {
    this.#device = device;
    this.began = began;
    this.plan = plan;
    this.#optimizer = optimizer;
    this.#stepMetrics = stepMetrics;
    this.#owned = owned;
  }

  /**
   * `maxSteps`: most steps of one submission. `layers`: others than the study's. `optimizer`: default Adam. `task`: what it is
   * trained on, default the images and classes of the study.
   * @throws OutOfMemoryError where the batch does not fit
   */
  static async of(
    device: Device,
    batch: number,
    { maxSteps = 1, layers = studyLayers(), optimizer = new Adam(), task = IMAGES }: StudyStepOptions = {},
  ): Promise<StudyStep> {
    const owned: { dispose(): void }[] = [];
    const own = <T extends { dispose(): void }>(one: T): T => {
      owned.push(one);
      return one;
    };
    try {
      const { loss, metrics } = task;
      const x = own(await Rows.of(device, task.inputs(batch), 'inputs'));
      const y = own(await Rows.of(device, task.labels(batch), 'labels'));
      const order = own(new Order(device, batch));
      order.write(Int32Array.from({ length: batch }, (_, i) => i));
      const began = performance.now();
      const network = new Network(inARow(layers, task.inputs(1).shape.slice(1)), 1);
      own(network.trainable).attach(device);
      own(network.fixed).attach(device);
      const { rule } = optimizer;
      const moments = own(new Moments(device, rule, network.trainable.size));
      const stepMetrics = own(new StepMetrics(device, 1 + metrics.length));
      const step = trainingStep(
        {
          network,
          targets: targetOf(loss, resolveMetrics(metrics, [], loss)),
          x: [x.batch(order.node, batch)],
          y: [y.batch(order.node, batch)],
          weights: null,
          stepMetrics,
        },
        rule,
        moments.nodes(),
      );
      const plan = own(await Plan.compile(device, step.effects, { maxSteps }));
      return new StudyStep(device, began, plan, optimizer, stepMetrics, owned);
    } catch (error) {
      for (const one of owned) one.dispose();
      throw error;
    }
  }

  #next(): StepValues {
    this.#values.step = this.#taken++;
    this.#optimizer.rates(this.#taken, this.#values.rates);
    return this.#values;
  }

  /** Submits the next steps together, at most `maxSteps`. */
  run(count = 1): void {
    for (let row = 0; row < count; row++) this.plan.set(row, this.#next());
    this.plan.submit(count);
  }

  /** Throws if a step was not finite: from then on the optimizer does nothing, and the times are of no use. */
  async check(): Promise<void> {
    const { firstBadStep } = await this.#stepMetrics.peek();
    if (firstBadStep === null) return;
    throw new Error(
      `Step ${firstBadStep} on '${this.#device.info.name}' gave a number that is not finite, expected a finite loss. ` +
        'Its times would mean nothing: run the tests (npm test) on this adapter first.',
    );
  }

  /** Sum of the loss over all steps; NaN from a step on that was not finite. */
  async loss(): Promise<number> {
    const { firstBadStep, sums } = await this.#stepMetrics.peek();
    return firstBadStep === null ? sums[0] : Number.NaN;
  }

  dispose(): void {
    for (const one of this.#owned) one.dispose();
  }
}

/** Times whole training steps of the study's network at one batch size. */
export async function measureStep(
  device: Device,
  batch: number,
  { steps = 11, budgetMs = Number.POSITIVE_INFINITY }: StepOptions = {},
): Promise<StepRow> {
  const began = performance.now();
  const study = await StudyStep.of(device, batch);
  try {
    let firstMs = 0;
    for (let i = 0; i < WARM; i++) {
      study.run();
      await device.finish();
      if (i === 0) firstMs = performance.now() - began;
    }
    const host: number[] = [];
    const whole: number[] = [];
    const start = performance.now();
    while (whole.length < steps && (whole.length < LEAST_STEPS || performance.now() - start < budgetMs)) {
      const submit = performance.now();
      study.run();
      host.push(performance.now() - submit);
      await device.finish();
      whole.push(performance.now() - submit);
    }
    const queued = performance.now();
    for (let i = 0; i < whole.length; i++) study.run();
    await device.finish();
    const queuedMs = (performance.now() - queued) / whole.length;
    await study.check();
    const { median, low, high } = spreadOf(whole);
    const { bytes, aliveBytes } = study.plan.schedule.placement;
    return {
      part: 'steps',
      peer: 'wgrad-webgpu',
      adapter: device.info.name,
      batch,
      firstMs: rounded(firstMs),
      stepMs: rounded(median),
      stepLowMs: rounded(low),
      stepHighMs: rounded(high),
      samples: whole.length,
      queuedMs: rounded(queuedMs),
      hostMs: rounded(spreadOf(host).median),
      usPerImage: rounded((median * 1000) / batch),
      imagesPerSecond: rounded((batch * 1000) / median),
      peakBytes: bytes,
      peakRatio: rounded(bytes / aliveBytes),
    };
  } finally {
    study.dispose();
  }
}
