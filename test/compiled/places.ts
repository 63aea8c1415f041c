/**
 * Names the places of the sources in what processes printed, which run what compile.ts made of them. To have each process map them
 * costs it a tenth of its start, and only what fails tells of any.
 */

import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { pathToFileURL } from 'node:url';

/** The text with the places of the sources instead of those of what was compiled into `folder`. */
export function withPlaces(text: string, folder: string): string {
  const base = pathToFileURL(`${folder}/`).href;
  const maps = new Map<string, SourceMap | null>();
  const mapOf = (file: string): SourceMap | null => {
    const known = maps.get(file);
    if (known !== undefined) return known;
    const path = `${folder}/${file}.map`;
    const map = existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : null;
    maps.set(file, map);
    return map;
  };
  // As stacks name them: the file, line, and column.
  const place = new RegExp(`${base.replace(/[.*+?^$(){}|[\]\\]/g, '\\$&')}([^\\s?:()]+\\.mjs):(\\d+)(?::(\\d+))?`, 'g');
  return text.replaceAll(place, (found, file: string, line: string, column?: string) => {
    const entry = mapOf(file)?.findEntry(Number(line) - 1, Number(column ?? 1) - 1);
    if (entry === undefined || !('originalLine' in entry)) return found;
    const { originalSource, originalLine, originalColumn } = entry;
    const source = new URL(originalSource, `${base}${file}`).href;
    return `${source}:${originalLine + 1}${column === undefined ? '' : `:${originalColumn + 1}`}`;
  });
}
