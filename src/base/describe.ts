/** A value as an error message shows it: short, and telling apart what a caller may have confused. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `the string '${short(value)}'`;
  if (typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))) {
    return value.name === '' ? 'a class' : `the class ${short(value.name)}`;
  }
  if (typeof value === 'bigint') return `the bigint ${value}n`;
  if (Array.isArray(value))
    return `an array [${value.slice(0, 4).map(brief).join(', ')}${value.length > 4 ? ', …' : ''}]`;
  const kind = kindOf(value);
  if (kind === null) return String(value);
  if (kind === 'Promise') return 'a Promise that was not awaited';
  if (kind !== 'Object') return withArticle(kind === 'Function' ? 'function' : short(kind));
  const keys = Object.keys(Object(value)).slice(0, 4).map(short).join(', ');
  return keys === '' ? 'an empty object' : `an object { ${keys} }`;
}

/** The name of what an object or a function is: `Map`, `Generator`, `Function`; null for other values. */
function kindOf(value: unknown): string | null {
  if (Object(value) !== value) return null;
  // The tag goes first: what makes generators and iterators has no name. Data out of a file may have a `constructor` of its own.
  const object: { readonly [Symbol.toStringTag]?: unknown; readonly constructor?: { readonly name?: unknown } } =
    Object(value);
  const name = object[Symbol.toStringTag] || object.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'Object';
}

/** Of names that sound otherwise than they look: a Uint8Array, a URL; an SGD, an RMSprop. */
const AN = /^(?!U(in|ni|se|R)|Eu)[AEIOUaeiou]|^[HLMNRSX][A-Z]/;

/** `a Map`, `an ArrayBuffer`. */
export const withArticle = (name: string): string => `${AN.test(name) ? 'an' : 'a'} ${name}`;

/** `1st`, `2nd`, `3rd`, `11th`, `21st`. */
export const ordinal = (n: number): string =>
  `${n}${((n % 100) - (n % 10) !== 10 && ['st', 'nd', 'rd'][(n % 10) - 1]) || 'th'}`;

/** `1 value`, `2 values`; `one` is the noun, and `many` what it is called in other numbers, by default with an s. */
export const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** An element of an array, without its own elements. */
function brief(value: unknown): string {
  if (typeof value === 'string') return `'${short(value)}'`;
  if (Array.isArray(value)) return '[…]';
  const kind = kindOf(value);
  return kind === 'Object' ? '{…}' : short(kind ?? String(value));
}

/** Data out of a file may be a text of any length. */
const short = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
