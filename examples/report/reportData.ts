/** What a report page is given: all plain JSON. Nothing of Node: the page reads it, too. */

import type { Pixels } from '../../src/pictures/index.ts';
import { type Exhibits, exhibitsFrom, type StoredExhibits } from '../study/exhibits.ts';
import { parsedResults, type StudyResults } from '../study/results.ts';

export interface Sample {
  readonly label: number;
  /** Red, green and blue of 32×32 pixels, in base64. */
  readonly pixels: string;
}

interface Facts {
  readonly classNames: readonly string[];
  readonly trainingImages: number;
  readonly samples: readonly Sample[];
  readonly environment: readonly (readonly [name: string, value: string])[];
}

export interface ReportData extends Facts {
  readonly results: StudyResults;
  /** In the order of the runs. */
  readonly exhibits: readonly Exhibits[];
}

/** What `JSON.parse` gives: JSON has no NaN and writes null. */
interface StoredReport extends Facts {
  readonly results: StudyResults;
  readonly exhibits: readonly StoredExhibits[];
}

export function parseReport(json: string): ReportData {
  const stored: StoredReport = JSON.parse(json);
  return { ...stored, results: parsedResults(stored.results), exhibits: stored.exhibits.map(exhibitsFrom) };
}

export function pixelsOf({ pixels }: Sample): Pixels {
  const side = 32;
  return { width: side, height: side, data: Uint8Array.from(atob(pixels), (byte) => byte.charCodeAt(0)) };
}
