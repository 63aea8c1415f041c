/** Records of a sweep as lines of JSON, which has no NaN: numbers that are not finite are texts. */

import { isRecord } from '../base/isRecord.ts';
import { problemOfJson } from '../io/json.ts';
import type { EpochRecord } from './trial.ts';

/** A line of ours is far smaller. */
const LIMITS = { depth: 8, values: 100_000 };

export const recordText = (record: object): string => JSON.stringify(record, withTexts);

/** Null for what is no record in JSON. */
export function parsedRecord(text: string): Readonly<Record<string, unknown>> | null {
  try {
    if (problemOfJson(text, LIMITS) !== null) return null;
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/** That of an epoch; null for any other. */
export function epochOf({ epoch, seconds, logs, by }: Readonly<Record<string, unknown>>): EpochRecord | null {
  if (typeof epoch !== 'number' || !isRecord(logs)) return null;
  const numbers = Object.entries(logs).map(([key, one]) => [key, Number(one)] as const);
  const record = { epoch, seconds: Number(seconds), logs: Object.fromEntries(numbers) };
  return isRecord(by) ? { ...record, by: textsOf(by) } : record;
}

/** Of all values, as texts. */
export const textsOf = (record: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, String(value)]));

/** A minus before a zero is lost in JSON, too. */
function withTexts(_: string, value: unknown): unknown {
  if (typeof value !== 'number') return value;
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? value : String(value);
}
