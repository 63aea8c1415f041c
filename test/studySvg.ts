/** The study's charts as SVG documents, which tests read. */

import * as charts from '../examples/study/charts.ts';
import type { StudyResults } from '../examples/study/results.ts';
import type { Picture } from '../src/pictures/index.ts';

const svgOf =
  (draw: (results: StudyResults) => Promise<Picture>) =>
  async (results: StudyResults): Promise<string> =>
    (await draw(results)).svg;

export const accuracyByEpoch = svgOf(charts.accuracyByEpoch);
export const accuracyByTime = svgOf(charts.accuracyByTime);
export const lossByEpoch = svgOf(charts.lossByEpoch);
export const learningRate = svgOf(charts.learningRate);
export const overview = svgOf(charts.overview);
