/** Trainings that end as a kill ends them, for the tests of what goes on with them, and errors with what they say. */

import * as assert from 'uvu/assert';
import { Callback } from '../src/index.ts';

export class Interruption extends Error {}

/** Ends a training as a kill does: no hook hears of it. */
export class Interrupt extends Callback {
  readonly #epoch: number;
  readonly #batch: number;
  readonly #how: () => void;
  #now = 0;

  /** @param how by default an Interruption is thrown */
  constructor(epoch: number, batch: number, how = (): void => fail(new Interruption())) {
    super();
    [this.#epoch, this.#batch, this.#how] = [epoch, batch, how];
  }
  override get everyTrainBatch(): boolean {
    return false;
  }
  override onEpochBegin(epoch: number): void {
    this.#now = epoch;
  }
  override onTrainBatchEnd(batch: number): void {
    if (this.#now === this.#epoch && batch >= this.#batch) this.#how();
  }
}

/** Trains until a batch within an epoch is done, and stops: the model as it was saved there. */
export async function savedMidway(
  model: Saveable,
  train: (...callbacks: Callback[]) => Promise<unknown>,
): Promise<Uint8Array> {
  let saved: Uint8Array | null = null;
  class Stop extends Callback {
    override async onTrainBatchEnd(batch: number): Promise<void> {
      if (saved !== null || batch < 1) return;
      saved = await model.toSafetensors();
      model.stopTraining = true;
    }
  }
  await train(new Stop());
  return saved ?? fail(new Error('No batch but the first was trained with.'));
}

interface Saveable {
  stopTraining: boolean;
  toSafetensors(): Promise<Uint8Array>;
}

export function fail(error: Error): never {
  throw error;
}

/** Waits for a training that is interrupted. */
export async function interrupted(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => assert.unreachable('it was not interrupted'),
    (error: unknown) => {
      if (!(error instanceof Interruption)) throw error;
    },
  );
}

/** The error of a class that something must throw. */
export async function thrownBy(run: () => unknown, kind: new (...args: never[]) => Error): Promise<Error> {
  const caught = await Promise.resolve()
    .then(run)
    .then(
      () => null,
      (error: unknown) => error,
    );
  if (!(caught instanceof kind)) throw new Error(`Expected ${kind.name}, got ${caught}`, { cause: caught });
  return caught;
}

/** Asserts an error's class and what its message says. */
export async function rejects(
  run: () => unknown,
  kind: new (...args: never[]) => Error,
  ...parts: (string | RegExp)[]
): Promise<void> {
  const error = await thrownBy(run, kind);
  for (const part of parts) assert.match(String(error), part);
}
