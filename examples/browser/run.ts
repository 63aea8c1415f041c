/** A run as the page keeps it: all plain data, so that a browser's database can hold it. Pure. */

import { last, median, shortRate } from '../study/facts.ts';
import { judgeStudy } from '../study/judgeStudy.ts';
import type { DropControl, Interruption, Training, UnjudgedRun } from '../study/results.ts';
import { PLANS, type RunPlan } from '../study/runs.ts';
import type { Verdict } from '../study/verdict.ts';
import { type CurveRun, emptyTrack, type Track } from '../ui/curve.ts';
import { completePlan, peculiarities } from './fields.ts';
import { type Norms, noNorms, withLook } from './norms.ts';
import type { Confusion, Ending, EpochEnd, Exhibits, Plan, RateChange, Reading } from './protocol.ts';
import {
  bandOf,
  meanTrack,
  noOutcome,
  type Outcome,
  outcomesOf,
  type Repeated,
  seedWords,
  whichTraining,
} from './repeats.ts';
import { firstPlan, type StudyRun } from './settings.ts';

/** `held`: it waited when the page was left, and waits until somebody says that it shall be made. */
export type RunState = 'queued' | 'held' | 'compiling' | 'training' | 'validating' | 'paused' | 'control' | Ending;

export interface Run extends Repeated {
  readonly id: string;
  readonly name: string;
  /** Which of the study's it is; null: one of the visitor's own. */
  readonly study: StudyRun | null;
  readonly color: number;
  readonly visible: boolean;
  /** What it was trained on; runs on other data cannot be compared. */
  readonly data: string;
  readonly state: RunState;
  readonly exhibits: Exhibits | null;
  readonly norms: Norms;
  readonly confusion: Confusion | null;
  /** Training steps of an epoch, and images of each validation; null before it has begun. */
  readonly steps: number | null;
  readonly held: number | null;
  /** The file whose weights it began with; null: fresh ones. */
  readonly from: string | null;
  /** Whether its name is made of its settings, and follows them. */
  readonly generated: boolean;
}

export const STUDY_RUNS: readonly (RunPlan & { readonly name: StudyRun })[] = Object.values(PLANS);

export type NewRun = Pick<Run, 'id' | 'name' | 'study' | 'color' | 'plan' | 'data'> & Partial<Pick<Run, 'generated'>>;

export const newRun = (facts: NewRun): Run => ({
  visible: true,
  state: 'queued',
  ...noOutcome(),
  earlier: [],
  exhibits: null,
  norms: noNorms(),
  confusion: null,
  steps: null,
  held: null,
  from: null,
  generated: false,
  ...facts,
});

/** A run that a page kept, which may be an older one that knew of less. */
export function adopted(kept: NewRun & Partial<Run>): Run {
  const { exhibits = null } = kept;
  return {
    ...newRun(kept),
    ...kept,
    plan: completePlan(kept.plan, firstPlan(true)),
    exhibits: exhibits && { ...exhibits, layers: exhibits.layers ?? [], step: exhibits.step ?? 0 },
  };
}

/**
 * A kept run as a page begins with it, whose Worker is busy with nothing: what was under way was cut off, what waited waits until
 * it is asked for. A control that is not whole is given up.
 */
export function put(run: Run): Run {
  if (run.state === 'control')
    return { ...run, state: 'done', controls: run.controls.filter(({ drop }) => drop !== null) };
  // One that had not taken a step has lost nothing: it begins anew in its turn.
  if (isUnderWay(run)) return { ...run, state: run.training.step.length === 0 ? 'held' : 'interrupted' };
  return run.state === 'queued' ? { ...run, state: 'held' } : run;
}

/** Whether the Worker is busy with it. */
export const isUnderWay = ({ state }: Pick<Run, 'state'>): boolean =>
  state === 'compiling' || state === 'training' || state === 'validating' || state === 'paused' || state === 'control';

export const isWaiting = ({ state }: Pick<Run, 'state'>): boolean => state === 'queued' || state === 'held';

export const hasEnded = (run: Run): boolean => !isUnderWay(run) && !isWaiting(run);

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

export const withExhibits = (run: Run, exhibits: Exhibits): Run => ({
  ...run,
  exhibits,
  norms: withLook(run.norms, exhibits),
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

/** It goes on behind these epochs and behind a step: what was read later was lost with the weights of then. */
export function wentOn(
  run: Run,
  { step, learningRate, ends }: { step: number; learningRate: number; ends: readonly EpochEnd[] },
): Run {
  const fresh = { ...run, training: until(run.training, step), epochs: emptyTrack(), validation: emptyTrack() };
  const changes = run.changes.filter(
    // A change behind the last step is part of what was kept if the rate is.
    (change) => change.step < step || (change.step === step && Math.fround(change.to) === Math.fround(learningRate)),
  );
  return ends.reduce(withEpoch, { ...fresh, changes, right: null, divergence: null, report: '' });
}

const part = (track: Track, keeps: (step: number) => boolean): Track => {
  const kept = (values: readonly number[]): number[] => values.filter((_, i) => keeps(track.step[i]));
  return {
    step: kept(track.step),
    epoch: kept(track.epoch),
    seconds: kept(track.seconds),
    loss: kept(track.loss),
    accuracy: kept(track.accuracy),
    learning_rate: kept(track.learning_rate),
  };
};

const until = (track: Track, last: number): Track => part(track, (step) => step <= last);

/** A control begins where the run's validation stood when its rate fell. */
export const withControl = (run: Run, after: number): Run => ({
  ...run,
  state: 'control',
  controls: [
    ...run.controls,
    { track: part(run.validation, (step) => step === run.validation.step[after - 1]), drop: null },
  ],
});

export const withControlEpoch = (run: Run, { training, validationLoss, validationAccuracy }: EpochEnd): Run => {
  const own = run.controls.at(-1);
  if (own === undefined) return run;
  const seconds = (own.track.seconds[0] ?? 0) + training.seconds;
  const reading = { ...training, seconds, loss: validationLoss, accuracy: validationAccuracy };
  return { ...run, controls: [...run.controls.slice(0, -1), { ...own, track: extended(own.track, [reading]) }] };
};

export const withControlled = (run: Run, drop: DropControl): Run => ({
  ...run,
  controls: run.controls.map((own, i) => (i === run.controls.length - 1 ? { ...own, drop } : own)),
});

/** Whether a control of its falls is under way. */
export const inControl = ({ controls }: Run): boolean => controls.some(({ drop }) => drop === null);

/** Changes of the rate between the same two steps are one, and one that leads back is none. */
export function withChange(run: Run, change: RateChange): Run {
  const before = run.changes.at(-1);
  const same = before?.step === change.step;
  const whole = same ? { ...change, from: before.from } : change;
  const earlier = same ? run.changes.slice(0, -1) : run.changes;
  return { ...run, changes: whole.from === whole.to ? earlier : [...earlier, whole] };
}

/** Most rates that a name lists. */
const MOST_RATES = 3;
/** And of what else sets it apart. */
const MOST_PECULIARITIES = 2;

/** What a run is called that nobody gave a name. */
export function generatedName(
  plan: Plan,
  changes: readonly RateChange[] = [],
  defaults: Plan = firstPlan(true),
): string {
  const { learningRate, batchSize } = plan;
  const rates = [learningRate, ...changes.map(({ to }) => to)].map(shortRate);
  const shown = rates.length > MOST_RATES ? [rates[0], '…', rates[rates.length - 1]] : rates;
  // A name is short: all else is told beside it.
  const others = peculiarities(plan, defaults);
  const named = [...others.slice(0, MOST_PECULIARITIES), ...(others.length > MOST_PECULIARITIES ? ['…'] : [])];
  return [`rate ${shown.join('→')}`, `batch ${batchSize}`, ...named].join(', ');
}

/** What a run was made with, and what somebody did to its rate. */
export function settingsOf(run: Run, defaults: Plan = firstPlan(true)): string {
  const { plan, from, changes } = run;
  const seeds = seedWords(run);
  const { learningRate, batchSize } = plan;
  const [last] = changes.slice(-1);
  const others = changes.length > 1 ? `, after ${changes.length - 1} more` : '';
  return [
    [`rate ${shortRate(learningRate)}`, `batch ${batchSize}`, ...peculiarities(plan, defaults)].join(', '),
    ...(seeds === '' ? [] : [seeds]),
    ...(from === null ? [] : [`begun with ${from}`]),
    ...(last === undefined
      ? []
      : [`rate ${shortRate(last.from)} → ${shortRate(last.to)} by hand at step ${last.step}${others}`]),
  ].join(' · ');
}

const stepsOf = ({ steps, plan }: Run): number => steps ?? Math.ceil(plan.images / plan.batchSize);

/** Where it was cut off, if that was within an epoch. */
export function interruptionOf(run: Run): Interruption | null {
  if (run.state !== 'stopped' && run.state !== 'interrupted' && run.state !== 'failed') return null;
  const of = stepsOf(run);
  const epoch = run.validation.step.length;
  const batches = last(run.training.step) - epoch * of;
  return batches > 0 ? { epoch, batches, of } : null;
}

/** The same in words; null where it was not cut off. */
export function cutOff(run: Run): string | null {
  const { epochs } = run.plan;
  const interruption = interruptionOf(run);
  const which = whichTraining(run);
  const place = which === '' ? '' : ` with ${which}`;
  if (interruption !== null) {
    const { epoch, batches, of } = interruption;
    return `interrupted${place} in epoch ${epoch + 1} of ${epochs} (step ${epoch * of + batches} of ${epochs * of})`;
  }
  if (run.state !== 'interrupted') return null;
  const done = run.validation.step.length;
  return done === 0
    ? `interrupted${place} before its first step`
    : `interrupted${place} after epoch ${done} of ${epochs}`;
}

/** Of several trainings their mean, and the band in which their validations lie. */
export function curveOf(run: Run): CurveRun {
  const { id, name, color, visible, plan } = run;
  const outcomes = begunOutcomes(run);
  const validations = outcomes.map(({ validation }) => validation);
  const broken = outcomes.flatMap(({ divergence }) => (divergence === null ? [] : [divergence.step]));
  return {
    id,
    name,
    color,
    visible,
    training: meanTrack(outcomes.map(({ training }) => training)),
    validation: meanTrack(validations),
    band: bandOf(validations),
    epochs: plan.epochs,
    brokenAt: broken.length === 0 ? null : Math.min(...broken),
    controls: run.controls.map(({ track }) => track),
    interrupted: interruptionOf(run) !== null,
  };
}

/** Those that have come to something, and the first one. */
const begunOutcomes = (run: Run): readonly Outcome[] =>
  outcomesOf(run).filter(({ training }, i) => i === 0 || training.step.length > 0);

/** What the runs that have ended showed. */
export interface PageJudgement {
  /** By the run's id. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Of those that are visible; null where none has ended. */
  readonly headline: string | null;
  /** Which of them is better than all that it can be compared with; null where none is. */
  readonly best: string | null;
}

/** Whether there is something to be judged. */
export const canBeJudged = (run: Run): boolean => hasEnded(run) && run.state !== 'failed';

export function judgeRuns(runs: readonly Run[]): PageJudgement {
  const ended = runs.filter(canBeJudged);
  const judgement = judgeStudy(ended.map(unjudged), Number.NaN);
  const { verdicts } = judgement;
  const visible = ended.filter((run) => run.visible);
  const shown =
    visible.length === 0
      ? null
      : visible.length === ended.length
        ? judgement
        : judgeStudy(visible.map(unjudged), Number.NaN);
  return {
    verdicts: new Map(ended.map(({ id }, i) => [id, verdicts[i]])),
    headline: shown?.headline ?? null,
    best: shown === null || shown.best === null ? null : visible[shown.best].id,
  };
}

/** What must be the same for two runs to be compared, beside what they are compared by. */
const conditionsOf = ({ data, plan, held, from }: Run): string =>
  [
    `${data}, ${plan.images} of them trained on`,
    ...(held === null ? [] : [`${held} validated on`]),
    ...(from === null ? [] : [`begun with ${from}`]),
  ].join(', ');

export function unjudged(run: Run): UnjudgedRun {
  const { name, study, plan, held, training } = run;
  const outcomes = begunOutcomes(run);
  const [first, ...repeats] = outcomes.map((outcome, i) => ({
    ...trainingOf(outcome, plan, plan.seed + i),
    interrupted: i === run.earlier.length ? interruptionOf(run) : null,
  }));
  return {
    name: study ?? name,
    learningRate: (outcomes[0] ?? run).training.learning_rate[0] ?? training.learning_rate[0] ?? plan.learningRate,
    batchSize: plan.batchSize,
    epochs: plan.epochs,
    ...first,
    ...(repeats.length > 0 && { repeats }),
    conditions: conditionsOf(run),
    ...(held !== null && { validationImages: held }),
    steered: outcomes.some(({ changes }) => changes.length > 0),
  };
}

function trainingOf(
  { epochs, validation, divergence, right, controls }: Outcome,
  { images }: Plan,
  seed: number,
): Training {
  const seconds = epochs.seconds.map((at, i) => at - (epochs.seconds[i - 1] ?? 0));
  const secondsPerEpoch = median(seconds);
  const drops = controls.flatMap(({ drop }) => (drop === null ? [] : [drop]));
  return {
    seed,
    history: {
      loss: [...epochs.loss],
      accuracy: [...epochs.accuracy],
      val_loss: [...validation.loss],
      val_accuracy: [...validation.accuracy],
      learning_rate: [...epochs.learning_rate],
    },
    secondsPerEpoch,
    imagesPerSecond: images / secondsPerEpoch,
    epochSeconds: seconds,
    divergence,
    ...(right !== null && { right }),
    ...(drops.length > 0 && { controls: drops }),
  };
}
