/** The whole study in a sentence: who is best, who is slow, who failed. Pure. */

import { meanEnd } from './evidence.ts';
import { count, listed, percent, wholeEpochs } from './facts.ts';
import { ALPHA, halfWidth } from './statistics.ts';
import { type Case, type Verdict, withError } from './verdict.ts';

/** Verdicts that a heading must not leave out, in the order in which it tells of them. */
const WORTH_TELLING: Readonly<Record<string, readonly [one: string, several: string]>> = {
  diverged: ['diverged', 'diverged'],
  unreliable: ['fails with some seeds', 'fail with some seeds'],
  'never learns': ['never learns', 'never learn'],
  slow: ['is slow', 'are slow'],
};

/** Most runs beside the leading ones that a heading has room for. */
const MOST_OTHERS = 2;

/**
 * Of runs that can be compared with each other: the one that ends highest, and then those that it cannot be told from. Any two are
 * compared, because it is the numbers that choose the two.
 */
export function leadersOf(rivals: readonly Case[]): readonly Case[] {
  const [top, ...others] = [...rivals].sort((a, b) => meanEnd(b.run) - meanEnd(a.run));
  if (others.length === 0) return [];
  const alpha = ALPHA / ((rivals.length * (rivals.length - 1)) / 2);
  const level = others.filter((other) => {
    const gap = top.evidence.difference(top.run, other.run);
    // A gap without a known error tells nothing.
    return !(gap.value > halfWidth(gap, alpha));
  });
  return [top, ...level];
}

/**
 * @param rivals those of the cases that can be compared with each other
 * @param leaders what `leadersOf` says of these
 */
export function headlineOf(
  cases: readonly Case[],
  verdicts: readonly Verdict[],
  rivals: readonly Case[],
  leaders: readonly Case[],
): string {
  const [only] = cases;
  if (only === undefined) return 'No run';
  if (cases.length === 1) return `${only.run.name}: ${verdicts[0].headline}`;
  const clauses = leading(rivals, leaders);
  const others = cases.filter(
    (one) => !rivals.includes(one) && Number.isFinite(meanEnd(one.run)) && one.evidence.learned(one.run),
  );
  if (others.length <= MOST_OTHERS)
    for (const one of others)
      clauses.push(`${one.run.name} ends at ${withError(one)} after ${count(wholeEpochs(one.run), 'epoch')}`);
  for (const [word, [one, several]] of Object.entries(WORTH_TELLING)) {
    const names = cases.flatMap(({ run }, i) => (verdicts[i].verdict === word ? [run.name] : []));
    if (names.length > 0) clauses.push(`${listed(names)} ${names.length === 1 ? one : several}`);
  }
  return clauses.length === 0 ? 'No run has learned' : clauses.join('; ');
}

function leading(rivals: readonly Case[], [top, ...level]: readonly Case[]): string[] {
  if (top === undefined) return [];
  const name = top.run.name;
  if (level.length === 0) return [`${name} is best: ${withError(top)} validation accuracy`];
  const whom =
    level.length === rivals.length - 1 && level.length > 1 ? 'all others' : listed(level.map(({ run }) => run.name));
  return [`${name} leads with ${percent(meanEnd(top.run))}, within noise of ${whom}`];
}
