import { flagOf } from '../base/checks.ts';
import { StateError } from '../base/errors.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { SavedState, State } from '../io/state.ts';
import { Callback, type WeightsAside } from './callback.ts';

/** Options of `SwapEMAWeights`. */
export interface SwapEMAWeightsOptions {
  /**
   * Whether the averages stay in the model from the end of an epoch to the beginning of the next one, so that callbacks see and save
   * them, such as `ModelCheckpoint` and `EarlyStopping`. Default false.
   */
  swapOnEpoch?: boolean;
}

/** How long the averages stay in the model: for an evaluation or a prediction, or until the next epoch. */
const STAYS = ['pass', 'epoch'] as const;
type Stay = (typeof STAYS)[number];

/**
 * Has evaluations and predictions go by the averages that the optimizer keeps of the weights with `useEma`, and training by the
 * weights: the former take the place of the latter before a validation, and go after it. In whatever place of the list it stands,
 * it comes before the other callbacks. What these make of the weights while the averages are there is lost when training goes on.
 * With it a training comes to the same bits as without.
 */
export class SwapEMAWeights extends Callback {
  /** @internal */
  static override readonly name: string = 'SwapEMAWeights';
  readonly swapOnEpoch: boolean;
  #aside: { readonly weights: WeightsAside; readonly stay: Stay } | null = null;

  /** @throws ArgumentError where `swapOnEpoch` is no boolean */
  constructor(options: SwapEMAWeightsOptions = {}) {
    super();
    const { swapOnEpoch } = takeOptions('SwapEMAWeights', options, { swapOnEpoch: false });
    this.swapOnEpoch = flagOf(swapOnEpoch, 'SwapEMAWeights', 'swapOnEpoch');
  }

  /** Called first of all, so that others find the averages, and put their own weights in their place after it. */
  override get rank(): number {
    return -1;
  }

  override async state(): Promise<State | null> {
    if (this.#aside === null) return null;
    const { weights, stay } = this.#aside;
    return { stay, weights: await weights.state() };
  }

  override async restore(saved: SavedState): Promise<void> {
    const stay = saved.choice('stay', STAYS);
    this.#putBack();
    await this.#swap(stay);
    this.#aside?.weights.load(saved.record('weights'));
  }

  /** @throws StateError where the optimizer keeps no averages */
  override onTrainBegin(): void {
    this.#check();
    this.#putBack();
  }

  override onEpochBegin(): void {
    this.#putBack();
  }

  override async onEpochEnd(): Promise<void> {
    if (this.swapOnEpoch) await this.#swap('epoch');
  }

  override onTestBegin(): Promise<void> {
    return this.#swap('pass');
  }

  override onTestEnd(): void {
    if (this.#aside?.stay === 'pass') this.#putBack();
  }

  override onPredictBegin(): Promise<void> {
    return this.#swap('pass');
  }

  override onPredictEnd(): void {
    this.onTestEnd();
  }

  /** The weights are the averages for good. */
  override onTrainEnd(): void {
    this.#drop();
  }

  override onTrainError(): void {
    this.#putBack();
  }

  async #swap(stay: Stay): Promise<void> {
    if (this.#aside !== null) return;
    this.#check();
    this.#aside = { weights: await this.model.swapAverages(), stay };
  }

  #putBack(): void {
    try {
      this.#aside?.weights.restore();
    } finally {
      this.#drop();
    }
  }

  #drop(): void {
    this.#aside?.weights.dispose();
    this.#aside = null;
  }

  #check(): void {
    const { name, useEma } = this.model.optimizer;
    if (useEma) return;
    throw new StateError(
      `SwapEMAWeights: the optimizer ${name} keeps no averages of the weights. Compile the model with useEma: true, as in ` +
        `new ${name}({ useEma: true }), or leave the callback out.`,
    );
  }
}
