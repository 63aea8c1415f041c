/** Which class is taken for which. */

import { textWidth } from '#raster';
import { counted } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { type Classes, readClasses, readLabels } from './classes.ts';
import { countPairs } from './confusion.ts';
import { percent } from './format.ts';
import { heading, MARGIN, SLACK } from './heading.ts';
import { RIGHT, readableOn, tint, WRONG } from './palette.ts';
import { Picture } from './picture.ts';
import { text } from './svgText.ts';
import { taken } from './taken.ts';

/** What `confusionMatrix` counts, and how it shows it. */
export interface ConfusionMatrixOptions {
  /** The true class of each example. */
  readonly labels: Classes;
  /** What a model says to each. */
  readonly predictions: Classes;
  /** The names of all classes; default their ids. */
  readonly classNames?: readonly string[];
  /** Default the accuracy and the most frequent confusion; '' for none. */
  readonly title?: string;
}

const LABEL = 14;
const SOFT = '#444444';
const EMPTY = '#f3f3f3';
/** What all cells of a row may fill, and how large one is at most. */
const ROW = 640;
const LARGEST_CELL = 48;
const SMALLEST_CELL = 12;
const GAP = 1;
/** Room for a title that wraps seldom. */
const LEAST_WIDTH = 480;
const NO_NUMBER = 'no number';

/**
 * Draws a confusion matrix: a row a true class, a column a predicted one, and in each cell how often that was; its colour is the
 * deeper the larger its share of the row. Examples whose prediction is no number get a column of their own, where there are any.
 * @throws ShapeError for labels and predictions of different examples; ArgumentError for a label that is no class; StateError
 * where a package is missing
 */
export async function confusionMatrix(options: ConfusionMatrixOptions): Promise<Picture> {
  const who = 'confusionMatrix';
  const given = taken(options);
  checkOptions(who, given, { labels: true, predictions: true, classNames: true, title: true });
  const { labels, predictions, classNames } = given;
  const examples = 'length' in labels ? labels.length : labels.shape[0];
  const truths = await readLabels(who, labels, examples);
  const { guesses, classes } = await readClasses(who, 'predictions', predictions, examples);
  const names = classNames ?? idsUpTo(classes ?? Math.max(0, ...truths, ...guesses.map(({ index }) => index)) + 1);
  if (classes !== null && classes !== names.length) {
    throw new ArgumentError(
      `${who}: expected a name for each of ${counted(classes, 'class', 'classes')}, got ${names.length}. Name the classes that the model tells apart.`,
    );
  }
  const counts = countPairs(who, truths, guesses, names.length);
  const lost = counts.some((row) => row[names.length] > 0);
  const columns = lost ? [...names, NO_NUMBER] : names;

  const cell = Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, Math.floor(ROW / columns.length)));
  const size = Math.min(LABEL, cell);
  const widthOf = (content: string): number => textWidth(content, { size }) * SLACK;
  const longest = Math.max(...columns.map(widthOf));
  const level = longest <= cell - 4;
  // In degrees: slanting names would run into each other where columns are narrow.
  const slope = cell * Math.SQRT1_2 < size ? 90 : 45;
  const written = Math.max(...counts.flat().map((count) => widthOf(String(count)))) <= cell - 4;

  // The axis title, the names, the cells.
  const left = MARGIN + 22 + Math.max(...names.map(widthOf)) + 8;
  const span = columns.length * cell + (lost ? cell / 4 : 0);
  const width = Math.ceil(Math.max(LEAST_WIDTH, left + span + MARGIN));
  const { title = titleOf(counts, names) } = given;
  const { svg: head, bottom: top } = heading(title, noteOf(examples, written), width);
  const bottom = top + names.length * cell;
  /** Set apart from the classes. */
  const leftOf = (column: number): number => left + column * cell + (column === names.length ? cell / 4 : 0);

  const cells = counts.flatMap((row, truth) =>
    row.slice(0, columns.length).map((count, guess) => {
      const share = count / row.reduce((sum, other) => sum + other, 0);
      const fill = count === 0 ? EMPTY : tint(guess === truth ? RIGHT : WRONG, share);
      const [x, y] = [leftOf(guess), top + truth * cell];
      const square = `<rect x="${x}" y="${y}" width="${cell - GAP}" height="${cell - GAP}" fill="${fill}"/>`;
      if (count === 0 || !written) return square;
      const style = { size, bold: guess === truth, color: readableOn(fill), anchor: 'middle' } as const;
      return square + text(x + cell / 2, y + cell / 2 + size * 0.35, String(count), style);
    }),
  );
  const rows = names.map((name, i) =>
    text(left - 8, top + (i + 0.5) * cell + size * 0.35, name, { size, anchor: 'end' }),
  );
  const heads = columns.map((name, i) => {
    const middle = leftOf(i) + cell / 2;
    return level
      ? text(middle, bottom + size + 4, name, { size, anchor: 'middle' })
      : turned(middle + size * 0.35, bottom + size, -slope, name, { size, anchor: 'end' });
  });
  const axis = { size: LABEL, bold: true, color: SOFT, anchor: 'middle' } as const;
  const foot = bottom + (level ? size + 8 : size + longest * Math.sin((slope * Math.PI) / 180) + 4);
  return new Picture(width, Math.ceil(foot + LABEL + MARGIN), [
    head,
    ...cells,
    ...rows,
    ...heads,
    turned(MARGIN + LABEL - 2, (top + bottom) / 2, -90, 'true', axis),
    text(left + (names.length * cell) / 2, foot + LABEL, 'predicted', axis),
  ]);
}

const idsUpTo = (classes: number): string[] => Array.from({ length: classes }, (_, id) => String(id));

function turned(x: number, y: number, degrees: number, content: string, style: Parameters<typeof text>[3]): string {
  return `<g transform="translate(${x} ${y}) rotate(${degrees})">${text(0, 0, content, style)}</g>`;
}

function titleOf(counts: readonly number[][], names: readonly string[]): string {
  const total = counts.flat().reduce((sum, count) => sum + count, 0);
  if (total === 0) return 'No examples';
  const right = counts.reduce((sum, row, truth) => sum + row[truth], 0);
  const lost = counts.reduce((sum, row) => sum + row[names.length], 0);
  const wrong = counts
    .flatMap((row, truth) => names.map((name, guess) => ({ count: guess === truth ? 0 : row[guess], truth, name })))
    .reduce((most, pair) => (pair.count > most.count ? pair : most));
  return [
    `${percent(right / total)} right`,
    ...(wrong.count > 0 ? [`${names[wrong.truth]} is taken for ${wrong.name} ${times(wrong.count)}`] : []),
    ...(lost > 0 ? [`${lost} ${lost === 1 ? 'has' : 'have'} no number`] : []),
  ].join('; ');
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

function noteOf(examples: number, written: boolean): string {
  const what = `${examples} example${examples === 1 ? '' : 's'}. A row is a true class; the deeper a colour, the larger its share of it.`;
  return `${what}${written ? '' : ' Grey: never.'}`;
}
