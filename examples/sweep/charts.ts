/** Writes the sweep's pictures, each as PNG and SVG. */

import { join } from 'node:path';
import type { Picture } from '../../src/pictures/index.ts';
import { mapChart } from './mapChart.ts';
import { noiseReadings } from './noise.ts';
import { noiseChart } from './noiseChart.ts';
import { parallelChart } from './parallelChart.ts';
import { paretoChart } from './paretoChart.ts';
import { cellsOf, type SweepFacts } from './plane.ts';
import { effortsTo } from './scaling.ts';
import { scalingChart } from './scalingChart.ts';

/** By the names of their files. `target`: null where no batch size reached more than guessing. */
export async function chartsOf(facts: SweepFacts, target: number | null): Promise<Readonly<Record<string, Picture>>> {
  const strands = cellsOf(facts).map(({ batch, rate, accuracy }) => ({
    parameters: { 'batch size': batch, 'learning rate': rate },
    value: accuracy * 100,
  }));
  const scaled = target !== null && effortsTo(facts, target).length > 1;
  const noise = noiseReadings(facts);
  return {
    map: await mapChart(facts),
    ...(noise.length > 0 && { noise: await noiseChart(facts, noise) }),
    ...(scaled && { scaling: await scalingChart(facts, target) }),
    seconds: await paretoChart(facts),
    parallel: await parallelChart(facts, strands),
  };
}

export async function writeCharts(folder: string, charts: Readonly<Record<string, Picture>>): Promise<void> {
  for (const [name, picture] of Object.entries(charts)) {
    await picture.save(join(folder, `${name}.png`));
    await picture.save(join(folder, `${name}.svg`));
  }
}
