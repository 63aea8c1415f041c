/** A value as an error message shows it: short, and telling apart what a caller may have confused. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `the string '${short(value)}'`;
  if (typeof value === 'function') {
    return /^class\b/.test(Function.prototype.toString.call(value)) ? `the class ${value.name}` : 'a function';
  }
  if (typeof value === 'bigint') return `the bigint ${value}n`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value))
    return `an array [${value.slice(0, 4).map(brief).join(', ')}${value.length > 4 ? ', …' : ''}]`;
  // Data out of a file may have a `constructor` of its own.
  const name: unknown = value.constructor?.name;
  return typeof name !== 'string' || name === 'Object'
    ? `an object { ${Object.keys(value).slice(0, 4).map(short).join(', ')} }`
    : `a ${short(name)}`;
}

/** An element of an array, without its own elements. */
const brief = (value: unknown): string =>
  Array.isArray(value) ? '[…]' : typeof value === 'object' && value !== null ? '{…}' : short(String(value));

/** Data out of a file may be a text of any length. */
const short = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
