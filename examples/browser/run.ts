/** A run as the page keeps it: all plain data, so that a browser's database can hold it. Pure. */

import type { Divergence } from '../../src/index.ts';
import { median } from '../study/facts.ts';
import { judgeStudy } from '../study/judgeStudy.ts';
import type { UnjudgedRun } from '../study/results.ts';
import { PLANS, type RunPlan } from '../study/runs.ts';
import type { Verdict } from '../study/verdict.ts';
import { type CurveRun, emptyTrack, type Track } from '../ui/curve.ts';
import type { Ending, EpochEnd, Exhibits, Plan, Reading } from './protocol.ts';

export type StudyRun = keyof typeof PLANS;

export type RunState = 'queued' | 'compiling' | 'training' | 'validating' | 'paused' | 'interrupted' | Ending;

export interface Run {
  readonly id: string;
  readonly name: string;
  /** Which of the study's it is; null: one of the visitor's own. */
  readonly study: StudyRun | null;
  readonly color: number;
  readonly visible: boolean;
  readonly plan: Plan;
  /** What it was trained on; runs on other data cannot be compared. */
  readonly data: string;
  readonly state: RunState;
  readonly training: Track;
  readonly validation: Track;
  /** Means of each epoch's training. */
  readonly epochs: Track;
  readonly divergence: Divergence | null;
  /** The detector's report, or why the run failed. */
  readonly report: string;
  readonly exhibits: Exhibits | null;
}

export const STUDY_RUNS: readonly (RunPlan & { readonly name: StudyRun })[] = Object.values(PLANS);

export type NewRun = Pick<Run, 'id' | 'name' | 'study' | 'color' | 'plan' | 'data'>;

export const newRun = (facts: NewRun): Run => ({
  ...facts,
  visible: true,
  state: 'queued',
  training: emptyTrack(),
  validation: emptyTrack(),
  epochs: emptyTrack(),
  divergence: null,
  report: '',
  exhibits: null,
});

/** Whether the Worker is busy with it. */
export const isUnderWay = ({ state }: Pick<Run, 'state'>): boolean =>
  state === 'compiling' || state === 'training' || state === 'validating' || state === 'paused';

export const hasEnded = (run: Run): boolean => !isUnderWay(run) && run.state !== 'queued';

/** Most readings of a run: more than a chart has pixels. */
const MOST_READINGS = 2000;

export const withReadings = (run: Run, readings: readonly Reading[]): Run => ({
  ...run,
  state: run.state === 'paused' ? 'paused' : 'training',
  training: thinned(extended(run.training, readings)),
});

export const withEpoch = (run: Run, { training, validationLoss, validationAccuracy }: EpochEnd): Run => ({
  ...run,
  epochs: extended(run.epochs, [training]),
  validation: extended(run.validation, [{ ...training, loss: validationLoss, accuracy: validationAccuracy }]),
});

const extended = (track: Track, readings: readonly Reading[]): Track => ({
  step: [...track.step, ...readings.map(({ step }) => step)],
  epoch: [...track.epoch, ...readings.map(({ epoch }) => epoch)],
  seconds: [...track.seconds, ...readings.map(({ seconds }) => seconds)],
  loss: [...track.loss, ...readings.map(({ loss }) => loss)],
  accuracy: [...track.accuracy, ...readings.map(({ accuracy }) => accuracy)],
  learning_rate: [...track.learning_rate, ...readings.map(({ learningRate }) => learningRate)],
});

/** Where there are too many readings, each two become one, at the place of the later; NaN stays NaN. */
function thinned(track: Track): Track {
  if (track.step.length <= MOST_READINGS) return track;
  const later = (values: readonly number[]): number[] =>
    values.filter((_, i) => i % 2 === 1 || i === values.length - 1);
  const mean = (values: readonly number[]): number[] =>
    later(values.map((value, i) => (i % 2 === 1 ? (values[i - 1] + value) / 2 : value)));
  return {
    step: later(track.step),
    epoch: later(track.epoch),
    seconds: later(track.seconds),
    loss: mean(track.loss),
    accuracy: mean(track.accuracy),
    learning_rate: later(track.learning_rate),
  };
}

export const curveOf = ({ id, name, color, visible, plan, training, validation, divergence }: Run): CurveRun => ({
  id,
  name,
  color,
  visible,
  training,
  validation,
  epochs: plan.epochs,
  brokenAt: divergence?.step ?? null,
});

/** What the runs that have ended showed. */
export interface PageJudgement {
  /** By the run's id. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Of those that are visible; null where none has ended. */
  readonly headline: string | null;
}

export function judgeRuns(runs: readonly Run[]): PageJudgement {
  const ended = runs.filter((run) => hasEnded(run) && run.state !== 'failed');
  const { verdicts } = judgeStudy(ended.map(unjudged), Number.NaN);
  const visible = ended.filter((run) => run.visible);
  return {
    verdicts: new Map(ended.map(({ id }, i) => [id, verdicts[i]])),
    headline: visible.length === 0 ? null : judgeStudy(visible.map(unjudged), Number.NaN).headline,
  };
}

function unjudged({ name, study, data, plan, training, epochs, validation, divergence }: Run): UnjudgedRun {
  const seconds = epochs.seconds.map((at, i) => at - (epochs.seconds[i - 1] ?? 0));
  const secondsPerEpoch = median(seconds);
  return {
    name: study ?? name,
    learningRate: training.learning_rate[0] ?? plan.learningRate,
    batchSize: plan.batchSize,
    epochs: plan.epochs,
    history: {
      loss: [...epochs.loss],
      accuracy: [...epochs.accuracy],
      val_loss: [...validation.loss],
      val_accuracy: [...validation.accuracy],
      learning_rate: [...epochs.learning_rate],
    },
    secondsPerEpoch,
    imagesPerSecond: plan.images / secondsPerEpoch,
    epochSeconds: seconds,
    divergence,
    conditions: `${data}, ${plan.images} of them trained on`,
  };
}
