/** What the visitor has set, and what of it is kept across reloads. */

import { FIRST_VIEW, type View } from '../ui/curve.ts';
import type { Theme } from '../ui/palette.ts';
import type { Plan } from './protocol.ts';
import type { StudyRun } from './run.ts';

export type ThemeChoice = 'system' | Theme;

export const BATCH_SIZES: readonly number[] = [8, 16, 32, 64, 128, 256, 512, 1024];
/** The rate slider's ends, as powers of ten. */
export const RATE_EXPONENTS = { least: -6, most: 0, step: 0.05 } as const;
export const OPTIMIZERS = ['adam', 'adamw', 'rmsprop', 'sgd'] as const;
export const OPTIMIZER_NAMES: Readonly<Record<Plan['optimizer'], string>> = {
  adam: 'Adam',
  adamw: 'AdamW',
  rmsprop: 'RMSprop',
  sgd: 'SGD',
};

/** The batch and rate that linear scaling starts from: the study's baseline. */
export const REFERENCE = { batchSize: 32, learningRate: 0.001 } as const;

/** What suits an adapter. */
export const firstPlan = (software: boolean): Plan => ({
  ...REFERENCE,
  optimizer: 'adam',
  dropout: 0.25,
  plateau: false,
  ...(software ? { epochs: 4, images: 1500 } : { epochs: 10, images: 10_000 }),
});

/** Epochs of the plateau run for each epoch of the others. */
const PLATEAU_TIMES = 3;

/** A run of the study under the visitor's settings of how long and on how much. */
export const studyPlan = (
  own: Plan,
  { learningRate, batchSize, plateau }: { learningRate: number; batchSize: number; plateau?: boolean },
): Plan => ({
  optimizer: 'adam',
  dropout: 0.25,
  images: own.images,
  learningRate,
  batchSize,
  plateau: plateau === true,
  epochs: own.epochs * (plateau === true ? PLATEAU_TIMES : 1),
});

/** Fixed colours for the study's runs, as in its charts; the visitor's own follow. */
export const STUDY_COLORS: Readonly<Record<StudyRun, number>> = {
  baseline: 0,
  'low-lr': 1,
  'high-lr': 2,
  'batch-128': 3,
  'batch-128-scaled': 4,
  plateau: 5,
};

const KEY = 'wgrad live settings';

interface Kept {
  readonly view: View;
  readonly theme: ThemeChoice;
}

export function readKept(): Kept {
  const kept: Partial<Kept> = parse(localStorage.getItem(KEY));
  return { view: { ...FIRST_VIEW, ...kept.view }, theme: kept.theme ?? 'system' };
}

export function writeKept(kept: Kept): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // No room, or a window that keeps nothing: the next visit begins with the defaults.
  }
}

function parse(text: string | null): Partial<Kept> {
  try {
    return JSON.parse(text ?? '{}');
  } catch {
    return {};
  }
}
