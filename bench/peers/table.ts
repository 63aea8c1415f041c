/** The comparison as text: one line a peer, and what is missing below. */
import { short } from '../table.ts';
import type { Gap, PeerResult } from './summary.ts';

interface Column {
  readonly heading: string;
  readonly batch: number | null;
  readonly cells: readonly string[];
}

const MISSING = '–';

/** A table; a quantity that no peer has gets no column. */
export function peersTable(results: readonly PeerResult[], gaps: readonly Gap[]): string {
  const peers = [...new Set(results.map(({ peer }) => peer))];
  const batches = [...new Set(results.map(({ batch }) => batch))].sort((a, b) => a - b);
  const quantity = (heading: string, format: (result: PeerResult) => string | null): Column[] =>
    batches
      .map((batch) => ({
        heading,
        batch,
        cells: peers.map((peer) => {
          const result = results.find((one) => one.peer === peer && one.batch === batch);
          return (result && format(result)) ?? MISSING;
        }),
      }))
      .filter(({ cells }) => cells.some((cell) => cell !== MISSING));
  const columns: Column[] = [
    { heading: '', batch: null, cells: peers },
    ...quantity('µs an image', ({ usPerImage, spread }) => maybe(usPerImage, (us) => short(us) + around(spread))),
    ...quantity('× slower than wgrad', ({ slower }) => maybe(slower, (times) => times.toFixed(times < 9.95 ? 1 : 0))),
    ...quantity('first step, ms', ({ firstMs }) => maybe(firstMs, short)),
    ...quantity('cold first step, ms', ({ coldFirstMs }) => maybe(coldFirstMs, short)),
    ...quantity('host, ms a step', hostCost),
    ...quantity('peak MiB', ({ peakBytes }) => maybe(peakBytes, (bytes) => short(bytes / 2 ** 20))),
  ];
  const lines = results.length === 0 ? [] : layOut(columns);
  if (results.some(({ hostTogetherMs }) => hostTogetherMs !== null)) {
    lines.push('', 'host: on Dawn’s null backend, which executes nothing; in brackets, steps submitted 8 at a time');
  }
  if (gaps.length > 0 && lines.length > 0) lines.push('');
  for (const { peer, batch, reason } of gaps) {
    lines.push(`${peer}${batch === null ? '' : ` at batch ${batch}`}: ${reason}`);
  }
  return lines.join('\n');
}

/** Which version of each peer computed on what, one a line. */
export function versionLines(results: readonly PeerResult[]): string[] {
  const first = new Map<string, PeerResult>();
  for (const one of results) if (!first.has(one.peer)) first.set(one.peer, one);
  const peers = [...first.values()];
  const width = Math.max(0, ...peers.map(({ peer, version }) => peer.length + version.length + 1));
  return peers.map(({ peer, version, adapter }) => `${`${peer} ${version}`.padEnd(width)}  ${adapter}`);
}

function maybe(value: number | null, format: (value: number) => string): string | null {
  return value === null ? null : format(value);
}

function around(spread: number | null): string {
  return spread === null ? '' : ` ±${(spread * 100).toFixed(0)} %`;
}

function hostCost({ hostMs, hostTogetherMs }: PeerResult): string | null {
  return maybe(hostMs, (ms) => short(ms) + (maybe(hostTogetherMs, (each) => ` (${short(each)})`) ?? ''));
}

/** Lines of the table: a heading over all batches of a quantity, the batches, a rule, the peers. */
function layOut(columns: readonly Column[]): string[] {
  const heads = columns.map(({ batch }) => (batch === null ? 'batch' : String(batch)));
  const widths = columns.map(({ cells }, i) => Math.max(heads[i].length, ...cells.map((cell) => cell.length)));
  const isFirst = (i: number) => columns[i].heading !== columns[i - 1]?.heading;
  // A heading longer than its columns widens the first of them.
  for (let i = 0; i < columns.length; i++) {
    if (!isFirst(i)) continue;
    let total = widths[i];
    for (let next = i + 1; next < columns.length && !isFirst(next); next++) total += widths[next] + 2;
    widths[i] += Math.max(0, columns[i].heading.length - total);
  }
  const gap = (i: number) => (i === 0 ? '' : isFirst(i) ? '   ' : '  ');
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => gap(i) + (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('')
      .trimEnd();
  let headings = '';
  let end = 0;
  columns.forEach(({ heading }, i) => {
    if (isFirst(i)) headings = headings.padEnd(end + gap(i).length) + heading;
    end += gap(i).length + widths[i];
  });
  const peers = columns[0].cells.map((_, row) => line(columns.map(({ cells }) => cells[row])));
  return [headings, line(heads), '─'.repeat(end), ...peers];
}
