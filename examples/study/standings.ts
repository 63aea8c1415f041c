/** The whole study in a sentence: who is best, who is slow, who failed. Pure. */

import { baselineOf, best, last, percent } from './facts.ts';
import type { UnjudgedRun } from './results.ts';
import { type Verdict, verdict } from './verdict.ts';

export interface Standing {
  readonly name: string;
  /** The newest validation accuracy; NaN where there is none. */
  readonly accuracy: number;
  readonly verdict: Verdict;
}

/** Those of a study's runs. */
export const standingsOf = (runs: readonly UnjudgedRun[]): string =>
  standings(
    runs.map((run) => ({
      name: run.name,
      accuracy: last(run.history.val_accuracy),
      verdict: verdict(run, baselineOf(runs)),
    })),
  );

/** Verdicts that a heading must not leave out, in the order in which it tells of them. */
const WORTH_TELLING = ['diverged', 'never learns', 'slow'];

export function standings(runs: readonly Standing[]): string {
  const [only] = runs;
  if (only === undefined) return 'No run';
  if (runs.length === 1) return `${only.name}: ${only.verdict.headline}`;
  const top = best(runs.map(({ accuracy }) => accuracy));
  const clauses =
    top.epoch > 0 ? [`${runs[top.epoch - 1].name} is best: ${percent(top.value)} validation accuracy`] : [];
  for (const word of WORTH_TELLING) {
    const names = runs.filter(({ verdict }) => verdict.verdict === word).map(({ name }) => name);
    if (names.length > 0) clauses.push(`${listed(names)} ${PREDICATES[word][names.length === 1 ? 0 : 1]}`);
  }
  return clauses.join('; ');
}

const PREDICATES: Readonly<Record<string, readonly [one: string, several: string]>> = {
  diverged: ['diverged', 'diverged'],
  'never learns': ['never learns', 'never learn'],
  slow: ['is slow', 'are slow'],
};

const listed = (names: readonly string[]): string =>
  names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
