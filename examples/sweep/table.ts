/** The sweep's outcome as text: a line a batch size, and what to use. */

import { type Column, tableLines } from '../../src/graph.ts';
import { count, shortRate } from '../study/facts.ts';
import {
  advice,
  batchesOf,
  bestRates,
  cellsOf,
  type SweepFacts,
  secondsOf,
  seedsOf,
  spreadOf,
  stepsAnEpoch,
} from './plane.ts';

const percent = (share: number): string => (Number.isFinite(share) ? (share * 100).toFixed(1) : '–');

export function table(facts: SweepFacts): string {
  const cells = cellsOf(facts);
  const best = bestRates(facts);
  const several = seedsOf(facts).length > 1;
  const columns: readonly Column[] = [
    { head: 'batch', right: true },
    { head: 'best rate', right: true },
    { head: 'val %', right: true },
    ...(several ? [{ head: 'sd', right: true }] : []),
    { head: 'epochs', right: true },
    { head: 'steps', right: true },
    { head: 'train s', right: true },
    { head: 'diverged from' },
  ];
  const rows = batchesOf(facts).map((batch) => {
    const cell = best.find((one) => one.batch === batch);
    const broken = cells.find((one) => one.batch === batch && one.diverged);
    const from = broken === undefined ? 'nowhere' : `rate ${shortRate(broken.rate)}`;
    if (cell === undefined) return [String(batch), '–', '–', ...(several ? ['–'] : []), '–', '–', '–', from];
    return [
      String(batch),
      shortRate(cell.rate),
      percent(cell.accuracy),
      ...(several ? [percent(spreadOf(cell))] : []),
      String(cell.epochs),
      String(cell.epochs * stepsAnEpoch(facts, batch)),
      secondsOf(cell).toFixed(1),
      from,
    ];
  });
  return tableLines(columns, rows).join('\n');
}

/** The one line that a user wants. */
export function adviceWords(facts: SweepFacts): string {
  const found = advice(facts);
  if (found === null) return 'No point was trained to its end: there is nothing to advise yet.';
  const { cell, best, seconds } = found;
  const why =
    cell === best
      ? 'the best of all'
      : `within the error of the best, ${percent(best.accuracy)} % at batch ${best.batch} and rate ${shortRate(best.rate)}, and faster`;
  return `Use batch ${cell.batch} and rate ${shortRate(cell.rate)} here: ${percent(cell.accuracy)} % after ${count(cell.epochs, 'epoch')} and ${seconds.toPrecision(2)} s, ${why}.`;
}
