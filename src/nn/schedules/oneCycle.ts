import { checkAbove, checkNumber, flagOf } from '../../base/checks.ts';
import { checkName, checkOptions } from '../../base/optionNames.ts';
import type { SavedState } from '../../io/state.ts';
import { checkRate, checkSteps, LearningRateSchedule } from './schedule.ts';

const STRATEGIES = ['cos', 'linear'] as const;

/** Options of `OneCycle`, those of PyTorch's `OneCycleLR`. */
export interface OneCycleOptions {
  /** The highest rate; a finite number of at least 0. */
  readonly maxLr: number;
  /** Steps of the cycle; above 1. */
  readonly totalSteps: number;
  /** Share of the steps in which the rate rises; above 0 and at most 1, with `threePhase` at most 0.5; default 0.3. */
  readonly pctStart?: number;
  /** Along half a cosine or a straight line; default `cos`. */
  readonly annealStrategy?: (typeof STRATEGIES)[number];
  /** The first rate is `maxLr` over this; above 0, default 25. */
  readonly divFactor?: number;
  /** The last rate is the first one over this; above 0, default 1e4. */
  readonly finalDivFactor?: number;
  /** Fall as slowly as it rose to the first rate, and from there to the last; default false: fall to the last at once. */
  readonly threePhase?: boolean;
}

/**
 * Rises to a high rate and falls far below the first one (Smith and Topin 2017), as PyTorch's `OneCycleLR`; momentum stays as it
 * is. After the cycle the rate stays the last one.
 */
export class OneCycle extends LearningRateSchedule {
  readonly #settings: Required<OneCycleOptions>;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: OneCycleOptions) {
    const who = 'OneCycle';
    const known = {
      maxLr: true,
      totalSteps: true,
      pctStart: true,
      annealStrategy: true,
      divFactor: true,
      finalDivFactor: true,
      threePhase: true,
    };
    checkOptions(who, options, known, 'maxLr: 0.1, totalSteps: 1000');
    const { maxLr, totalSteps, pctStart = 0.3, annealStrategy = 'cos' } = options;
    const { divFactor = 25, finalDivFactor = 1e4, threePhase = false } = options;
    checkRate(who, 'maxLr', maxLr);
    checkSteps(who, 'totalSteps', totalSteps);
    checkNumber(who, 'totalSteps', totalSteps, 'a finite number above 1', (steps) => steps > 1);
    flagOf(threePhase, who, 'threePhase');
    const most = threePhase ? 0.5 : 1;
    checkNumber(who, 'pctStart', pctStart, `a number in (0, ${most}]`, (share) => share > 0 && share <= most);
    checkName(who, 'annealStrategy', annealStrategy, STRATEGIES);
    checkAbove(who, 'divFactor', divFactor);
    checkAbove(who, 'finalDivFactor', finalDivFactor);
    const settings = { maxLr, totalSteps, pctStart, annealStrategy, divFactor, finalDivFactor, threePhase };
    super(who, settings);
    this.#settings = settings;
  }

  /** @internal */
  static fromConfig(saved: SavedState): OneCycle {
    return new OneCycle({
      maxLr: saved.number('maxLr'),
      totalSteps: saved.number('totalSteps'),
      pctStart: saved.number('pctStart'),
      annealStrategy: saved.choice('annealStrategy', STRATEGIES),
      divFactor: saved.number('divFactor'),
      finalDivFactor: saved.number('finalDivFactor'),
      threePhase: saved.flag('threePhase'),
    });
  }

  rate(step: number): number {
    const { maxLr, totalSteps, pctStart, annealStrategy, divFactor, finalDivFactor, threePhase } = this.#settings;
    const first = maxLr / divFactor;
    const last = first / finalDivFactor;
    /** The rate at `at`, on the way from one step and rate to others. */
    const between = (from: number, to: number, begin: number, end: number): number => {
      const done = to > from ? Math.min(1, (step - from) / (to - from)) : 1;
      const way = annealStrategy === 'cos' ? (1 - Math.cos(Math.PI * done)) / 2 : done;
      return begin + (end - begin) * way;
    };
    const top = pctStart * totalSteps - 1;
    if (step <= top) return between(0, top, first, maxLr);
    const back = 2 * pctStart * totalSteps - 2;
    if (!threePhase) return between(top, totalSteps - 1, maxLr, last);
    return step <= back ? between(top, back, maxLr, first) : between(back, totalSteps - 1, first, last);
  }
}
