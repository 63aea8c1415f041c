/** Numbers with their errors. Pure. */

import jStat from 'jstat';

/** A number that was measured, and how far off it may be. */
export interface Estimate {
  readonly value: number;
  /** Standard error of the value. */
  readonly error: number;
  /** Degrees of freedom of the error: what is known of it itself. */
  readonly df: number;
}

/** A variance and its degrees of freedom. */
export interface Spread {
  readonly variance: number;
  readonly df: number;
}

/** Beyond it Student's t is the normal distribution to five digits, and jstat loses some. */
const MANY = 1e5;

/** What share of the cases may be wrong, for statements about one study. */
export const ALPHA = 0.05;

/** Half the width of the interval around an estimate that misses the truth in a share `alpha` of all cases. */
export const halfWidth = ({ error, df }: Omit<Estimate, 'value'>, alpha: number): number =>
  error === 0 ? 0 : error * jStat.studentt.inv(1 - alpha / 2, Math.min(MANY, df));

/** An estimate whose variance is the sum of independent ones (Welch 1947, Satterthwaite 1946). */
export function estimate(value: number, parts: readonly Spread[]): Estimate {
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  const doubt = parts.reduce((sum, part) => sum + part.variance ** 2 / part.df, 0);
  return { value, error: Math.sqrt(variance), df: doubt > 0 ? variance ** 2 / doubt : Number.POSITIVE_INFINITY };
}

/** NaN where one of them is, and of none. */
export const average = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
};

/** Sum of squares around the mean. */
export function squares(values: ArrayLike<number>): number {
  const centre = average(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - centre) ** 2;
  return sum;
}

/** Standard deviation of a sample; NaN of fewer than two numbers, or where one is not finite. */
export const deviation = (values: readonly number[]): number =>
  values.length < 2 ? Number.NaN : Math.sqrt(squares(values) / (values.length - 1));

/** The variance within groups, which may have other means; no degrees of freedom where each has one value. */
export function within(groups: readonly (readonly number[])[]): Spread {
  const df = groups.reduce((sum, group) => sum + Math.max(0, group.length - 1), 0);
  const sum = groups.reduce((total, group) => total + (group.length > 1 ? squares(group) : 0), 0);
  return { variance: df > 0 ? sum / df : 0, df };
}

/** What is known of a variance before and after looking: the mean of both, by their degrees of freedom (Smyth 2004). */
export const moderated = (prior: Spread, seen: Spread): Spread => ({
  variance: (prior.df * prior.variance + seen.df * seen.variance) / (prior.df + seen.df),
  df: prior.df + seen.df,
});
