/** JSON out of files that anybody may have made. */

import { quote } from './quote.ts';

/** What a text may hold. Parsed, a byte of it can take thirty of memory. */
export interface JsonLimits {
  /** Lists and objects within each other. */
  readonly depth: number;
  /** Values of all kinds, lists and objects included. */
  readonly values: number;
}

/**
 * What is wrong with a text, as `… is nested more than 4 deep`; null where `JSON.parse` may have it, which finds all else.
 * A key that stands twice in an object is wrong: `JSON.parse` silently takes the last, other readers the first.
 */
export function problemOfJson(json: string, { depth, values }: JsonLimits): string | null {
  /** The keys of the objects that are open; null for a list. */
  const open: (Set<string> | null)[] = [];
  let count = 1;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '{' || char === '[') {
      if (open.length === depth) return `is nested more than ${depth} deep`;
      open.push(char === '{' ? new Set() : null);
    } else if (char === '}' || char === ']') {
      open.pop();
      continue;
    } else if (char === '"') {
      const end = endOfText(json, at);
      const keys = open.at(-1);
      if (keys && isKey(json, end)) {
        const key = textOf(json.slice(at, end));
        if (keys.has(key)) return `holds ${quote(key)} twice, and readers differ in which one counts`;
        keys.add(key);
      }
      at = end - 1;
      continue;
    } else if (char !== ',') continue;
    if (++count > values) return `holds more than ${values} values`;
  }
  return null;
}

/** Where the text that begins at `begin` is over. */
function endOfText(json: string, begin: number): number {
  for (let at = begin + 1; at < json.length; at++) {
    const char = json[at];
    if (char === '"') return at + 1;
    if (char === '\\') at++;
  }
  return json.length;
}

function isKey(json: string, end: number): boolean {
  let at = end;
  while (json[at] === ' ' || json[at] === '\n' || json[at] === '\r' || json[at] === '\t') at++;
  return json[at] === ':';
}

/** Escapes may spell one key in several ways. */
function textOf(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}
