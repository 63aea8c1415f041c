/** Writes and prints what the study found. */
import { join } from 'node:path';
import { imagesBetween } from '../../src/index.ts';
import { writeReport } from '../report/writeReport.ts';
import { writeCharts } from './charts.ts';
import { best, last } from './facts.ts';
import type { Findings } from './findings.ts';
import { type Judgement, judgeStudy } from './judgeStudy.ts';
import { writeResults, writeRunCsv } from './resultFiles.ts';
import type { StudyFacts, StudyResults, UnjudgedRun } from './results.ts';
import { writeSampleSheet } from './sampleSheet.ts';
import { seedsOf, seedsText } from './seeds.ts';
import { table } from './table.ts';
import type { RunOutcome } from './trainRun.ts';
import { USUAL_COLUMNS, wrapped } from './wrap.ts';

/** Judges the runs and writes results.json and a CSV a run: quickly done, so also after each run. */
export async function writeNumbers(
  folder: string,
  facts: StudyFacts,
  outcomes: readonly RunOutcome[],
): Promise<StudyResults> {
  const unjudged = outcomes.map(({ run }) => run);
  const { verdicts } = judge(unjudged, facts);
  const runs = unjudged.map((run, i) => ({ ...run, verdict: verdicts[i].verdict }));
  const results = { ...facts, runs };
  await writeResults(folder, results);
  for (const run of runs) await writeRunCsv(folder, run, facts.seed);
  return results;
}

/** Prints the table, then draws the charts and the sample sheet. `width`: columns of the terminal. */
export async function report(folder: string, findings: Findings, width = USUAL_COLUMNS): Promise<void> {
  const { results, outcomes, data } = findings;
  const { test, classNames } = data;
  const seeds = seedsOf(results.runs, results.seed);
  const print = (line: string) => console.log(wrapped(line, width));
  print(`\n${results.data} · ${results.adapter} · preset ${results.preset} · ${seedsText(seeds)}`);
  print('(train s: seconds of training an epoch, validation left out; img/s: training images in such a second)');
  if (seeds.length > 1) print('(means over the seeds; sd: the standard deviation of val %)');
  const { verdicts } = judge(results.runs, results);
  console.log(`\n${table(results.runs, verdicts, width)}`);
  if (verdicts.some(({ verdict }) => verdict.includes('unclear')))
    print(
      `\n± is an interval for 95 cases in 100. What is within noise ${seeds.length === 1 ? 'after one training a run' : `with ${seeds.length} seeds`} ` +
        `may be told with more: --seeds ${seeds.length === 1 ? 3 : 2 * seeds.length}`,
    );
  await writeCharts(folder, results);
  const { run, exhibits } = outcomes[shownOnSheet(outcomes.map((outcome) => outcome.run))];
  const predictions = Float32Array.from(exhibits.predictions);
  const { images, labels } = imagesBetween(test, 0, predictions.length / classNames.length);
  const after = seeds.length > 1 ? `, seed ${run.seed ?? results.seed}` : '';
  await writeSampleSheet(
    join(folder, 'samples.png'),
    images,
    labels,
    predictions,
    classNames,
    `${run.name} on ${results.data.split(',')[0]}${after}`,
  );
  await writeReport(folder, findings);
  print(`\nNumbers, charts and samples.png are in ${folder}; open ${join(folder, 'report.html')} first`);
}

/** The run whose predictions the sheet shows: the one that ended highest. Where all ended in NaN, the first one. */
function shownOnSheet(runs: readonly UnjudgedRun[]): number {
  return Math.max(0, best(runs.map((run) => last(run.history.val_accuracy))).epoch - 1);
}

function judge(runs: readonly UnjudgedRun[], { validationImages = Number.NaN }: StudyFacts): Judgement {
  return judgeStudy(runs, validationImages);
}
