/** From the rows of all processes to one result for each peer and batch. */
import { spreadOf } from '../statistics.ts';
import type { Mode } from './child.ts';
import { PEERS, WGRAD } from './registry.ts';
import type { PeerRow } from './row.ts';

/** One process that gave a row. */
export interface Measurement {
  readonly mode: Mode;
  readonly round: number;
  /** Whether drivers had no compiled shaders on disk. */
  readonly cold: boolean;
  readonly row: PeerRow;
}

/** A peer, or a batch of it, that has no row. */
export interface Gap {
  readonly peer: string;
  readonly batch: number | null;
  readonly reason: string;
}

/** What one peer did at one batch: medians over the rounds, null where it is unknown. */
export interface PeerResult {
  readonly peer: string;
  readonly version: string;
  readonly adapter: string;
  readonly batch: number;
  readonly rounds: number;
  readonly stepMs: number | null;
  readonly usPerImage: number | null;
  /** Half of what lies between the fastest round and the slowest, as a share of the median. */
  readonly spread: number | null;
  /** Times as long as wgrad takes for the same batch. */
  readonly slower: number | null;
  readonly firstMs: number | null;
  readonly coldFirstMs: number | null;
  readonly hostMs: number | null;
  readonly hostTogetherMs: number | null;
  readonly peakBytes: number | null;
}

/** One result for each peer and batch, in the order of the list of peers. */
export function summarize(measurements: readonly Measurement[]): PeerResult[] {
  const groups = new Map<string, Measurement[]>();
  for (const one of measurements) {
    const key = `${one.row.peer} ${one.row.batch}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const place = ({ peer }: PeerResult) => PEERS.findIndex(({ name }) => name === peer);
  const results = [...groups.values()].map(summarizeGroup).sort((a, b) => place(a) - place(b) || a.batch - b.batch);
  const wgrad = new Map(results.filter(({ peer }) => peer === WGRAD).map((one) => [one.batch, one.usPerImage]));
  return results.map((one) => {
    const unit = wgrad.get(one.batch);
    return { ...one, slower: one.usPerImage === null || unit == null ? null : one.usPerImage / unit };
  });
}

function summarizeGroup(group: readonly Measurement[]): PeerResult {
  const numbers = (key: 'firstMs' | 'stepMs' | 'usPerImage' | 'hostMs' | 'hostTogetherMs' | 'peakBytes', of = group) =>
    of.map(({ row }) => row[key]).filter((value) => value !== null);
  const middle = (values: readonly number[]) => (values.length === 0 ? null : spreadOf(values).median);
  const steps = group.filter(({ mode }) => mode === 'steps');
  const cold = group.filter((one) => one.cold);
  // The null backend is an adapter too, but not the one that steps ran on.
  const { peer, version, adapter, batch } = (steps[0] ?? group.find(({ mode }) => mode !== 'host') ?? group[0]).row;
  return {
    peer,
    version,
    adapter,
    batch,
    rounds: steps.length,
    stepMs: middle(numbers('stepMs')),
    usPerImage: middle(numbers('usPerImage')),
    spread: relativeSpread(numbers('usPerImage')),
    slower: null,
    firstMs: middle(numbers('firstMs', steps)),
    coldFirstMs: middle(numbers('firstMs', cold)),
    hostMs: middle(numbers('hostMs')),
    hostTogetherMs: middle(numbers('hostTogetherMs')),
    peakBytes: middle(numbers('peakBytes')),
  };
}

/** One number tells nothing of how far they spread. */
function relativeSpread(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const { min, max, median } = spreadOf(values);
  return (max - min) / 2 / median;
}

/** Throws if peers on WebGPU did not all compute on one adapter: their times could not be compared. */
export function checkAdapters(measurements: readonly Measurement[]): void {
  const seen = new Map<string, string>();
  for (const { mode, row } of measurements) {
    if (mode !== 'host' && row.peer.endsWith('-webgpu')) seen.set(row.peer, row.adapter);
  }
  if (new Set(seen.values()).size < 2) return;
  const list = [...seen].map(([peer, adapter]) => `${peer} sees '${adapter}'`).join(', ');
  throw new Error(`The peers do not compute on the same adapter: ${list}. Ask for one with --adapter.`);
}
