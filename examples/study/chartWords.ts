/** The sentences over charts of time and of the loss, from their numbers. */

import { trainedText } from './epochs.ts';
import { epochRange, fastest } from './epochTimes.ts';
import {
  best,
  elapsedSeconds,
  epochsRun,
  GUESSING_LOSS,
  last,
  percent,
  shortLoss,
  trainingsOf,
  wholeEpochs,
} from './facts.ts';
import type { RunResult } from './results.ts';
import { seedsText } from './seeds.ts';
import type { Sheet } from './sheet.ts';

export function timeTitle(sheet: Sheet): string {
  const { runs, baseline } = sheet;
  if (baseline === null || runs.length === 1 || baseline.interrupted) return sheet.headline;
  const goal = percent(last(baseline.history.val_accuracy));
  const reached = runs.filter((run) => run !== baseline && Number.isFinite(timeToMatch(run, baseline)));
  if (reached.length === 0) return `No other run was ever at the baseline’s final ${goal}`;
  const first = fastest(
    reached.map((run) => ({ run: sheet.trained(run), epochs: epochToMatch(run, baseline) + 1 })),
    { run: sheet.trained(baseline), epochs: epochsRun(baseline) },
    runs.map(sheet.trained),
  );
  if (first === null)
    return `None was clearly faster at ${goal} than the baseline: times of equal epochs differ too much`;
  return (
    `${first.run.name} was first at the baseline’s final ${goal} after about ${first.share.toFixed(2)}× its time ` +
    `(${first.low.toFixed(2)} to ${first.high.toFixed(2)}, as epochs differ)`
  );
}

export function timeHeadline(run: RunResult, sheet: Sheet): string {
  const { baseline } = sheet;
  const { low, high } = epochRange(trainingsOf(sheet.trained(run)));
  const each = low === undefined || wholeEpochs(run) < 2 ? '' : `, ${short(low)} to ${short(high)} s each`;
  const spent = `${trainedText(run)} in ${seconds(last(elapsedSeconds(run)))}${each}`;
  if (baseline === null || baseline === run) return spent;
  const reached = timeToMatch(run, baseline);
  return Number.isFinite(reached)
    ? `${spent}; first at the baseline’s final level after ${seconds(reached)}`
    : `${spent}; never at the baseline’s final level`;
}

/** Seconds until the run's validation accuracy first was what the baseline's was in the end; NaN if never. */
function timeToMatch(run: RunResult, baseline: RunResult): number {
  return elapsedSeconds(run)[epochToMatch(run, baseline)] ?? Number.NaN;
}

/** The epoch of that, from 0; -1 if never. */
function epochToMatch(run: RunResult, baseline: RunResult): number {
  const goal = last(baseline.history.val_accuracy);
  return run.history.val_accuracy.findIndex((value) => value >= goal);
}

export function lossTitle(sheet: Sheet): string {
  const { runs, seeds } = sheet;
  const bad = runs.filter((run) => sheet.verdict(run).verdict === 'diverged');
  if (bad.length > 0) return bad.map((run) => `${run.name} diverged: ${lossHeadline(run)}`).join('; ');
  const lowest = best(runs.map((run) => -last(run.history.val_loss)));
  if (lowest.epoch === 0) return 'No run has a finite validation loss at its end';
  const run = runs[lowest.epoch - 1];
  const mean = seeds.length > 1 ? `on average over ${seedsText(seeds)} ` : '';
  return (
    `${run.name} ${mean}ends with a validation loss of ${shortLoss(-lowest.value)} after ${trainedText(run)}` +
    `${runs.length > 1 ? ', the lowest in this study' : ''} (guessing is ${shortLoss(GUESSING_LOSS)})`
  );
}

export function lossHeadline(run: RunResult): string {
  const { loss, val_loss } = run.history;
  const broken = loss.findIndex((value) => !Number.isFinite(value));
  if (broken !== -1) return `loss is NaN from epoch ${broken + 1}`;
  if (loss.length === 0) return 'no epoch finished';
  const end = Number.isFinite(last(val_loss)) ? last(val_loss) : last(loss);
  const relation = end < GUESSING_LOSS - 0.05 ? 'below' : end > GUESSING_LOSS + 0.05 ? 'above' : 'at';
  const peak = Math.max(...loss.filter(Number.isFinite), ...val_loss.filter(Number.isFinite));
  const high = peak > GUESSING_LOSS * 1.2 && peak > end * 1.05 ? `peaks at ${shortLoss(peak)}, ` : '';
  return `${high}ends at ${shortLoss(end)}, ${relation} guessing`;
}

const short = (value: number): string => String(Number(value.toPrecision(2)));

function seconds(value: number): string {
  if (!Number.isFinite(value)) return 'unknown time';
  return value < 120 ? `${Number(value.toPrecision(3))} s` : `${(value / 60).toFixed(1)} min`;
}
