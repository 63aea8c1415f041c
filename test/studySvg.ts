/** The study's charts as SVG documents, which tests read. */

import * as accuracy from '../examples/study/accuracyCharts.ts';
import * as loss from '../examples/study/lossChart.ts';
import * as whole from '../examples/study/overviewChart.ts';
import * as rate from '../examples/study/rateChart.ts';
import type { StudyResults } from '../examples/study/results.ts';
import type { Picture } from '../src/pictures/index.ts';

const svgOf =
  (draw: (results: StudyResults) => Promise<Picture>) =>
  async (results: StudyResults): Promise<string> =>
    (await draw(results)).svg;

export const accuracyByEpoch = svgOf(accuracy.accuracyByEpoch);
export const accuracyByTime = svgOf(accuracy.accuracyByTime);
export const lossByEpoch = svgOf(loss.lossByEpoch);
export const learningRate = svgOf(rate.learningRate);
export const overview = svgOf(whole.overview);
