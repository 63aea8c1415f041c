/**
 * The newest state of a model that is known to be good. Reports come a few steps late, so a snapshot is only a candidate until a
 * report without a finding covers its last step.
 */

import type { SavedState, State } from '../../io/state.ts';
import type { CallbackModel, Snapshot } from '../callback.ts';

export class LastGood {
  readonly #model: CallbackModel;
  readonly #spacing: number;
  #good: Snapshot | null = null;
  /** The newest snapshot, as long as no report covers its last step. */
  #candidate: Snapshot | null = null;
  /** A snapshot that is no longer needed; the next one reuses its memory. */
  #spare: Snapshot | null = null;

  /** `spacing`: steps between two snapshots. */
  constructor(model: CallbackModel, spacing: number) {
    this.#model = model;
    this.#spacing = spacing;
  }

  /** Takes the model as training finds it, unless its weights are not finite already. */
  async begin(): Promise<void> {
    const weights = await this.#model.getWeights();
    if (weights.every(({ data }) => data.every(Number.isFinite))) this.#good = await this.#model.snapshot();
  }

  /** A report without a finding covers all steps up to this one, counted from 0 over the training. */
  async note(step: number): Promise<void> {
    this.#confirm(step);
    if (this.#candidate !== null || (this.#good !== null && step + 1 - this.#good.step < this.#spacing)) return;
    if (this.#spare === null) this.#candidate = await this.#model.snapshot();
    else {
      this.#candidate = this.#spare;
      this.#spare = null;
      this.#candidate.take();
    }
    this.#confirm(step);
  }

  #confirm(step: number): void {
    if (this.#candidate === null || this.#candidate.step > step + 1) return;
    this.#spare = this.#good;
    this.#good = this.#candidate;
    this.#candidate = null;
  }

  /** Drops the candidate: the steps before it may have been bad. */
  doubt(): void {
    this.#spare ??= this.#candidate;
    this.#candidate = null;
  }

  /** Brings the model back; returns the steps that had been taken then, or null where no good state is known. */
  back(): number | null {
    this.doubt();
    this.#good?.restore();
    return this.#good?.step ?? null;
  }

  async state(): Promise<State> {
    return { good: (await this.#good?.state()) ?? null, candidate: (await this.#candidate?.state()) ?? null };
  }

  async restore(saved: SavedState): Promise<void> {
    const [good, candidate] = [saved.recordOrNull('good'), saved.recordOrNull('candidate')];
    if (good !== null) {
      this.#good ??= await this.#model.snapshot();
      this.#good.load(good);
    }
    if (candidate !== null) {
      this.#candidate = await this.#model.snapshot();
      this.#candidate.load(candidate);
    }
  }

  dispose(): void {
    for (const snapshot of [this.#good, this.#candidate, this.#spare]) snapshot?.dispose();
    this.#good = null;
    this.#candidate = null;
    this.#spare = null;
  }
}
