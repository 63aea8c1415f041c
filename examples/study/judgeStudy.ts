/** What a study showed: a verdict for each run and a sentence about all of them. Pure. */

import { Evidence, hasLearned } from './evidence.ts';
import { count, trainingsOf, wholeEpochs } from './facts.ts';
import { paceRatio } from './pace.ts';
import type { UnjudgedRun } from './results.ts';
import { headlineOf, leadersOf } from './standings.ts';
import { ALPHA } from './statistics.ts';
import { type Case, type Verdict, verdictOf, withError } from './verdict.ts';

export interface Judgement {
  /** Of the runs, in their order. */
  readonly verdicts: readonly Verdict[];
  /** What each run ends with: `51.2 ± 1.9 %`. */
  readonly ends: readonly string[];
  /** The place in the list of the run that is better than all that it can be compared with; null where none is. */
  readonly best: number | null;
  /** The whole study in a sentence. */
  readonly headline: string;
}

/**
 * The comparisons with the baseline, all together, are wrong in at most one of twenty studies (Bonferroni); so is the choice of the
 * best run, and so is what is said of falling rates.
 *
 * @param runs in the order in which they were made: where several are named `baseline`, the last one is
 * @param validationImages images of each validation; NaN where that is not known
 */
export function judgeStudy(runs: readonly UnjudgedRun[], validationImages: number): Judgement {
  const groups = grouped(runs, ({ conditions = '' }) => conditions).map((group) => casesOf(group, validationImages));
  const cases = runs.flatMap((run) => groups.flat().filter((one) => one.run === run));
  const verdicts = cases.map(verdictOf);
  // Of all that can be compared with each other, what most runs are in: the newest of equals.
  const rivals = grouped(
    cases.filter(({ course }) => course !== null),
    ({ run, course }) => `${run.conditions}: ${course}`,
  ).reduce<readonly Case[]>((most, some) => (some.length >= most.length ? some : most), []);
  const leaders = leadersOf(rivals);
  return {
    verdicts,
    ends: cases.map(withError),
    best: leaders.length === 1 ? cases.indexOf(leaders[0]) : null,
    headline: headlineOf(cases, verdicts, rivals, leaders),
  };
}

/** Of runs under the same conditions. */
function casesOf(runs: readonly UnjudgedRun[], validationImages: number): Case[] {
  const images = runs[0].validationImages ?? validationImages;
  const courses = new Map(runs.map((run) => [run, courseOf(run, images)]));
  const evidence = new Evidence(
    runs.filter((run) => courses.get(run) !== null),
    images,
  );
  const baseline = runs.findLast(({ name }) => name === 'baseline') ?? null;
  const apart = (run: UnjudgedRun): string => (baseline === null ? '' : whyApart(run, baseline, courses));
  const compared = runs.filter((run) => run.name !== 'baseline' && apart(run) === '');
  const controlled = runs.filter((run) => trainingsOf(run).some(({ controls = [] }) => controls.length > 0));
  return runs.map((run) => ({
    run,
    course: courses.get(run) ?? null,
    baseline: run.name === 'baseline' ? null : baseline,
    apart: apart(run),
    twin:
      runs.find(
        (other) =>
          other !== run &&
          other.learningRate === run.learningRate &&
          other.batchSize === run.batchSize &&
          trainingsOf(other).every((training) => evidence.learned(training)),
      ) ?? null,
    evidence,
    pace: baseline === null ? null : paceRatio(run, baseline, runs),
    alpha: ALPHA / Math.max(1, compared.length),
    dropAlpha: ALPHA / Math.max(1, controlled.length),
  }));
}

/**
 * How long a run was trained and how its rate moved, relative to its first: runs of one course can be called better or worse than
 * each other. Null where it did not learn, where somebody changed its rate by hand, or where its seeds differ in their course.
 */
function courseOf(run: UnjudgedRun, images: number): string | null {
  if (run.steered) return null;
  const courses = new Set(
    trainingsOf(run).map((training) => {
      const rates = training.history.learning_rate.slice(0, wholeEpochs(training));
      return hasLearned(training, images) ? rates.map((rate) => (rate / rates[0]).toPrecision(3)).join(' ') : null;
    }),
  );
  const [course] = courses;
  return courses.size === 1 ? course : null;
}

/** Why a run that learned is not called better or worse than the baseline; empty where it can be. */
function whyApart(run: UnjudgedRun, baseline: UnjudgedRun, courses: ReadonlyMap<UnjudgedRun, string | null>): string {
  const [mine, theirs] = [run, baseline].map((one) => courses.get(one) ?? null);
  if (mine !== null && mine === theirs) return '';
  const { name } = baseline;
  if (run.steered) return `not compared with the ${name}: its rate was changed by hand`;
  if (baseline.steered) return `not compared with the ${name}, whose rate was changed by hand`;
  if (theirs === null) return `not compared with the ${name}, which did not learn`;
  const epochs = wholeEpochs(baseline);
  if (epochs !== wholeEpochs(run)) return `not compared with the ${name}, which had ${count(epochs, 'epoch')}`;
  return `not compared with the ${name}, whose rate took another course`;
}

/** In the order of their first members. */
function grouped<One>(all: readonly One[], keyOf: (one: One) => string): One[][] {
  const groups = new Map<string, One[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}
