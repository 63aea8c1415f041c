/** A pass over examples in batches: the plans for its batch sizes, and their replay, several batches a submission. */

import type { StepAnatomy } from '../../network/anatomy.ts';
import type { Device } from '../../runtime/device.ts';
import { type CompileProgress, type KnownLayers, Plan } from '../../runtime/plan.ts';
import type { StepValues } from '../../runtime/step.ts';
import { InFlight } from './inFlight.ts';
import { MOST_TOGETHER, Pace } from './pace.ts';
import { type Stage, seedOfPart } from './stage.ts';

/** Makes a progress for each of several plans that are compiled side by side. */
export type ProgressParts = () => CompileProgress;

interface CompiledStage extends Pick<Stage, 'size' | 'repeats' | 'again'> {
  readonly plan: Plan;
}

/** What a batch size has: its stages, which may still be compiling, and how many of its steps go together. */
interface Sized {
  readonly stages: readonly Stage[];
  readonly compiling: Promise<CompiledStage[]>;
  readonly pace: Pace;
}

export interface EpochPassOptions {
  readonly count: number;
  readonly batchSize: number;
  /** Batches of a submission; default: as many as fit the pace. */
  readonly together?: number;
}

export class EpochPass {
  /** Batches in all; the last one may be shorter. */
  readonly batches: number;
  readonly #device: Device;
  readonly #count: number;
  readonly #batchSize: number;
  readonly #build: (size: number) => readonly Stage[];
  readonly #together: number | undefined;
  readonly #sizes = new Map<number, Sized>();
  readonly #inFlight = new InFlight();

  /** `build`: the stages of a batch of a size; several where a batch is taken in parts. */
  constructor(
    device: Device,
    { count, batchSize, together }: EpochPassOptions,
    build: (size: number) => readonly Stage[],
  ) {
    this.#device = device;
    this.#count = count;
    this.#batchSize = batchSize;
    this.batches = Math.ceil(count / batchSize);
    this.#build = build;
    this.#together = together;
  }

  #sized(size: number, parts?: ProgressParts): Sized {
    let sized = this.#sizes.get(size);
    if (sized === undefined) {
      const stages = this.#build(size);
      sized = { stages, compiling: compileAll(this.#device, stages, parts), pace: new Pace(this.#together) };
      this.#sizes.set(size, sized);
    }
    return sized;
  }

  /** Compiles the plans of its batch sizes side by side. */
  async prepare(parts?: ProgressParts): Promise<void> {
    const sizes = new Set([this.sizeOf(0), this.sizeOf(this.batches - 1)]);
    await Promise.all([...sizes].map((size) => this.#sized(size, parts).compiling));
  }

  /** Examples of a batch. */
  sizeOf(batch: number): number {
    return Math.min(this.#batchSize, this.#count - batch * this.#batchSize);
  }

  /** How many batches from `batch` on the next submission should hold, at most `most`. They are equally large. */
  together(batch: number, most: number): number {
    const size = this.sizeOf(batch);
    const equal = Math.floor((this.#count - batch * this.#batchSize) / size);
    const { stages, pace } = this.#sized(size);
    return isWhole(stages) ? Math.min(pace.steps, equal, most) : 1;
  }

  /**
   * Submits `count` batches from `batch` on, when few enough submissions are in flight. `next` gives the values of one
   * after the other and may give the same object each time.
   */
  async run(batch: number, count: number, next: () => StepValues): Promise<void> {
    const { compiling, pace } = this.#sized(this.sizeOf(batch));
    const stages = await compiling;
    await this.#inFlight.room();
    const device = this.#device;
    const submitted = performance.now();
    if (isWhole(stages)) {
      const [{ plan }] = stages;
      for (let row = 0; row < count; row++) plan.set(row, next());
      plan.submit(count);
    } else {
      for (let row = 0; row < count; row++) submitInParts(stages, next());
    }
    const done = device.wait(device.gpu.queue.onSubmittedWorkDone());
    this.#inFlight.add(done.then(() => pace.measure(count, submitted, performance.now())));
  }

  async dispose(): Promise<void> {
    // A plan that failed to compile owns nothing, and its error went to the caller that awaited it.
    const all = [...this.#sizes.values()].map(({ compiling }) => compiling);
    for (const result of await Promise.allSettled(all)) {
      if (result.status === 'fulfilled') for (const { plan } of result.value) plan.dispose();
    }
  }
}

/** Whether a batch is one replay of one plan: then several batches go into one submission. */
const isWhole = (stages: readonly Pick<Stage, 'size' | 'repeats'>[]): boolean =>
  stages.length === 1 && stages[0].repeats === 1;

/** Compiles stages side by side; where one fails, the plans of the others are disposed of. */
async function compileAll(device: Device, stages: readonly Stage[], parts?: ProgressParts): Promise<CompiledStage[]> {
  const compiling = stages.map(async ({ effects, size, repeats, again, anatomy }): Promise<CompiledStage> => {
    const progress = parts?.();
    const layers = await layersFor(device, anatomy);
    const plan = await Plan.compile(device, effects, { maxSteps: MOST_TOGETHER, progress, layers });
    return { plan, size, repeats, again };
  });
  try {
    return await Promise.all(compiling);
  } catch (error) {
    for (const result of await Promise.allSettled(compiling)) {
      if (result.status === 'fulfilled') result.value.plan.dispose();
    }
    throw error;
  }
}

/** What names the layers of a plan, where it will be printed. */
export async function layersFor(device: Device, anatomy: StepAnatomy | undefined): Promise<KnownLayers | undefined> {
  if (device.onPlan === null || anatomy === undefined) return undefined;
  const { Purposes } = await import('../onDemand/index.ts');
  return new Purposes(anatomy);
}

/** One batch, part after part. Each part has random draws of its own. */
function submitInParts(stages: readonly CompiledStage[], values: StepValues): void {
  let { position } = values;
  let part = 0;
  for (const { plan, size, repeats, again } of stages) {
    if (again) [position, part] = [values.position, 0];
    for (let first = 0; first < repeats; first += MOST_TOGETHER) {
      const rows = Math.min(MOST_TOGETHER, repeats - first);
      for (let row = 0; row < rows; row++) {
        plan.set(row, { ...values, position, seed: seedOfPart(values.seed, part++) });
        position += size;
      }
      plan.submit(rows);
    }
  }
}
