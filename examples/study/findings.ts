/** What a study hands to those that show it. */

import type { ImageDataset } from '../../src/index.ts';
import type { Environment } from './environment.ts';
import type { StudyResults } from './results.ts';
import type { RunOutcome } from './trainRun.ts';

/** All that a study found, and where. */
export interface Findings {
  readonly results: StudyResults;
  /** In the order of the results' runs. */
  readonly outcomes: readonly RunOutcome[];
  readonly data: ImageDataset;
  readonly environment: Environment;
}
