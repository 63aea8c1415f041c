/** What a sweep's page is given: all plain JSON. Nothing of Node: the page reads it, too. */

import type { SweepFacts } from '../plane.ts';

export interface PageData {
  readonly facts: SweepFacts;
  /** What was found, in sentences; the first one is the title. */
  readonly words: readonly string[];
  /** Whether the sweep still runs, and there is more to be had where the page came from. */
  readonly live?: boolean;
  /** Pictures as SVG documents, with what they show. */
  readonly charts: readonly { readonly label: string; readonly svg: string }[];
}

/** JSON has no NaN and writes null. */
export function parsePage(json: string): PageData {
  const data: PageData = JSON.parse(json);
  const trials = data.facts.trials.map((trial) => ({
    ...trial,
    epochs: trial.epochs.map((record) => ({
      ...record,
      logs: Object.fromEntries(Object.entries(record.logs).map(([key, value]) => [key, value ?? Number.NaN])),
    })),
  }));
  return { ...data, facts: { ...data.facts, trials } };
}
