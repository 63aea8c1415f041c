/** The study's outcome as text: one line a run and one sentence a run, in the columns that a terminal has. */
import { type Column, tableLines } from '../../src/graph.ts';
import { epochsText, settled } from './epochs.ts';
import { best, last, mean, shortLoss, shortRate, trainingsOf } from './facts.ts';
import type { RunResult } from './results.ts';
import { averaged, repeated } from './seeds.ts';
import { deviation } from './statistics.ts';
import type { Verdict } from './verdict.ts';
import { USUAL_COLUMNS, wrap } from './wrap.ts';

interface RunColumn extends Column {
  /** `begun`: with an epoch that was cut short. */
  readonly of: (run: RunResult, begun: RunResult) => string;
  /** The higher, the earlier it goes where there is no room; 0: never. */
  readonly spare: number;
  /** There only where runs were trained with several seeds. */
  readonly several?: true;
}

const COLUMNS: readonly RunColumn[] = [
  { head: 'run', most: 18, of: ({ name }) => name, spare: 0 },
  { head: 'rate', right: true, of: (run) => shortRate(run.learningRate), spare: 3 },
  { head: 'batch', right: true, of: (run) => String(run.batchSize), spare: 4 },
  { head: 'epochs', right: true, of: (_, begun) => epochsText(begun), spare: 0 },
  { head: 'acc %', right: true, of: (run) => inPercent(last(averaged(run).history.accuracy)), spare: 7 },
  { head: 'best', right: true, of: (run) => inPercent(meanBest(run, 'accuracy')), spare: 10 },
  { head: 'val %', right: true, of: (run) => inPercent(last(averaged(run).history.val_accuracy)), spare: 0 },
  { head: 'sd', right: true, of: (run) => spread(run), spare: 0, several: true },
  { head: 'best', right: true, of: (run) => inPercent(meanBest(run, 'val_accuracy')), spare: 8 },
  { head: 'loss', right: true, of: (run) => shortLoss(last(averaged(run).history.loss)), spare: 6 },
  { head: 'val loss', right: true, of: (run) => shortLoss(last(averaged(run).history.val_loss)), spare: 5 },
  { head: 'train s', right: true, of: (run) => seconds(averaged(run).secondsPerEpoch), spare: 2 },
  { head: 'img/s', right: true, of: (run) => whole(averaged(run).imagesPerSecond), spare: 9 },
  { head: 'verdict', of: ({ verdict }) => verdict, spare: 1 },
];

/** From here on a sentence stands beside its run's name. */
const BESIDE = 72;
const GAP = '  ';

/** The final table, with the verdicts on the runs in their order; no line is longer than `width`, if that is at least 40. */
export function table(runs: readonly RunResult[], verdicts: readonly Verdict[], width = USUAL_COLUMNS): string {
  const all = COLUMNS.filter(({ several }) => !several || repeated(runs));
  const shown = [...all];
  const lines = () =>
    tableLines(
      shown,
      runs.map((run) => shown.map((column) => column.of(settled(run), run))),
    );
  const order = all.filter(({ spare }) => spare > 0).sort((a, b) => b.spare - a.spare);
  // The rule is as long as the table is wide.
  for (const column of order) if (lines()[1].length > width) shown.splice(shown.indexOf(column), 1);
  const judged = shown.some(({ head }) => head === 'verdict');
  const [heads, rule, ...rows] = lines();
  return [
    heads,
    rule.slice(0, width),
    ...rows,
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
