/** What the visitor has set, and what of it is kept across reloads. */

import type { PLANS } from '../study/runs.ts';
import { PRESETS } from '../study/settings.ts';
import { FIRST_VIEW, type View } from '../ui/curve.ts';
import type { Theme } from '../ui/palette.ts';
import type { NetworkPlan, Plan } from './protocol.ts';

export type StudyRun = keyof typeof PLANS;

export type ThemeChoice = 'system' | Theme;

/** The rate slider's ends, as powers of ten. */
export const RATE_EXPONENTS = { least: -6, most: 0, step: 0.05 } as const;
/** The batch and rate that linear scaling starts from: the study's baseline. */
export const REFERENCE = { batchSize: 32, learningRate: 0.001 } as const;

/** The study's network, as `networkLayers` takes it. */
export const STUDY_NETWORK: NetworkPlan = {
  blocks: 1,
  filters: 32,
  kernelSize: 3,
  pooling: 'max',
  denseLayers: 1,
  units: 100,
  activation: 'relu',
  batchNorm: false,
};

/** What suits an adapter. */
export function firstPlan(software: boolean): Plan {
  const { factor, patience } = PRESETS[software ? 'quick' : 'full'].plateau;
  return {
    ...REFERENCE,
    ...STUDY_NETWORK,
    optimizer: 'adam',
    momentum: 0,
    nesterov: false,
    rho: 0.9,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    weightDecay: 0.004,
    dropout: 0.25,
    schedule: 'constant',
    factor,
    patience,
    control: true,
    decay: 0.5,
    every: 2,
    warmup: 0,
    seed: 0,
    repeats: 1,
    ...(software ? { epochs: 4, images: 1500 } : { epochs: 10, images: 10_000 }),
  };
}

/** Epochs of the plateau run for each epoch of the others. */
const PLATEAU_TIMES = 3;

/** A run of the study under the visitor's settings of how long, on how much, from which seed and how often; all else is `first`. */
export const studyPlan = (
  own: Plan,
  { learningRate, batchSize, plateau }: { learningRate: number; batchSize: number; plateau?: boolean },
  first = firstPlan(true),
): Plan => ({
  ...first,
  images: own.images,
  seed: own.seed,
  repeats: own.repeats,
  control: own.control,
  learningRate,
  batchSize,
  schedule: plateau === true ? 'plateau' : 'constant',
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
  /** The settings of a run, as a link holds them: those that suit one kind of adapter do not suit the other. */
  readonly plans: { readonly software?: string; readonly hardware?: string };
}

export function readKept(): Kept {
  const kept: Partial<Kept> = parse(localStorage.getItem(KEY));
  return { view: { ...FIRST_VIEW, ...kept.view }, theme: kept.theme ?? 'system', plans: kept.plans ?? {} };
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
