/** What a small training comes to: by its losses over all examples, and in the eyes of a divergence detector. */

import { Callback, DivergenceDetector, type DivergenceKind, type MetricsReport } from '../src/index.ts';
import type { Trial } from './trials.ts';

/** `unclear`: neither the one nor the other by its losses. */
export type Health = 'healthy' | 'sick' | 'unclear';

export interface Outcome {
  readonly name: string;
  readonly health: Health;
  /** Loss over all examples before training and after each epoch, by the weights' sum. */
  readonly losses: readonly number[];
  readonly guessing: number;
  /** What the detector said first, if anything. */
  readonly alarm: { readonly kind: DivergenceKind; readonly step: number } | null;
  /** Steps from the trial's onset to the alarm, and the same in epochs. */
  readonly delay: number;
  readonly delayInEpochs: number;
}

/** A classifier that ends above this part of the loss of guessing is no better than a constant output. */
const NO_BETTER = 0.99;
/** One that ends below this part of it is. */
const BETTER = 0.97;
/** A regression whose loss is above so many times both its first loss and that of the best constant has blown up. */
const BLOWN_UP = 2;
/** A loss that falls below this part of the first one has fallen. */
const FALLEN = 0.95;

/**
 * Judges by losses over all examples alone, with dropout off: `losses` before training and some ten times later on, the last one
 * at the end; `finite`: whether each batch's loss was.
 *
 * - sick: a loss is not finite; a classifier ends no better than a constant output, and does not come nearer in the second half
 *   of training; a regression ends at twice what a constant output costs, and at twice its first loss.
 * - healthy: the loss of a regression never was twice those two; a classifier ends better than a constant output; and the loss has
 *   fallen, or it was less than half of a constant output's and still is.
 */
export function healthOf(losses: readonly number[], guessing: number, classifier: boolean, finite: boolean): Health {
  const [first, ...later] = losses;
  const last = later[later.length - 1];
  const middle = losses[losses.length >> 1];
  const blownUp = (loss: number): boolean => loss > BLOWN_UP * Math.max(first, guessing);
  if (!finite || !losses.every(Number.isFinite)) return 'sick';
  if (!classifier && blownUp(last)) return 'sick';
  if (classifier && last > NO_BETTER * guessing) return last > NO_BETTER * middle ? 'sick' : 'unclear';
  if (later.some(blownUp) || (classifier && last > BETTER * guessing)) return 'unclear';
  return last < FALLEN * first || (first < guessing / 2 && last < guessing / 2) ? 'healthy' : 'unclear';
}

/** Whether every loss of training was finite. */
class Finite extends Callback {
  every = true;
  override get everyTrainBatch(): boolean {
    return false;
  }
  override onMetrics({ window, nonFinite }: MetricsReport): void {
    if (nonFinite !== null || !Number.isFinite(window.loss)) this.every = false;
  }
}

/** Trains to the end, whatever the detector says. `watchers` look on. */
export async function judge(trial: Trial, watchers: readonly Callback[] = []): Promise<Outcome> {
  const { name, model, x, y, weights, options, before, guessing, classifier, onset } = trial;
  const detector = new DivergenceDetector({ onDivergence: 'warn', print: () => {} });
  const finite = new Finite();
  const [count] = x.shape;
  const weight = weights.reduce((sum, one) => sum + one, 0) / count;
  try {
    if (before !== null) {
      const { optimizer } = model;
      const { learningRate } = optimizer;
      optimizer.learningRate = before.rate;
      await model.fit(x, y, { ...options, batchSize: 32, epochs: before.epochs });
      optimizer.learningRate = learningRate;
      await model.resetOptimizer();
    }
    const whole = { sampleWeight: weights, batchSize: 128 };
    const first = await model.evaluate(x, y, whole);
    const { history } = await model.fit(x, y, {
      ...options,
      validationData: [x, y, weights],
      validationBatchSize: 128,
      validationFreq: Math.ceil((options.epochs ?? 1) / 10),
      callbacks: [...(options.callbacks ?? []), finite, detector, ...watchers],
    });
    const losses = [first.loss, ...history.val_loss, (await model.evaluate(x, y, whole)).loss].map(
      (loss) => loss / weight,
    );
    const alarm = detector.divergence;
    const steps = Math.ceil(count / (options.batchSize ?? 32));
    const begun = before === null ? 0 : before.epochs * Math.ceil(count / 32);
    const delay = alarm === null ? Number.NaN : alarm.step - begun - onset * steps + 1;
    return {
      name,
      health: healthOf(losses, guessing, classifier, finite.every),
      losses,
      guessing,
      alarm: alarm && { kind: alarm.kind, step: alarm.step },
      delay,
      delayInEpochs: delay / steps,
    };
  } finally {
    model.dispose();
  }
}
