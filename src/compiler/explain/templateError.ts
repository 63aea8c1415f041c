/** What is wrong with a kernel's template, in words. */

import { KernelError } from '../../base/errors.ts';
import { namesIn, placeholdersOf, uncommented } from '../../wgsl/template.ts';

/** The error that a person reads, of that which `specialise` throws: it names the kernel and the place. */
export function templateErrorOf({ message, source, cause }: KernelError): KernelError {
  const holes = new Map(Object.entries(cause ?? {}));
  return new KernelError(`${message} ${reasonOf(uncommented(source), holes)}`, source);
}

function reasonOf(text: string, holes: ReadonlyMap<string, unknown>): string {
  const names = namesIn(text);
  return (
    blocksOf(text) ??
    first(placeholdersOf(text), (place) => placeholderOf(place, names, holes)) ??
    first(
      [...holes.keys()].filter((name) => !names.has(name)),
      (name) => `It never names '${name}', which \`holes\` has. Take it out of \`holes\`, or correct the name.`,
    ) ??
    'Compare it with the grammar in src/wgsl/template.ts.'
  );
}

/** The first answer that there is. */
function first(places: readonly string[], answer: (place: string) => string | undefined): string | undefined {
  for (const place of places) {
    const found = answer(place);
    if (found !== undefined) return found;
  }
}

function placeholderOf(
  place: string,
  names: ReadonlySet<string>,
  holes: ReadonlyMap<string, unknown>,
): string | undefined {
  const own = [...namesIn(place)].filter((name) => names.has(name));
  for (const name of own) {
    if (!holes.has(name)) {
      return `'${place}' names '${name}', which \`holes\` does not have. Add it there, or correct the name.`;
    }
  }
  const [grammar, hint] = GRAMMAR.find(([grammar]) => place.startsWith(grammar)) ?? GRAMMAR[0];
  if (!hint.pattern.test(place)) return `'${place}' is not understood. Write ${hint.words}.`;
  if (grammar === '{{' || (grammar === '@if' && !place.includes('<'))) return undefined;
  for (const name of own) {
    const value = holes.get(name);
    if (!(Number.isInteger(value) && Number(value) >= 0)) {
      return `'${place}' counts with '${name}', which is ${JSON.stringify(value)}. Give a whole number from 0 on.`;
    }
  }
}

const SUM = String.raw`[\w\s+*/%()]+`;
/** How placeholders begin, and what they may be. */
const GRAMMAR: readonly (readonly [string, { pattern: RegExp; words: string }])[] = [
  [
    '${',
    {
      pattern: new RegExp(`^\\$\\{${SUM}\\}$`),
      words: 'whole numbers, names of holes and loops, + * / % and parentheses, which give a whole number',
    },
  ],
  ['{{', { pattern: /^\{\{\w+\}\}$/, words: 'the name of a hole' }],
  [
    '@if',
    { pattern: /^@if (!?\w+|\S+ < \S+)\s*$/, words: '@if NAME, @if !NAME, or @if A < B, without blanks in A and B' },
  ],
  ['@for', { pattern: /^@for \w+ in 0\.\.\w+\s*$/, words: '@for i in 0..COUNT, with a number or the name of a hole' }],
];

/** Whether every block has its end, and one of them is `@main`. */
function blocksOf(text: string): string | undefined {
  const lines = text.match(/^\s*@(main|if|for|else|end)\b/gm)?.map((line) => line.trim()) ?? [];
  if (!lines.includes('@main')) return NO_MAIN;
  let open = 0;
  for (const line of lines) {
    if (open === 0 && (line === '@end' || line === '@else')) {
      return `An ${line} stands outside of every block. Remove it, or begin the block by @main, @if or @for.`;
    }
    if (line === '@end') open--;
    else if (line !== '@else') open++;
  }
  if (open > 0) return `${open === 1 ? 'A block has' : `${open} blocks have`} no end. Close each by a line @end.`;
}

const NO_MAIN = `It has no @main. The entry point is the planner's to write: instead of
  @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) global_invocation_id: vec3u) { … }
put the statements between two lines
  @main
  @end
and say beside \`source\` what they need:
  workgroup: 64, builtins: ['global_invocation_id'],`;
