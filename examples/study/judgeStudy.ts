/** What a study showed: a verdict for each run and a sentence about all of them. Pure. */

import { baselineOf } from './facts.ts';
import type { UnjudgedRun } from './results.ts';
import { standingsOf } from './standings.ts';
import { type Verdict, verdict } from './verdict.ts';

export interface Judgement {
  /** Of the runs, in their order. */
  readonly verdicts: readonly Verdict[];
  /** The whole study in a sentence. */
  readonly headline: string;
}

/** @param validationImages images of each validation; NaN where that is not known */
export function judgeStudy(runs: readonly UnjudgedRun[], _validationImages: number): Judgement {
  const verdicts = runs.map((run) => verdict(run, baselineOf(runs.filter((one) => one.conditions === run.conditions))));
  return { verdicts, headline: standingsOf(runs) };
}
