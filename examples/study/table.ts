/** The study's outcome as text: one line a run that fits 120 columns, then one sentence a run. */
import { best, epochsRun, last, shortLoss, shortRate } from './facts.ts';
import type { RunResult } from './results.ts';
import type { Verdict } from './verdict.ts';

const COLUMNS = 120;
const HEADER = ['run', 'rate', 'batch', 'epochs', 'acc %', 'best', 'val %', 'best', 'loss', 'val loss'];
const TIMES = ['train s', 'img/s', 'verdict'];

/** The final table, with the verdicts on the runs in their order. */
export function table(runs: readonly RunResult[], verdicts: readonly Verdict[]): string {
  const rows = runs.map(row);
  const header = [...HEADER, ...TIMES];
  const widths = header.map((head, i) => Math.max(head.length, ...rows.map((cells) => cells[i].length)));
  const line = (cells: readonly string[]) =>
    cells
      // Words to the left, numbers to the right.
      .map((cell, i) => (i === 0 || i === cells.length - 1 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  const total = widths.reduce((sum, width) => sum + width + 2, -2);
  return [line(header), '─'.repeat(total), ...rows.map(line), '', ...sentences(runs, verdicts)].join('\n');
}

function row(run: RunResult): string[] {
  const { loss, accuracy, val_loss, val_accuracy } = run.history;
  const epochs = epochsRun(run);
  return [
    run.name.length > 18 ? `${run.name.slice(0, 17)}…` : run.name,
    shortRate(run.learningRate),
    String(run.batchSize),
    epochs === run.epochs ? String(epochs) : `${epochs}/${run.epochs}`,
    inPercent(last(accuracy)),
    inPercent(best(accuracy).value),
    inPercent(last(val_accuracy)),
    inPercent(best(val_accuracy).value),
    shortLoss(last(loss)),
    shortLoss(last(val_loss)),
    run.secondsPerEpoch.toFixed(run.secondsPerEpoch < 10 ? 2 : 1),
    Number.isFinite(run.imagesPerSecond) ? Math.round(run.imagesPerSecond).toLocaleString('en-US') : 'NaN',
    run.verdict,
  ];
}

function inPercent(share: number): string {
  return (share * 100).toFixed(1);
}

function sentences(runs: readonly RunResult[], verdicts: readonly Verdict[]): string[] {
  const indent = Math.max(0, ...runs.map((run) => run.name.length)) + 2;
  return runs.flatMap((run, i) => {
    const [first, ...rest] = wrap(verdicts[i].sentence, COLUMNS - indent);
    return [run.name.padEnd(indent) + first, ...rest.map((text) => ' '.repeat(indent) + text)];
  });
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1];
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
