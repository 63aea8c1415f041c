/** A pass over examples in batches: the plans for its batch sizes, and their replay, several batches a submission. */

import type { Device } from '../gpu/device.ts';
import { type CompileProgress, Plan } from '../gpu/plan.ts';
import type { StepValues } from '../gpu/step.ts';
import type { Node } from '../graph/node.ts';
import { InFlight } from './inFlight.ts';
import { MOST_TOGETHER, Pace } from './pace.ts';

/** Makes a progress for each of several plans that are compiled side by side. */
export type ProgressParts = () => CompileProgress;

/** What a batch size has: a plan, which may still be compiling, and how many of its steps go together. */
interface Sized {
  readonly compiling: Promise<Plan>;
  readonly pace: Pace;
}

export interface PassOptions {
  readonly count: number;
  readonly batchSize: number;
  /** Batches of a submission; default: as many as fit the pace. */
  readonly together?: number;
}

export class Pass {
  /** Batches in all; the last one may be shorter. */
  readonly batches: number;
  readonly #device: Device;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #build: (size: number) => readonly Node[];
  readonly #together: number | undefined;
  readonly #sizes = new Map<number, Sized>();
  readonly #inFlight = new InFlight();

  /** `build`: the graph of a batch of a size. */
  constructor(device: Device, { count, batchSize, together }: PassOptions, build: (size: number) => readonly Node[]) {
    this.#device = device;
    this.#count = count;
    this.#batchSize = batchSize;
    this.batches = Math.ceil(count / batchSize);
    this.#build = build;
    this.#together = together;
  }

  #sized(size: number, progress?: CompileProgress): Sized {
    let sized = this.#sizes.get(size);
    if (sized === undefined) {
      sized = {
        compiling: Plan.compile(this.#device, this.#build(size), { maxSteps: MOST_TOGETHER, progress }),
        pace: new Pace(this.#together),
      };
      this.#sizes.set(size, sized);
    }
    return sized;
  }

  /** Compiles the plans of its batch sizes side by side. */
  async prepare(parts?: ProgressParts): Promise<void> {
    const sizes = new Set([this.sizeOf(0), this.sizeOf(this.batches - 1)]);
    await Promise.all([...sizes].map((size) => this.#sized(size, parts?.()).compiling));
  }

  /** Examples of a batch. */
  sizeOf(batch: number): number {
    return Math.min(this.#batchSize, this.#count - batch * this.#batchSize);
  }

  /** How many batches from `batch` on the next submission should hold, at most `most`. They are equally large. */
  together(batch: number, most: number): number {
    const size = this.sizeOf(batch);
    const equal = Math.floor((this.#count - batch * this.#batchSize) / size);
    return Math.min(this.#sized(size).pace.steps, equal, most);
  }

  /**
   * Submits `count` batches from `batch` on, when few enough submissions are in flight. `next` gives the values of one
   * after the other and may give the same object each time.
   */
  async run(batch: number, count: number, next: () => StepValues): Promise<void> {
    const { compiling, pace } = this.#sized(this.sizeOf(batch));
    const plan = await compiling;
    await this.#inFlight.room();
    for (let row = 0; row < count; row++) plan.set(row, next());
    const device = this.#device;
    const submitted = performance.now();
    plan.submit(count);
    const done = device.wait(device.gpu.queue.onSubmittedWorkDone());
    this.#inFlight.add(done.then(() => pace.measure(count, submitted, performance.now())));
  }

  async dispose(): Promise<void> {
    // A plan that failed to compile has told so to whoever asked for it, and owns nothing.
    const plans = [...this.#sizes.values()].map(({ compiling }) => compiling);
    for (const result of await Promise.allSettled(plans)) {
      if (result.status === 'fulfilled') result.value.dispose();
    }
  }
}
