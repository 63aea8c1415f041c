/** What a sweep and the processes that train for it say to each other. */

import type { Leg, LegEnd } from './runner.ts';
import type { EpochRecord } from './trial.ts';

export type ToWorker =
  | { readonly say: 'train'; readonly leg: Leg }
  /** The epoch is on the disk. */
  | { readonly say: 'kept' }
  | { readonly say: 'abort' };

export type FromWorker =
  | { readonly say: 'ready'; readonly conditions: Readonly<Record<string, string>> }
  | { readonly say: 'epoch'; readonly record: EpochRecord }
  /** The checkpoint after the last epoch is whole. */
  | { readonly say: 'saved' }
  | { readonly say: 'ended'; readonly end: LegEnd };
