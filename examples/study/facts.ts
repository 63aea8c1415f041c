/** What can be read off a run's numbers; shared by the verdicts, the table and the charts so that they agree. */
import { rateFalls } from '../../src/pictures/index.ts';
import type { RunHistory, Training, UnjudgedRun } from './results.ts';
import { average } from './statistics.ts';

/** CIFAR-10. */
export const CLASSES = 10;

/** The loss of saying 1/10 for every class: 2.303. */
export const GUESSING_LOSS = Math.log(CLASSES);

/** The loss of being sure of one and the same class each time, where probabilities are clipped at 1e-7: 14.51. */
export const CLIPPED_LOSS = (1 - 1 / CLASSES) * -Math.log(1e-7);

/** The rate fell between two epochs. */
export interface RateDrop {
  /** The last epoch at the old rate, from 1. */
  after: number;
  from: number;
  to: number;
}

/** The last number of a list, NaN if it is empty. */
export function last(values: readonly number[]): number {
  return values.at(-1) ?? NaN;
}

/** The largest finite number and its epoch from 1; NaN and 0 if there is none. */
export function best(values: readonly number[]): { value: number; epoch: number } {
  let found = { value: NaN, epoch: 0 };
  values.forEach((value, i) => {
    if (Number.isFinite(value) && !(value <= found.value)) found = { value, epoch: i + 1 };
  });
  return found;
}

/** The middle of the numbers, or the mean of the two in the middle; NaN if there are none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

/** Mean of the finite numbers, NaN if there are none. */
export function mean(values: readonly number[]): number {
  const finite = values.filter(Number.isFinite);
  return finite.reduce((sum, value) => sum + value, 0) / finite.length;
}

/** The run that the others are compared with; null if it was not made. */
export function baselineOf<Run extends Pick<UnjudgedRun, 'name'>>(runs: readonly Run[]): Run | null {
  return runs.find(({ name }) => name === 'baseline') ?? null;
}

/** Epochs that the run began, the one that was cut short included. */
export function epochsRun(run: Training): number {
  return run.history.loss.length;
}

/** The run's trainings, a seed each. */
export const trainingsOf = (run: UnjudgedRun): readonly Training[] => [run, ...(run.repeats ?? [])];

/** Epochs that a training finished. */
export const wholeEpochs = (training: Training): number => epochsRun(training) - (training.interrupted ? 1 : 0);

/**
 * Means over the run's trainings, of the epochs that all of them finished; where one has NaN, so has the mean. The rate is the
 * first one's: between rates that fall at other times there is no mean.
 */
export function meanHistory(run: UnjudgedRun): RunHistory {
  const trainings = trainingsOf(run);
  const epochs = Math.min(...trainings.map(wholeEpochs));
  const over = (key: keyof RunHistory): number[] =>
    Array.from({ length: epochs }, (_, i) => average(trainings.map(({ history }) => history[key][i])));
  return {
    loss: over('loss'),
    accuracy: over('accuracy'),
    val_loss: over('val_loss'),
    val_accuracy: over('val_accuracy'),
    learning_rate: run.history.learning_rate.slice(0, epochs),
  };
}

/** Where the learning rate fell. */
export function rateDrops({ learning_rate }: RunHistory): RateDrop[] {
  return rateFalls(learning_rate).map((after) => ({ after, from: learning_rate[after - 1], to: learning_rate[after] }));
}

/** The run that the chart of the learning rate is about: the one whose rate fell most often, else the plateau's. */
export function scheduledRun<Run extends UnjudgedRun>(runs: readonly Run[]): Run | null {
  const falls = runs.map((run) => rateDrops(run.history).length);
  const most = Math.max(0, ...falls);
  if (most > 0) return runs[falls.indexOf(most)];
  return runs.find((run) => run.name === 'plateau') ?? runs.at(-1) ?? null;
}

/** Seconds since the start of training at the end of each epoch. */
export function elapsedSeconds(run: UnjudgedRun): number[] {
  let elapsed = 0;
  return run.history.loss.map((_, i) => {
    elapsed += run.epochSeconds?.[i] ?? run.secondsPerEpoch;
    return elapsed;
  });
}

/** The adapter's name, and that it is none of a GPU. */
export const adapterText = ({ adapter, software }: { readonly adapter: string; readonly software: boolean }): string =>
  `${adapter}${software ? ' (software)' : ''}`;

/** `0.461` as `46.1 %`. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : 'NaN';
}

/** A loss in three digits or so. */
export function shortLoss(loss: number): string {
  if (!Number.isFinite(loss)) return String(loss);
  if (Math.abs(loss) >= 1e4) return loss.toExponential(1);
  return loss.toFixed(Math.abs(loss) >= 100 ? 0 : 2);
}

/** A learning rate without the tail that float32 gives it. */
export function shortRate(rate: number): string {
  const rounded = Number(rate.toPrecision(3));
  return rounded !== 0 && Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

/** `1 epoch`, `6 epochs`, `6 batches`. */
export function count(n: number, noun: string): string {
  const ending = n === 1 ? '' : /(tch|s|x)$/.test(noun) ? 'es' : 's';
  return `${n.toLocaleString('en-US')} ${noun}${ending}`;
}

/** `a`, `a and b`, `a, b and c`. */
export const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
