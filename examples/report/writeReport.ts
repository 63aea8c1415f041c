/** Writes report.html: the report page, its script, its styles and its data in one file that opens without a network. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imagesBetween, type LabelledImages } from '../../src/index.ts';
import { writeFile } from '../study/files.ts';
import type { Findings } from '../study/findings.ts';
import { bundledPage } from './bundledPage.ts';
import type { ReportData, Sample } from './reportData.ts';

const PAGE = fileURLToPath(new URL('./', import.meta.url));

/** Returns the file's path. */
export async function writeReport(folder: string, findings: Findings): Promise<string> {
  const path = join(folder, 'report.html');
  await writeFile(path, await bundledPage(PAGE, 'report-data', dataOf(findings)));
  return path;
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
