/**
 * The study's pictures. One idea for all: a small chart a run, with the baseline in grey behind it, so that each chart
 * asks one question and nobody has to match six colours to a legend. The headings come from the numbers.
 */

import { join } from 'node:path';
import { accuracyByEpoch, accuracyByTime } from './accuracyCharts.ts';
import { writeFile } from './files.ts';
import { lossByEpoch } from './lossChart.ts';
import { overview } from './overviewChart.ts';
import { learningRate } from './rateChart.ts';
import type { StudyResults } from './results.ts';

/** Sharp on a dense screen, and still readable at half the size. */
export const ZOOM = 2;

/** Draws every chart and writes the PNGs into `folder`. Returns their paths. */
export async function writeCharts(folder: string, results: StudyResults): Promise<string[]> {
  const charts = {
    'accuracy-by-epoch': accuracyByEpoch,
    'accuracy-by-time': accuracyByTime,
    loss: lossByEpoch,
    'learning-rate': learningRate,
    overview,
  };
  const paths: string[] = [];
  for (const [name, draw] of Object.entries(charts)) {
    const path = join(folder, `${name}.png`);
    const picture = await draw(results);
    await writeFile(path, await picture.png({ zoom: ZOOM }));
    paths.push(path);
  }
  return paths;
}
