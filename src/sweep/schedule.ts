/** What is to be trained next: a function of what has been reported, whoever reported it and when. */

import { kept, survivors } from './halving.ts';
import type { EpochRecord, TrialEnd } from './trial.ts';

/** What the decisions need of a trial. */
export interface TrialState {
  readonly epochs: readonly EpochRecord[];
  readonly end: TrialEnd | null;
}

/** How trials are compared. */
export interface Contest {
  /** Points of each group; together all of them. */
  readonly groups: readonly (readonly number[])[];
  /** Trials of a point: `point × seeds` is the number of its first one. */
  readonly seeds: number;
  /** Epochs after which points are compared, rising; the last is the end. */
  readonly rungs: readonly number[];
  readonly factor: number;
  readonly objective: string;
  readonly mode: 'min' | 'max';
}

/** What follows from the state of all trials. */
export interface Decision {
  /** Trials that end now. */
  readonly ends: readonly { readonly trial: number; readonly end: 'done' | 'stopped' }[];
  /** Trials to be trained on, and up to how many epochs; what comes first is to be begun first. */
  readonly legs: readonly { readonly trial: number; readonly until: number }[];
  /** Epochs that are still to be trained if nothing more diverges. */
  readonly epochsLeft: number;
}

export function decide(contest: Contest, trials: readonly TrialState[]): Decision {
  const ends: { trial: number; end: 'done' | 'stopped' }[] = [];
  const legs: { trial: number; until: number }[] = [];
  let epochsLeft = 0;
  for (const group of contest.groups) {
    let active: readonly number[] = group;
    for (const [at, rung] of contest.rungs.entries()) {
      const members = active.flatMap((point) => trialsOf(contest, point));
      const behind = members.filter((trial) => trials[trial].end === null && trials[trial].epochs.length < rung);
      if (behind.length > 0) {
        for (const trial of behind) {
          legs.push({ trial, until: rung });
          epochsLeft += rung - trials[trial].epochs.length;
        }
        epochsLeft += later(contest, active.length, at);
        break;
      }
      const last = at === contest.rungs.length - 1;
      const values = active.map((point) => valueAfter(contest, trials, point, rung));
      const best = last ? [] : survivors(values, contest.factor, contest.mode).map((i) => active[i]);
      const going = new Set(best);
      for (const point of active.filter((one) => !going.has(one))) {
        for (const trial of trialsOf(contest, point))
          if (trials[trial].end === null) ends.push({ trial, end: last ? 'done' : 'stopped' });
      }
      active = best;
    }
  }
  return { ends, legs, epochsLeft };
}

const trialsOf = ({ seeds }: Contest, point: number): number[] =>
  Array.from({ length: seeds }, (_, seed) => point * seeds + seed);

/** Mean of the objective over the seeds; NaN where a seed did not get that far: such a point is no good one. */
function valueAfter(contest: Contest, trials: readonly TrialState[], point: number, epochs: number): number {
  const values = trialsOf(contest, point).map((trial) => {
    const { end, epochs: records } = trials[trial];
    return end === 'diverged' || end === 'failed'
      ? Number.NaN
      : (records[epochs - 1]?.logs[contest.objective] ?? Number.NaN);
  });
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Epochs behind the rung at `at`, which so many points come to. */
function later({ rungs, factor, seeds }: Contest, points: number, at: number): number {
  let [left, epochs] = [points, 0];
  for (let next = at + 1; next < rungs.length; next++) {
    left = kept(left, factor);
    epochs += left * seeds * (rungs[next] - rungs[next - 1]);
  }
  return epochs;
}
