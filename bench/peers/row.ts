/** The line of JSON that a peer's process prints. */

export interface PeerRow {
  readonly peer: string;
  readonly version: string;
  /** What the adapter calls itself, or what computes where there is none. */
  readonly adapter: string;
  readonly batch: number;
  /** From the model's construction to the end of its first step, in a fresh process. */
  readonly firstMs: number | null;
  /** Median of the later steps, each awaited. */
  readonly stepMs: number | null;
  /** Wall time of a step on Dawn's null backend, which executes nothing: what the host costs. */
  readonly hostMs: number | null;
  /** The same, of steps submitted several at once. */
  readonly hostTogetherMs: number | null;
  readonly usPerImage: number | null;
  /** The most bytes of GPU buffers alive at once. */
  readonly peakBytes: number | null;
  /** Steps behind the median. */
  readonly steps: number;
}

/** Reads a line of a process's output; null if it is anything but a row. */
export function parseRow(line: string): PeerRow | null {
  if (!line.trimStart().startsWith('{')) return null;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const fields = new Map<string, unknown>(Object.entries(value));
  const peer = fields.get('peer');
  const version = fields.get('version');
  const adapter = fields.get('adapter');
  const batch = numberAt(fields, 'batch');
  if (typeof peer !== 'string' || typeof version !== 'string' || typeof adapter !== 'string' || batch === null)
    return null;
  return {
    peer,
    version,
    adapter,
    batch,
    firstMs: numberAt(fields, 'firstMs'),
    stepMs: numberAt(fields, 'stepMs'),
    hostMs: numberAt(fields, 'hostMs'),
    hostTogetherMs: numberAt(fields, 'hostTogetherMs'),
    usPerImage: numberAt(fields, 'usPerImage'),
    peakBytes: numberAt(fields, 'peakBytes'),
    steps: numberAt(fields, 'steps') ?? 0,
  };
}

/** A positive number, or null: a time of nothing is no measurement. */
function numberAt(fields: ReadonlyMap<string, unknown>, key: string): number | null {
  const value = fields.get(key);
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null;
}
