import { ArgumentError } from '../errors.ts';

const FIELD = /\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}|[{}]/g;
const FORMAT = /^(0?)(\d*)(?:\.(\d+))?([dfe]?)$/;
/** Of a number; JavaScript writes no more. */
const MOST_DIGITS = 100;
/** Of a file's name. */
const MOST_WIDTH = 255;
/** Keys of whole numbers. */
const COUNTS: readonly string[] = ['epoch', 'batch'];

/**
 * Fills Python-like placeholders: `{epoch}`, `{epoch:02d}`, `{val_loss:.2f}`, `{loss:.3e}`; `{{` and `}}` are braces.
 *
 * @throws ArgumentError for a malformed template, a key that `values` lacks, or `d` with a fraction.
 */
export function fillPath(template: string, values: Readonly<Record<string, number>>): string {
  return template.replace(FIELD, (field: string, key: string | undefined, format = '') => {
    if (field === '{{') return '{';
    if (field === '}}') return '}';
    if (key === undefined) throw malformed(template, `a lone ${field}`);
    if (!Object.hasOwn(values, key)) {
      throw new ArgumentError(
        `the path ${template} wants ${key || 'a name'}, but there is only ${Object.keys(values).join(', ')}: use one of those`,
      );
    }
    return formatNumber(template, field, values[key], format);
  });
}

/** Checks the form of a template before any value is known. @throws ArgumentError when it is malformed. */
export function checkPath(template: string): void {
  for (const [field, key, format = ''] of template.matchAll(FIELD)) {
    if (field === '{{' || field === '}}') continue;
    if (key === undefined || key === '') throw malformed(template, field);
    const match = FORMAT.exec(format);
    if (match === null) throw malformed(template, field);
    const [, , width, digits, type] = match;
    if (Number(width) > MOST_WIDTH || Number(digits ?? 0) > MOST_DIGITS) {
      throw new ArgumentError(
        `the path ${template} has ${field}, expected at most ${MOST_DIGITS} digits in a width of at most ${MOST_WIDTH}: use fewer`,
      );
    }
    if (type === 'd' && (digits !== undefined || !COUNTS.includes(key))) {
      throw new ArgumentError(
        `the path ${template} has ${field}, but d is for whole numbers, those of ${COUNTS.join(' and ')}: use .2f instead of d`,
      );
    }
  }
}

/** The keys that a template wants, each once. */
export const keysOfPath = (template: string): string[] => [
  ...new Set([...template.matchAll(FIELD)].flatMap(([, key]) => (key === undefined ? [] : [key]))),
];

function formatNumber(template: string, field: string, value: number, format: string): string {
  const match = FORMAT.exec(format);
  if (match === null) throw malformed(template, field);
  const [, zero, width, digits, type] = match;
  if (type === 'd' && !Number.isInteger(value)) {
    throw new ArgumentError(`the path ${template} has ${field}, but the value is ${value}: use .2f instead of d`);
  }
  let text = String(value);
  if (type === 'e') text = value.toExponential(Number(digits ?? 6)).replace(/e([+-])(\d)$/, 'e$10$2');
  else if (type === 'f' || digits !== undefined) text = value.toFixed(Number(digits ?? 6));
  if (zero === '') return text.padStart(Number(width));
  return value < 0 ? `-${text.slice(1).padStart(Number(width) - 1, '0')}` : text.padStart(Number(width), '0');
}

function malformed(template: string, part: string): ArgumentError {
  return new ArgumentError(
    `the path ${template} has ${part}, which is no placeholder: write {epoch:02d}, {val_loss:.2f} or the like, and {{ }} for braces`,
  );
}
