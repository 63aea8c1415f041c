/** How the best rate grows with the batch: its exponent, and which of the two rules fits. Pure. */

import { ALPHA, average, halfWidth, squares } from '../study/statistics.ts';
import { batchesOf, bestRates, ratesOf, type SweepFacts, seedsOf } from './plane.ts';

/** The rules, by the exponent of the batch: the video's, and that of Malladi et al. (2022) for Adam. */
export const RULES = [
  { name: 'linear rule', exponent: 1 },
  { name: 'square-root rule', exponent: 0.5 },
] as const;

export interface Exponent {
  /** The best rate grows like the batch to this power. */
  readonly value: number;
  /** Half the width of the interval for 95 cases in 100. */
  readonly within: number;
  /** For each of `RULES`: by which factor it misses the best rates on average, begun at the smallest batch's. */
  readonly misses: readonly number[];
  /** The same of a rate that does not change. */
  readonly constantMisses: number;
}

/**
 * A line of least squares through the logarithms, a point a batch size and seed. Its uncertainty follows from how the points
 * scatter, and is at least that of rates that lie on a grid. Null where there are fewer than three batch sizes.
 */
export function exponentOf(facts: SweepFacts): Exponent | null {
  const points = seedsOf(facts).flatMap((seed) =>
    bestRates(facts, seed).map(({ batch, rate }) => ({ x: Math.log(batch), y: Math.log(rate) })),
  );
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  if (new Set(xs).size < 3) return null;
  const [mx, my, sxx] = [average(xs), average(ys), squares(xs)];
  const value = points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / sxx;
  const df = points.length - 2;
  // A line of least squares leaves residuals whose mean is 0.
  const scatter = squares(points.map(({ x, y }) => y - value * x)) / df;
  const rates = ratesOf(facts).map(Math.log);
  // A best rate lies anywhere between its neighbours' middles.
  const step = rates.length < 2 ? 0 : (rates[rates.length - 1] - rates[0]) / (rates.length - 1);
  // ... and the grid errs alike for all seeds.
  const error = Math.sqrt(Math.max(scatter, (seedsOf(facts).length * step ** 2) / 12) / sxx);
  const best = bestRates(facts);
  const missBy = (exponent: number): number => {
    const off = best.map(
      ({ batch, rate }) => Math.log(rate / best[0].rate) - exponent * Math.log(batch / best[0].batch),
    );
    return Math.exp(Math.sqrt(off.reduce((sum, one) => sum + one ** 2, 0) / Math.max(1, off.length - 1)));
  };
  return {
    ...{ value, within: halfWidth({ error, df }, ALPHA) },
    misses: RULES.map(({ exponent }) => missBy(exponent)),
    constantMisses: missBy(0),
  };
}

/** Without the sign of a zero. */
const two = (value: number): string => String((Math.round(value * 100) / 100 + 0).toFixed(2));
const factor = (value: number): string => value.toPrecision(2);

/** Which rule fits, in a sentence or two. */
export function ruleWords(facts: SweepFacts): string {
  const best = bestRates(facts);
  if (best.length === 0) return 'No point was trained to its end: there is no best rate.';
  const exponent = exponentOf(facts);
  if (exponent === null) {
    return `Of ${best.length === 1 ? 'one batch size' : 'two batch sizes'} no rule can be read${batchesOf(facts).length > 2 ? ', as all others diverged' : ''}.`;
  }
  const { value, within, misses, constantMisses } = exponent;
  const fits = RULES.filter((rule) => Math.abs(rule.exponent - value) <= within).map(({ name }) => name);
  const mayStay = Math.abs(value) <= within;
  const grows = `The best rate grows like the batch to the power of ${two(value)} ± ${two(within)}`;
  const [better, worse] = misses[0] < misses[1] ? [0, 1] : [1, 0];
  const missed =
    `begun at the smallest batch, the ${RULES[better].name} misses the best rates by a factor of ${factor(misses[better])}, ` +
    `the ${RULES[worse].name} by ${factor(misses[worse])}, a rate that stays by ${factor(constantMisses)}`;
  return `${grows}: ${verdict(fits, mayStay)}; ${missed}.`;
}

/** `mayStay`: whether the best rate may as well not grow at all. */
function verdict(fits: readonly string[], mayStay: boolean): string {
  if (fits.length === 2)
    return `both rules fit${mayStay ? ', and so does a rate that stays' : ''}; more seeds may tell which does`;
  if (fits.length === 1 && mayStay)
    return `the ${fits[0]} is not ruled out, nor is that it does not grow; more seeds may tell`;
  if (fits.length === 1) return `the ${fits[0]} fits, the other does not`;
  return mayStay ? 'it does not grow, and neither rule fits' : 'neither rule fits';
}
