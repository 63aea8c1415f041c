/** Names that callers wrote: which one was meant, and options that nobody reads. */

import { describe } from './describe.ts';
import { ArgumentError } from './errors.ts';

/** Letters to change, add, leave out or swap with their neighbour to get from one text to the other. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1];
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}

/** Python's `leaky_relu` and `LeakyReLU` are the same word. */
const plain = (name: string): string => name.replaceAll(/[_\s-]/g, '').toLowerCase();

/**
 * The known name that is most like the given one: a third of the letters may differ, else one that holds it as a word, as `poolSize`
 * does `size`. Null where there is none.
 */
export function nearest(given: string, known: readonly string[]): string | null {
  const word = plain(given).slice(0, 64);
  let [best, least] = [null as string | null, Math.max(1, Math.floor(word.length / 3)) + 1];
  for (const name of known) {
    const letters = distance(word, plain(name));
    if (letters < least) [best, least] = [name, letters];
  }
  if (best !== null || word.length < 4) return best;
  return known.find((name) => plain(name).includes(word)) ?? null;
}

/** ` Did you mean 'relu'?`, to follow a sentence, or nothing. */
export function meant(given: unknown, known: readonly unknown[]): string {
  const names = known.filter((name) => typeof name === 'string');
  const near = typeof given === 'string' ? nearest(given, names) : null;
  return near === null ? '' : ` Did you mean '${near}'?`;
}

/**
 * A name out of a list; `or` says what else would do.
 * @throws ArgumentError that lists the names and guesses which one was meant
 */
export function checkName<T extends string>(
  who: string,
  what: string,
  value: unknown,
  known: readonly T[],
  or = '',
): T {
  const found = known.find((name) => name === value);
  if (found !== undefined) return found;
  const name = typeof value === 'string' ? `'${value.slice(0, 40)}'` : describe(value);
  throw new ArgumentError(
    `${who}: there is no ${what} ${name}.${meant(value, known)} Use one of ${known.join(', ')}${or}.`,
  );
}

/** What arguments too many may have meant, in other libraries, and how to have it. */
const INSTEAD = {
  dense: 'It has no activation: apply one to the result.',
  full: "It is float32: convert it with cast('int32').",
  gelu: 'It is the exact form.',
  matmul: 'Transpose the operands with transpose().',
  oneHot: 'It gives 0 and 1: multiply and add for other numbers.',
  ones: "It is float32: convert it with cast('int32').",
  zeros: "It is float32: convert it with cast('int32').",
} as const;

/**
 * Throws for an argument beyond those that a function reads: it would be ignored in silence. Several more are what `map` and
 * `reduce` of arrays give any function.
 */
export function checkNoMore(who: keyof typeof INSTEAD, extra: readonly unknown[]): void {
  if (extra.length !== 1) return;
  throw new ArgumentError(`${who}: got one argument too many, ${describe(extra[0])}. ${INSTEAD[who]}`);
}

/**
 * Throws for an option that nobody reads: a typo would be ignored in silence, and the default used.
 * @param known has the names of all options; in most places as `{ name: true }`
 * @param needed `seed: 1`: the option that has no default, where there is one
 * @throws ArgumentError that names the option and the nearest one that exists
 */
export function checkOptions<T extends object>(
  who: string,
  options: T,
  known: Readonly<Record<keyof T & string, unknown>>,
  needed?: string,
): void {
  // Callers without types may pass anything.
  const value: unknown = options;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const wrong =
      value === undefined && needed !== undefined
        ? `the options lack ${needed.split(':')[0]}`
        : `expected an object of options, got ${describe(value)}`;
    throw new ArgumentError(`${who}: ${wrong}. Write { ${needed ?? 'name: value'} }.`);
  }
  const names = Object.keys(known);
  for (const name of Object.keys(value)) {
    if (names.includes(name)) continue;
    throw new ArgumentError(
      `${who}: there is no option '${name}'.${meant(name, names)} ${names.length === 0 ? 'Leave it out' : `Use ${names.join(', ')}`}.`,
    );
  }
}

/** Options with what they default to; one that is given as undefined is not given. */
export const withDefaults = <T extends object>(options: T, defaults: Required<T>): Required<T> => ({
  ...defaults,
  ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
});

/**
 * The same, checked: the options that exist are those that have a default, so that both stand in one place.
 * @throws ArgumentError as `checkOptions`
 */
export function takeOptions<T extends object>(who: string, options: T, defaults: Required<T>): Required<T> {
  checkOptions(who, options, defaults);
  return withDefaults(options, defaults);
}
