import { compact } from '../progress/progressText.ts';
import type { DivergenceKind } from './divergenceKind.ts';
import type { NonFinite } from './nonFinite.ts';

export interface AdviceFacts {
  readonly kind: DivergenceKind;
  /** What was not finite first, where known. */
  readonly cause: NonFinite | null;
  readonly learningRate: number;
  /** What the suggested rate is relative to the present one. */
  readonly factor: number;
  /** Whether the very first step was not finite already. */
  readonly atStart: boolean;
  /** Whether the loss had been far above chance before. */
  readonly blewUp: boolean;
  /** Whether a loss that is too high is above that of the start. */
  readonly worse: boolean;
  /** Loss of the first step by its examples' weights, where known. */
  readonly firstLoss: number | null;
  readonly classes: number | null;
}

/** Rates by which one can tell the likely cause of a network that guesses; common ones lie in between. */
const HIGH_RATE = 0.01;
const LOW_RATE = 1e-5;

/** What to try next. */
export interface Advice {
  /** One sentence without a full stop. */
  readonly words: string;
  /** The learning rate that they name; null where another rate would not help. */
  readonly learningRate: number | null;
}

const withoutRate = (words: string): Advice => ({ words, learningRate: null });

export function divergenceAdvice(facts: AdviceFacts): Advice {
  const { kind, cause, learningRate, factor, blewUp, worse, firstLoss, classes } = facts;
  const rate = compact(learningRate);
  if (!Number.isFinite(learningRate)) return withoutRate(`learning rate ${rate} is not finite: set a finite one`);
  const [lower, higher] = [learningRate * factor, learningRate / factor];
  const tooHigh: Advice = {
    words: `learning rate ${rate} is likely too high: try ${compact(lower)}`,
    learningRate: lower,
  };
  if (kind === 'non-finite') {
    const given = cause === null ? null : adviceOnWhatWasGiven(cause, facts);
    if (given !== null) return withoutRate(given);
    const check = 'check the input data and labels for NaN and infinity';
    if (facts.atStart) return withoutRate(`the very first step was not finite already: ${check}`);
    if (learningRate <= LOW_RATE) return withoutRate(`learning rate ${rate} is low already: ${check}`);
    return tooHigh;
  }
  const chance = classes === null ? null : Math.log(classes);
  // Before any update the rate cannot be at fault; a fresh network guesses, and guessing costs ln(classes).
  if (chance !== null && firstLoss !== null && firstLoss > 5 * chance) {
    return withoutRate(
      `the loss was ${compact(firstLoss)} before the first update, where guessing costs ${compact(chance)}: scale the inputs, such as pixels to 0..1`,
    );
  }
  if ((kind === 'high-loss' ? worse : blewUp) || learningRate >= HIGH_RATE) return tooHigh;
  if (learningRate <= LOW_RATE) {
    return { words: `learning rate ${rate} is likely too low: try ${compact(higher)}`, learningRate: higher };
  }
  return {
    words: `nothing is learnt at learning rate ${rate}: try ${compact(lower)}, and check that labels belong to their inputs and that inputs are scaled`,
    learningRate: lower,
  };
}

/** Where the rate is not at fault; null where it may be. */
function adviceOnWhatWasGiven({ phase, tensor, inputs }: NonFinite, { atStart, classes }: AdviceFacts): string | null {
  if (phase === 'inputs' || phase === 'labels')
    return `look for NaN and infinity in the ${tensor}, or in what made them`;
  if (phase !== 'weights') {
    const largest = inputs.find(({ name }) => name === 'labels')?.max ?? 0;
    if (classes === null || largest < classes) return null;
    return `the labels go up to ${compact(largest)}, but class ids of ${classes} classes end at ${classes - 1}: count them from 0`;
  }
  if (tensor === 'example weights') return 'give every example a finite weight';
  return atStart ? `${tensor} was not finite before training: load or draw other weights` : null;
}
