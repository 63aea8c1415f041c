/** What a sweep and the processes that train for it say to each other. */

import type { Leg, LegEnd } from './runner.ts';
import type { EpochRecord } from './trial.ts';

export type ToWorker =
  | { readonly say: 'train'; readonly leg: Leg }
  /** The epoch is on the disk. */
  | { readonly say: 'kept' }
  | { readonly say: 'abort' };

export type FromWorker =
  | { readonly say: 'ready' }
  | { readonly say: 'epoch'; readonly record: EpochRecord }
  | { readonly say: 'ended'; readonly end: LegEnd };
