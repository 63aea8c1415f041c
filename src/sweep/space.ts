/** Which trials there are: all points of a grid, or random draws. */

import { checkWhole } from '../base/checks.ts';
import { ArgumentError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { checkUint32, randomBits, seedFromString } from '../base/random.ts';
import { checkValues, type Distribution, type ParameterValue } from './distributions.ts';

/** The parameters of a point, by name. */
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** Points, in an order that their numbers follow. */
export interface Space<P extends Parameters = Parameters> {
  /** What the space is, as plain data: two that say the same have the same points. */
  readonly description: readonly unknown[];
  /** The parameters of each point. */
  readonly points: readonly P[];
}

/** Options of `random`. */
export interface RandomOptions {
  /** How many points to draw, a whole number of at least 1. */
  readonly trials: number;
  /** Integer in [0, 2^32), default 0. The same seed draws the same points. */
  readonly seed?: number;
}

/** More points than this are a mistake in a list. */
const MOST_POINTS = 100_000;

function checkNames(who: string, parameters: object): void {
  if (typeof parameters === 'object' && parameters !== null && Object.keys(parameters).length > 0) return;
  throw new ArgumentError(`${who}: there is no parameter. Write ${who}({ learningRate: … }).`);
}

/**
 * Every combination of the values of the parameters; those of the last parameter change first.
 *
 * ```ts
 * grid({ batchSize: [16, 32, 64], learningRate: geomspace(1e-4, 1e-1, 7) });
 * ```
 * @throws ArgumentError for no parameter, an empty list, a value twice or one that is no plain value, or more than 100,000 points
 */
export function grid<const V extends Readonly<Record<string, readonly ParameterValue[]>>>(
  parameters: V,
): Space<{ readonly [K in keyof V]: V[K][number] }>;
export function grid(parameters: Readonly<Record<string, readonly ParameterValue[]>>): Space {
  checkNames('grid', parameters);
  const lists = Object.entries(parameters);
  for (const [name, values] of lists) {
    if (typeof values === 'object' && values !== null && 'description' in values)
      throw new ArgumentError(
        `grid: ${name} is a distribution, which has no end of values. Give a list, such as geomspace(1e-4, 1e-1, 7), or use random().`,
      );
    checkValues('grid', name, values);
  }
  checkCount(lists.reduce((product, [, values]) => product * values.length, 1));
  const points = lists.reduce<Parameters[]>(
    (before, [name, values]) => before.flatMap((point) => values.map((value) => ({ ...point, [name]: value }))),
    [{}],
  );
  return { description: ['grid', lists], points };
}

/**
 * Draws of all parameters, independent of each other. What a parameter is drawn depends on the seed, its name and the number of
 * the point alone: another parameter or more trials leave it as it was.
 *
 * ```ts
 * random({ learningRate: logUniform(1e-4, 1e-1), layers: integer(1, 3), activation: choice(['relu', 'tanh']) }, { trials: 20 });
 * ```
 * @throws ArgumentError for no parameter, one that is no distribution, or options out of their range
 */
export function random<const D extends Readonly<Record<string, Distribution>>>(
  parameters: D,
  options: RandomOptions,
): Space<{ readonly [K in keyof D]: D[K] extends Distribution<infer V> ? V : never }>;
export function random(parameters: Readonly<Record<string, Distribution>>, options: RandomOptions): Space {
  const who = 'random';
  checkNames(who, parameters);
  checkOptions(who, options, { trials: true, seed: true }, 'trials: 20');
  const { trials, seed = 0 } = options;
  checkWhole(who, 'trials', trials, 1);
  checkUint32(who, 'seed', seed);
  checkCount(trials);
  const all = Object.entries(parameters);
  for (const [name, distribution] of all) {
    if (Array.isArray(distribution?.description)) continue;
    throw new ArgumentError(
      `random: ${name} is no distribution. Use logUniform(), uniform(), integer() or choice([…]), which also takes a single value.`,
    );
  }
  const points = Array.from({ length: trials }, (_, place) =>
    Object.fromEntries(all.map(([name, { at }]) => [name, at(randomBits(seed, seedFromString(name), place))] as const)),
  );
  return { description: ['random', trials, seed, all.map(([name, { description }]) => [name, description])], points };
}

function checkCount(points: number): void {
  if (points <= MOST_POINTS) return;
  throw new ArgumentError(
    `A space has at most ${MOST_POINTS} points, this one has ${points}. Leave out values, or draw some with random().`,
  );
}
