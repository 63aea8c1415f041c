/**
 * Names the places of the sources in what processes printed. They run what compile.ts made, under the sources' addresses but with lines
 * of its own; to have each process map them costs it a tenth of its start, and only what fails tells of any.
 */

import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = pathToFileURL(fileURLToPath(new URL('../..', import.meta.url))).href;

/** A place as stacks name it: the file below `root`, what follows a ? where that makes it another module, line, and column. */
const PLACE = new RegExp(
  `${root.replace(/[.*+?^$(){}|[\]\\]/g, '\\$&')}([^\\s?:()]+\\.tsx?)(\\?[^\\s:()]*)?:(\\d+)(?::(\\d+))?`,
  'g',
);

/** The text with the places of the sources instead of those of what was compiled into `folder`. */
export function withPlaces(text: string, folder: string): string {
  const maps = new Map<string, SourceMap | null>();
  const mapOf = (file: string): SourceMap | null => {
    const known = maps.get(file);
    if (known !== undefined) return known;
    const path = `${folder}/${file}.js.map`;
    const map = existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : null;
    maps.set(file, map);
    return map;
  };
  return text.replaceAll(PLACE, (place, file: string, query: string | undefined, line: string, column?: string) => {
    const entry = mapOf(file)?.findEntry(Number(line) - 1, Number(column ?? 1) - 1);
    if (entry === undefined || !('originalLine' in entry)) return place;
    const { originalLine, originalColumn } = entry;
    return `${root}${file}${query ?? ''}:${originalLine + 1}${column === undefined ? '' : `:${originalColumn + 1}`}`;
  });
}
