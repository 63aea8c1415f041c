/** How a saved schedule is made again. */

import type { SavedState } from '../../io/state.ts';
import * as classes from './index.ts';
import type { LearningRateSchedule } from './schedule.ts';

/** The library's schedules by the names that files have for them. */
export const scheduleClasses = classes satisfies Readonly<
  Record<string, { fromConfig(saved: SavedState): LearningRateSchedule }>
>;

const known: Readonly<Record<string, { fromConfig(saved: SavedState): LearningRateSchedule }>> = scheduleClasses;

/**
 * The schedule that a file describes; null where it is one of the user's own.
 * @throws DataError for settings that are missing or of another kind
 * @throws ArgumentError for settings outside their range
 */
export const makeSchedule = (name: string, settings: SavedState): LearningRateSchedule | null =>
  Object.hasOwn(known, name) ? known[name].fromConfig(settings) : null;
