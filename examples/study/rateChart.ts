/** The learning rate, and under it the accuracy. */

import { linePanel, Picture, paragraph, place, text } from '../../src/pictures/index.ts';
import { controlLines, controlNotes, epochAxis, points, series, shares } from './chartLines.ts';
import { epochsRun, last, rateDrops, scheduledRun, shortRate } from './facts.ts';
import type { RunResult, StudyResults } from './results.ts';
import { footer, grid, MARGIN, prepare, SHEET_WIDTH, titled } from './sheet.ts';

/** The learning rate and, under it, the validation accuracy. */
export async function learningRate(results: StudyResults): Promise<Picture> {
  const sheet = prepare(results);
  const { runs, color, seeds } = sheet;
  const run = scheduledRun(runs);
  if (run === null) return grid('No run', '', [], 282, results);
  const width = SHEET_WIDTH - 2 * MARGIN;
  const heights = { rate: 250, accuracy: 350 };
  const title = titled(`${run.name}: ${sheet.verdict(run).headline}`, results);
  const titleLines = paragraph(MARGIN, 42, title, width, {
    size: 26,
    bold: true,
  });
  const detail = paragraph(MARGIN, titleLines.nextY - 6, sheet.verdict(run).sentence, width, {
    size: 16,
    color: '#444444',
  });
  // Rates of different seeds fall at different epochs, so one of them is shown.
  const { rate, accuracy } = await schedulePanels(sheet.trained(run), color(run), width, heights);
  const whose = seeds.length > 1 ? ` with seed ${seeds[0]}` : '';
  const top = detail.nextY + 30;
  const middle = top + heights.rate + 20;
  const height = middle + heights.accuracy + 34;
  const label = { size: 16, bold: true, color: color(run) };
  return new Picture(SHEET_WIDTH, height, [
    titleLines.svg,
    detail.svg,
    text(MARGIN, top - 8, `Learning rate${whose} (log scale)`, label),
    place(MARGIN, top, rate),
    text(MARGIN, middle - 8, `Accuracy${whose} (%)`, label),
    place(MARGIN, middle, accuracy),
    footer(results, height),
  ]);
}

async function schedulePanels(
  run: RunResult,
  color: string,
  width: number,
  heights: { rate: number; accuracy: number },
): Promise<{ rate: string; accuracy: string }> {
  const { accuracy, val_accuracy } = run.history;
  const drops = rateDrops(run.history);
  const controlled = controlLines(run, color).flatMap(({ y }) => y.map((value) => value / 100));
  const values = [...accuracy, ...val_accuracy, ...controlled].filter(Number.isFinite);
  // Not from 0: the steps after a drop are a point or two, and this chart is about them.
  const low = Math.max(0, Math.floor(Math.min(...values, 1) * 10) * 10);
  const high = Math.min(100, Math.ceil(Math.max(...values, 0.2) * 10) * 10);
  return {
    rate: await ratePanel(run, color, width, heights.rate, { right: 136, title: '', mostNotes: 14 }),
    accuracy: await linePanel({
      width,
      height: heights.accuracy,
      right: 136,
      lines: [
        {
          ...series(run, shares(accuracy), {
            x: epochAxis(run),
            color,
            format: points,
            label: 'training',
            thin: true,
          }),
          dashed: true,
        },
        series(run, shares(val_accuracy), { x: epochAxis(run), color, format: points, label: 'validation' }),
        ...controlLines(run, color),
      ],
      notes: controlNotes(run, color),
      x: { title: 'epoch (dashed uprights: the rate fell)', max: Math.max(1, epochsRun(run)), whole: true },
      y: { title: '', min: values.length === 0 ? 0 : low, max: high },
      marks: drops.map((drop) => drop.after),
    }),
  };
}

export async function ratePanel(
  run: RunResult,
  color: string,
  width: number,
  height: number,
  options: { right: number; title: string; mostNotes: number },
): Promise<string> {
  const rates = run.history.learning_rate.filter((rate) => rate > 0 && Number.isFinite(rate));
  const [low, high] = [Math.min(...rates, run.learningRate), Math.max(...rates, run.learningRate)];
  const drops = rateDrops(run.history);
  return await linePanel({
    width,
    height,
    right: options.right,
    steps: true,
    lines: [
      {
        // A step holds from the end of one epoch to the end of the next, the first from 0.
        x: [0, ...epochAxis(run)],
        y: [run.history.learning_rate[0] ?? NaN, ...run.history.learning_rate],
        color,
        label: shortRate(last(rates)),
      },
      ...(run.controls ?? []).map(({ after, learningRate, history }) => ({
        x: [after, after + history.loss.length],
        y: [learningRate, learningRate],
        color,
        thin: true,
        dotted: true,
      })),
    ],
    x: { title: options.title, max: Math.max(1, epochsRun(run)), whole: true },
    y: { title: '', min: low / 2, max: high * 2, log: true },
    marks: drops.map((drop) => drop.after),
    notes: drops
      .slice(0, options.mostNotes)
      // The last new rate is at the end of the line already.
      .filter((drop) => drop !== drops.at(-1))
      .map((drop) => ({ x: drop.after, y: drop.to, label: shortRate(drop.to), color })),
  });
}
