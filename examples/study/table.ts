/** The study's outcome as text: one line a run and one sentence a run, in the columns that a terminal has. */
import { epochsText, settled } from './epochs.ts';
import { best, last, mean, shortLoss, shortRate, trainingsOf } from './facts.ts';
import type { RunResult } from './results.ts';
import { averaged, repeated } from './seeds.ts';
import { deviation } from './statistics.ts';
import type { Verdict } from './verdict.ts';
import { USUAL_COLUMNS, wrap } from './wrap.ts';

interface Column {
  readonly head: string;
  /** `begun`: with an epoch that was cut short. */
  readonly of: (run: RunResult, begun: RunResult) => string;
  /** The higher, the earlier it goes where there is no room; 0: never. */
  readonly spare: number;
  /** Words stand at the left, numbers at the right. */
  readonly words?: true;
  /** There only where runs were trained with several seeds. */
  readonly several?: true;
}

const COLUMNS: readonly Column[] = [
  { head: 'run', of: ({ name }) => (name.length > 18 ? `${name.slice(0, 17)}…` : name), spare: 0, words: true },
  { head: 'rate', of: (run) => shortRate(run.learningRate), spare: 3 },
  { head: 'batch', of: (run) => String(run.batchSize), spare: 4 },
  { head: 'epochs', of: (_, begun) => epochsText(begun), spare: 0 },
  { head: 'acc %', of: (run) => inPercent(last(averaged(run).history.accuracy)), spare: 7 },
  { head: 'best', of: (run) => inPercent(meanBest(run, 'accuracy')), spare: 10 },
  { head: 'val %', of: (run) => inPercent(last(averaged(run).history.val_accuracy)), spare: 0 },
  { head: 'sd', of: (run) => spread(run), spare: 0, several: true },
  { head: 'best', of: (run) => inPercent(meanBest(run, 'val_accuracy')), spare: 8 },
  { head: 'loss', of: (run) => shortLoss(last(averaged(run).history.loss)), spare: 6 },
  { head: 'val loss', of: (run) => shortLoss(last(averaged(run).history.val_loss)), spare: 5 },
  { head: 'train s', of: (run) => seconds(averaged(run).secondsPerEpoch), spare: 2 },
  { head: 'img/s', of: (run) => whole(averaged(run).imagesPerSecond), spare: 9 },
  { head: 'verdict', of: ({ verdict }) => verdict, spare: 1, words: true },
];

/** From here on a sentence stands beside its run's name. */
const BESIDE = 72;
const GAP = '  ';

/** The final table, with the verdicts on the runs in their order; no line is longer than `width`, if that is at least 40. */
export function table(runs: readonly RunResult[], verdicts: readonly Verdict[], width = USUAL_COLUMNS): string {
  const all = COLUMNS.filter(({ several }) => !several || repeated(runs)).map((column) => {
    const cells = runs.map((run) => column.of(settled(run), run));
    return { ...column, cells, size: Math.max(column.head.length, ...cells.map(({ length }) => length)) };
  });
  const shown = [...all];
  const total = () => shown.reduce((sum, { size }) => sum + size + GAP.length, -GAP.length);
  const order = [...all].filter(({ spare }) => spare > 0).sort((a, b) => b.spare - a.spare);
  for (const column of order) if (total() > width) shown.splice(shown.indexOf(column), 1);
  const line = (text: (column: (typeof all)[number]) => string) =>
    shown
      .map((column) => (column.words ? text(column).padEnd(column.size) : text(column).padStart(column.size)))
      .join(GAP)
      .trimEnd();
  const judged = shown.some(({ head }) => head === 'verdict');
  return [
    line(({ head }) => head),
    '─'.repeat(Math.min(width, total())),
    ...runs.map((_, i) => line(({ cells }) => cells[i])),
    ...(shown.length < all.length
      ? ['', ...wrap('(a wider terminal shows more columns, results.json all)', width)]
      : []),
    '',
    ...sentences(runs, verdicts, width, judged),
  ].join('\n');
}

function sentences(runs: readonly RunResult[], verdicts: readonly Verdict[], width: number, judged: boolean): string[] {
  const beside = width >= BESIDE;
  const indent = beside ? Math.max(0, ...runs.map((run) => run.name.length)) + GAP.length : GAP.length;
  return runs.flatMap((run, i) => {
    const { verdict, sentence } = verdicts[i];
    const lines = wrap(judged ? sentence : `${verdict}: ${sentence}`, Math.min(width, USUAL_COLUMNS) - indent);
    if (!beside) return [run.name, ...lines.map((text) => ' '.repeat(indent) + text)];
    return lines.map((text, at) => (at === 0 ? run.name : '').padEnd(indent) + text);
  });
}

/** The best epoch of each seed, on average. */
function meanBest(run: RunResult, key: 'accuracy' | 'val_accuracy'): number {
  return mean(trainingsOf(run).map(({ history }) => best(history[key]).value));
}

/** How far the seeds' ends lie apart, as a standard deviation. */
function spread(run: RunResult): string {
  const ends = trainingsOf(run).map(({ history }) => last(history.val_accuracy));
  return ends.length === 1 ? '–' : inPercent(deviation(ends));
}

function inPercent(share: number): string {
  return (share * 100).toFixed(1);
}

function seconds(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : 'NaN';
}
