import { ArgumentError } from '../base/errors.ts';

const FIELD = /\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}|[{}]/g;
/** JavaScript writes 100 digits at most, and a file's name is short. */
const FORMAT = /^(0?)(\d{0,3})(?:\.(\d\d?|100))?([dfe]?)$/;
/** Keys of whole numbers. */
const COUNTS: readonly string[] = ['epoch', 'batch'];

/**
 * Fills Python-like placeholders: `{epoch}`, `{epoch:02d}`, `{val_loss:.2f}`, `{loss:.3e}`; `{{` and `}}` are braces.
 *
 * @throws ArgumentError for a malformed template, or a key that `values` lacks.
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
    const [, , , digits, type] = FORMAT.exec(format) ?? [];
    // `d` of a loss would fail after an epoch.
    if (type === undefined || (type === 'd' && (digits !== undefined || !COUNTS.includes(key))))
      throw malformed(template, field);
  }
}

/** The keys that a template wants, each once. */
export const keysOfPath = (template: string): string[] => [
  ...new Set([...template.matchAll(FIELD)].flatMap(([, key]) => key ?? [])),
];

function formatNumber(template: string, field: string, value: number, format: string): string {
  const match = FORMAT.exec(format);
  if (match === null) throw malformed(template, field);
  const [, zero, width, digits, type] = match;
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
