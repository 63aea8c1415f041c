/** Writes and prints what the sweep found. */

import { wrapped } from '../study/wrap.ts';
import { chartsOf, writeCharts } from './charts.ts';
import { noiseReadings, noiseWords } from './noise.ts';
import type { SweepFacts } from './plane.ts';
import { ruleWords } from './rules.ts';
import { commonTarget, scalingWords } from './scaling.ts';
import { writeCsv, writeJson } from './sweepFiles.ts';
import { adviceWords, table } from './table.ts';
import { writePage } from './writePage.ts';

export interface ReportOptions {
  /** Accuracy whose steps are counted; left out: what every batch size reached. */
  readonly target?: number;
  /** Columns of the terminal. */
  readonly width: number;
}

/** What was found, in sentences; the first one is what to use. */
export function wordsOf(facts: SweepFacts, target = commonTarget(facts)): string[] {
  const noise = noiseWords(noiseReadings(facts));
  return [
    adviceWords(facts),
    ruleWords(facts),
    ...(target === null ? [] : [scalingWords(facts, target)]),
    ...(noise === null ? [] : [noise]),
  ];
}

export async function report(folder: string, facts: SweepFacts, { target, width }: ReportOptions): Promise<void> {
  await writeJson(folder, facts);
  await writeCsv(folder, facts);
  const goal = target ?? commonTarget(facts);
  const charts = await chartsOf(facts, goal);
  await writeCharts(folder, charts);
  const print = (line: string): void => console.log(wrapped(line, width));
  const words = wordsOf(facts, goal);
  const page = await writePage(folder, facts, words, charts);
  const [advised, ...found] = words;
  console.log(`\n${table(facts)}\n`);
  for (const sentence of found) print(sentence);
  print(`Numbers and charts are in ${folder}; open ${page} first`);
  print(`\n${advised}`);
}
