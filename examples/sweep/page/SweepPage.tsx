/** What a sweep found, on one page: the map, and each trial's curve where one points at it. */

import { useMemo, useState } from 'preact/hooks';
import type { TrialEnd } from '../../../src/sweep/index.ts';
import { adapterText, shortRate } from '../../study/facts.ts';
import {
  accuracyOf,
  batchesOf,
  bestRates,
  type Cell,
  cellsOf,
  type PlaneTrial,
  ratesOf,
  trainedSeconds,
} from '../plane.ts';
import { Curves, METRICS } from './Curves.tsx';
import type { PageData } from './pageData.ts';

const percent = (share: number): string => (Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : '–');
const ENDS: readonly TrialEnd[] = ['done', 'stopped', 'diverged', 'failed'];

interface SweepPageProps {
  readonly data: PageData;
  /** Why it shows nothing newer; '' where it does. */
  readonly trouble?: string;
}

export function SweepPage({ data, trouble = '' }: SweepPageProps) {
  const { facts, words, charts } = data;
  const [frontKey, setFront] = useState<string | null>(null);
  const [pinnedKey, setPinned] = useState<string | null>(null);
  const [batch, setBatch] = useState<number | null>(null);
  const [ends, setEnds] = useState(ENDS);
  const [metric, setMetric] = useState<(typeof METRICS)[number]>('val_accuracy');
  const [bySeconds, setBySeconds] = useState(false);
  const cells = useMemo(() => cellsOf(facts), [facts]);
  const best = useMemo(() => bestRates(facts), [facts]);
  const shown = facts.trials.filter(
    ({ parameters, end }) => (batch === null || parameters.batchSize === batch) && (end === null || ends.includes(end)),
  );
  // By their places: a page that follows a sweep has new cells at each look.
  const at = (key: string | null): Cell | null => cells.find((cell) => keyOf(cell) === key) ?? null;
  const [chosen, pinned] = [at(frontKey ?? pinnedKey), at(pinnedKey)];
  const [title, ...sentences] = words;
  return (
    <main>
      <header>
        <p class="kicker">
          The plane of learning rate and batch size
          {data.live === true && trouble === '' && ': the sweep runs, and this page follows it'}
        </p>
        {trouble !== '' && <p role="status">{trouble}</p>}
        <h1>{title}</h1>
        {sentences.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
        <p class="soft">
          {facts.data} · {adapterText(facts)} · {facts.trials.length} trials of up to {facts.epochs} epochs
        </p>
      </header>
      <section class="card pair">
        <div>
          <h2>Validation accuracy, in %</h2>
          <PlaneTable
            {...{ cells, best, batches: batchesOf(facts), rates: ratesOf(facts), chosen, pinned }}
            epochs={facts.epochs}
            onPoint={(cell) => setFront(cell && keyOf(cell))}
            onPin={(cell) => setPinned(keyOf(cell) === pinnedKey ? null : keyOf(cell))}
          />
          <p class="soft">
            Framed: the best rate of a batch size. ×: diverged, or left guessing. Small: epochs until it was stopped.
            Point at a cell for its curves; press it to keep them.
          </p>
        </div>
        <div>
          <div class="choices">
            <label>
              curve{' '}
              <select
                value={metric}
                onChange={(e) => setMetric(METRICS.find((one) => one === e.currentTarget.value) ?? metric)}
              >
                {METRICS.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            <label>
              <input type="checkbox" checked={bySeconds} onChange={() => setBySeconds(!bySeconds)} /> against seconds
            </label>
            <label>
              batch{' '}
              <select
                value={batch ?? ''}
                onChange={(e) => setBatch(e.currentTarget.value === '' ? null : Number(e.currentTarget.value))}
              >
                <option value="">all</option>
                {batchesOf(facts).map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            {ENDS.map((end) => (
              <label key={end}>
                <input
                  type="checkbox"
                  checked={ends.includes(end)}
                  onChange={() => setEnds(ends.includes(end) ? ends.filter((one) => one !== end) : [...ends, end])}
                />{' '}
                {end}
              </label>
            ))}
          </div>
          <Curves trials={shown} front={chosen?.trials ?? []} {...{ metric, bySeconds }} />
          <p class="reading">
            {chosen === null
              ? ' '
              : `batch ${chosen.batch}, rate ${shortRate(chosen.rate)}: ${chosen.trials.map(told).join('; ')}`}
          </p>
        </div>
      </section>
      {charts.map(({ label, svg }) => (
        <section class="card" key={label}>
          <img src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`} alt={label} />
        </section>
      ))}
      <section class="card">
        <h2 id="trials">Trials</h2>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section class="wide" tabIndex={0} aria-labelledby="trials">
          <table class="numbers">
            <thead>
              <tr>
                {['trial', 'batch', 'rate', 'seed', 'epochs', 'val accuracy', 'seconds', 'end'].map((head) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((trial) => (
                <tr key={trial.number}>
                  <th scope="row">{trial.number}</th>
                  <td>{trial.parameters.batchSize}</td>
                  <td>{shortRate(trial.parameters.learningRate)}</td>
                  <td>{trial.seed}</td>
                  <td>{trial.epochs.length}</td>
                  <td>{percent(accuracyOf(trial))}</td>
                  <td>{trainedSeconds(trial).toFixed(1)}</td>
                  <td>{`${trial.end ?? 'under way'}${trial.reason === null ? '' : `: ${trial.reason}`}`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </section>
    </main>
  );
}

const keyOf = ({ batch, rate }: Cell): string => `${batch} ${rate}`;

const told = (trial: PlaneTrial): string =>
  `seed ${trial.seed} ${percent(accuracyOf(trial))} after ${trial.epochs.length} epochs, ${trial.reason ?? trial.end ?? 'under way'}`;

interface PlaneTableProps {
  readonly cells: readonly Cell[];
  readonly best: readonly Cell[];
  readonly batches: readonly number[];
  readonly rates: readonly number[];
  readonly epochs: number;
  readonly chosen: Cell | null;
  readonly pinned: Cell | null;
  readonly onPoint: (cell: Cell | null) => void;
  readonly onPin: (cell: Cell) => void;
}

/** The map as a table, which a keyboard and a screen reader can walk through. */
function PlaneTable({ cells, best, batches, rates, epochs, chosen, pinned, onPoint, onPin }: PlaneTableProps) {
  const values = cells.map(({ accuracy }) => accuracy).filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (
    <table class="plane">
      <tbody>
        {rates.toReversed().map((rate) => (
          <tr key={rate}>
            <th scope="row">{shortRate(rate)}</th>
            {batches.map((batch) => {
              const cell = cells.find((one) => one.batch === batch && one.rate === rate);
              if (cell === undefined) return <td key={batch} />;
              const depth = (cell.accuracy - low) / (high - low || 1);
              const isBest = best.some((one) => one.batch === batch && one.rate === rate);
              const text = Number.isFinite(cell.accuracy) ? (cell.accuracy * 100).toFixed(1) : cell.diverged ? '×' : '';
              return (
                <td key={batch}>
                  <button
                    type="button"
                    class={`${isBest ? 'best' : ''} ${cell === chosen ? 'chosen' : ''}`}
                    style={
                      Number.isFinite(depth) ? { background: colorAt(depth), color: depth > 0.5 ? '#fff' : '#222' } : {}
                    }
                    aria-label={`batch ${batch}, rate ${shortRate(rate)}: ${text === '×' ? 'diverged' : text === '' ? 'not trained yet' : `${text} %`}`}
                    aria-pressed={cell === pinned}
                    onPointerEnter={() => onPoint(cell)}
                    onPointerLeave={() => onPoint(null)}
                    onFocus={() => onPoint(cell)}
                    onBlur={() => onPoint(null)}
                    onClick={() => onPin(cell)}
                  >
                    {text}
                    {cell.epochs > 0 && cell.epochs < epochs && text !== '×' && <small>{cell.epochs} ep.</small>}
                  </button>
                </td>
              );
            })}
          </tr>
        ))}
        <tr>
          <th scope="row">rate / batch</th>
          {batches.map((batch) => (
            <th key={batch} scope="col">
              {batch}
            </th>
          ))}
        </tr>
      </tbody>
    </table>
  );
}

/** From a pale yellow by green to a dark blue, as in the map. */
const STOPS = [
  [239, 249, 189],
  [65, 182, 196],
  [28, 49, 133],
] as const;

function colorAt(share: number): string {
  const at = Math.min(0.9999, Math.max(0, share)) * (STOPS.length - 1);
  const [from, to] = [STOPS[Math.floor(at)], STOPS[Math.floor(at) + 1]];
  const mixed = from.map((channel, i) => Math.round(channel + (to[i] - channel) * (at % 1)));
  return `rgb(${mixed.join(' ')})`;
}
