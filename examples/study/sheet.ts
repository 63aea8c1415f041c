/** How a sheet of charts is laid out: title, key, cells in rows of three, footer. */

import { PALETTE, Picture, paragraph, place, text } from '../../src/pictures/index.ts';
import { adapterText, baselineOf, shortRate } from './facts.ts';
import { judgeStudy } from './judgeStudy.ts';
import type { RunResult, StudyResults } from './results.ts';
import { averaged, seedsOf, seedsText } from './seeds.ts';
import type { Verdict } from './verdict.ts';

/** Units of a sheet; its PNG has `ZOOM` pixels to a unit. */
export const SHEET_WIDTH = 1200;

export const MARGIN = 24;

const BASELINE_OWN = '#222222';

export interface Sheet {
  /** Means over the seeds. */
  runs: readonly RunResult[];
  /** As they were trained, each with its seeds. */
  trained: (run: RunResult) => RunResult;
  seeds: readonly number[];
  baseline: RunResult | null;
  color: (run: RunResult) => string;
  /** The whole study in a sentence. */
  headline: string;
  verdict: (run: RunResult) => Verdict;
  /** What it ends with, and its error. */
  end: (run: RunResult) => string;
}

export interface Cell {
  heading: RunResult;
  color: string;
  headline: string;
  svg: string;
}

export function prepare({ runs: trained, seed, validationImages = Number.NaN }: StudyResults): Sheet {
  const { verdicts, ends, headline } = judgeStudy(trained, validationImages);
  const runs = trained.map(averaged);
  const baseline = baselineOf(runs);
  const others = runs.filter((run) => run !== baseline);
  return {
    runs,
    trained: (run) => trained[runs.indexOf(run)],
    seeds: seedsOf(trained, seed),
    baseline,
    color: (run) => (run === baseline ? BASELINE_OWN : PALETTE[others.indexOf(run) % PALETTE.length]),
    headline,
    verdict: (run) => verdicts[runs.indexOf(run)],
    end: (run) => ends[runs.indexOf(run)],
  };
}

/** Three to a row, or fewer and wider if there are no more. */
export function columnsFor(cells: number): number {
  return Math.max(1, Math.min(3, cells));
}

export function cellWidth(cells: number): number {
  return (SHEET_WIDTH - 2 * MARGIN) / columnsFor(cells);
}

export function grid(
  title: string,
  key: string,
  cells: readonly Cell[],
  cellHeight: number,
  results: StudyResults,
): Picture {
  const [top, height, parts] = gridParts(titled(title, results), key, cells, cellHeight);
  const total = top + height + 34;
  return new Picture(SHEET_WIDTH, total, [...parts, footer(results, total)]);
}

/** Title, key and cells in rows of three; the y where the cells begin, their height, and the parts. */
export function gridParts(
  title: string,
  key: string,
  cells: readonly Cell[],
  cellHeight: number,
): [top: number, height: number, parts: string[]] {
  const width = SHEET_WIDTH - 2 * MARGIN;
  const heading = paragraph(MARGIN, 42, title, width, { size: 26, bold: true });
  const keyLine = paragraph(MARGIN, heading.nextY - 6, key, width, { size: 16, color: '#444444' });
  const top = keyLine.nextY + 10;
  const columns = columnsFor(cells.length);
  const columnWidth = cellWidth(cells.length);
  const headlineAt = (x: number, y: number, words: string) =>
    paragraph(x, y, words, columnWidth - 16, { size: 15, color: '#333333' });
  // Charts make room for the longest of the headlines.
  const extra = Math.max(0, ...cells.map((cell) => headlineAt(0, 0, cell.headline).nextY - headlineAt(0, 0, '').nextY));
  const rowHeight = cellHeight + 60 + extra;
  const parts = cells.map((cell, i) => {
    const x = MARGIN + (i % columns) * columnWidth;
    const y = top + Math.floor(i / columns) * rowHeight;
    const run = cell.heading;
    const settings = `rate ${shortRate(run.learningRate)}, batch ${run.batchSize}`;
    const headline = headlineAt(x, y + 36, cell.headline);
    return (
      text(x, y + 16, run.name, { size: 18, bold: true, color: cell.color }) +
      text(x + columnWidth - 20, y + 16, settings, { size: 14, color: '#666666', anchor: 'end' }) +
      headline.svg +
      place(x, y + 50 + extra, cell.svg)
    );
  });
  return [top, Math.ceil(cells.length / columns) * rowHeight, [heading.svg, keyLine.svg, ...parts]];
}

/** Figures from drawn images must not be taken for CIFAR-10's. */
export function titled(title: string, { data }: Pick<StudyResults, 'data'>): string {
  return data.startsWith('CIFAR-10') ? title : `On ${data.split(',')[0]}: ${title}`;
}

export function footer(results: StudyResults, height: number): string {
  const seeds = seedsText(seedsOf(results.runs, results.seed));
  const line = `${results.data} · preset ${results.preset} · ${seeds} · ${adapterText(results)}`;
  return text(MARGIN, height - 12, line, { size: 13, color: '#777777' });
}

/** What the strokes stand for. `controls`: whether they are drawn. */
export function keyOf({ runs, baseline, seeds }: Sheet, { controls }: { readonly controls: boolean }): string {
  const several = seeds.length > 1;
  const parts = [
    `Solid: validation${several ? `, mean of ${seeds.length} seeds` : ''}`,
    ...(several ? ['area: from the lowest to the highest seed'] : []),
    'dashed: training',
    ...(runs.length > 1 && baseline !== null ? ['grey: the baseline’s validation'] : []),
    ...(controls && runs.some((run) => run.controls?.length) ? ['dotted: at the old rate on'] : []),
    ...(runs.some((run) => run.interrupted) ? ['open circle: stopped within an epoch'] : []),
  ];
  return `${parts.join(', ')}; dots lead from a line’s end to its label.`;
}
