/** A copy of a model where it lies: weights, and what the optimizer remembers. */

import type { Snapshot } from '../../callbacks/callback.ts';
import type { SavedState, State } from '../../io/state.ts';
import type { Compiled } from '../../network/compiled.ts';
import { DeviceCopy } from './deviceCopy.ts';

export class DeviceSnapshot implements Snapshot {
  step: number;
  readonly #compiled: Compiled;
  readonly #restored: () => void;
  readonly #copy: DeviceCopy;
  /** Steps that the moments have seen. */
  #moments: number;

  /** Takes the model as it is. `restored`: called when the model has gone back. */
  constructor(compiled: Compiled, restored: () => void) {
    const { network, moments, progress } = compiled;
    this.#compiled = compiled;
    this.#restored = restored;
    const blocks = [network.trainable, network.fixed].filter(({ size }) => size > 0).map(({ node }) => node);
    const remembered = moments.nodes();
    this.#copy = new DeviceCopy(compiled, [...blocks, ...remembered.moments, remembered.leftOut]);
    this.step = progress.step;
    this.#moments = moments.steps;
  }

  take(): void {
    const { progress, moments } = this.#compiled;
    this.step = progress.step;
    this.#moments = moments.steps;
    this.#copy.take();
  }

  restore(): void {
    this.#compiled.moments.steps = this.#moments;
    this.#copy.restore();
    this.#restored();
  }

  async state(): Promise<State> {
    const { step } = this;
    const moments = this.#moments;
    return { step, moments, values: await this.#copy.values() };
  }

  load(saved: SavedState): void {
    this.#copy.load(saved);
    this.step = saved.whole('step');
    this.#moments = saved.whole('moments');
  }

  dispose(): void {
    this.#copy.dispose();
  }
}
