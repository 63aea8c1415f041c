/** Writes report.html: the report page, its script, its styles and its data in one file that opens without a network. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Rollup } from 'vite';
import { viteSingleFile } from 'vite-plugin-singlefile';
import { imagesBetween, type LabelledImages } from '../../src/index.ts';
import { writeFile } from '../study/files.ts';
import type { Findings } from '../study/findings.ts';
import type { ReportData, Sample } from './reportData.ts';

const PAGE = fileURLToPath(new URL('./', import.meta.url));
const DATA = '<script type="application/json" id="report-data">';

/** Returns the file's path. */
export async function writeReport(folder: string, findings: Findings): Promise<string> {
  const page = await bundledPage();
  const json = JSON.stringify(dataOf(findings))
    // Whatever a text holds, it cannot end the script that it stands in.
    .replaceAll('<', '\\u003c');
  const path = join(folder, 'report.html');
  await writeFile(
    path,
    page.replace(DATA, () => `${DATA}${json}`),
  );
  return path;
}

async function bundledPage(): Promise<string> {
  const result = await build({
    configFile: false,
    root: PAGE,
    publicDir: false,
    logLevel: 'error',
    plugins: [viteSingleFile({ removeViteModuleLoader: true })],
    build: { write: false, target: 'es2022' },
  });
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput;
  const html = output.find(({ fileName }) => fileName === 'index.html');
  if (html?.type !== 'asset')
    throw new Error('The report page did not bundle to one file. Look into examples/report/.');
  return String(html.source);
}

function dataOf({ results, outcomes, data, environment }: Findings): ReportData {
  const { test, classNames } = data;
  const exhibits = outcomes.map((outcome) => outcome.exhibits);
  const shown = Math.max(0, ...exhibits.map(({ predictions }) => predictions.length / classNames.length));
  return {
    results,
    exhibits,
    environment,
    classNames,
    trainingImages: data.train.labels.length,
    samples: Array.from({ length: shown }, (_, i) => sampleOf(test, i)),
  };
}

function sampleOf(part: LabelledImages, i: number): Sample {
  const { images, labels } = imagesBetween(part, i, i + 1);
  return { label: labels[0], pixels: Buffer.from(images).toString('base64') };
}
