/** How long the rest of the study will take, from what has been measured so far. */
import { Callback, type Print } from '../../src/index.ts';
import type { RunSettings } from './settings.ts';
import type { Stopwatch } from './stopwatch.ts';

/** Least seconds between two forecasts in one run. */
const EVERY = 60;

export class Forecast {
  readonly #watches: Stopwatch[] = [];
  readonly #images: number;
  readonly #print: Print;

  /** `images`: those of one training epoch. */
  constructor(images: number, print: Print) {
    this.#images = images;
    this.#print = print;
  }

  /** `about 3 min left`; an empty text where nothing was measured yet, or nothing is left. */
  left(epochs: number): string {
    let [seconds, images] = [0, 0];
    for (const { total } of this.#watches) {
      seconds += total.seconds;
      images += total.images;
    }
    return images === 0 || epochs === 0 ? '' : `about ${rough((seconds / images) * this.#images * epochs)} left`;
  }

  /**
   * Follows a run and says now and then how long the study will go on; `after` are the runs that come later, `owed` gives the
   * epochs of the controls that the run will have by now.
   */
  follow(watch: Stopwatch, run: RunSettings, after: readonly RunSettings[], owed = (): number => 0): Callback {
    const first = this.#watches.length === 0;
    this.#watches.push(watch);
    const later = after.reduce((sum, { epochs }) => sum + epochs, 0);
    return new Announcer(first, this.#print, (epoch) => this.left(later + owed() + run.epochs - epoch - 1));
  }
}

class Announcer extends Callback {
  readonly #print: Print;
  readonly #left: (epoch: number) => string;
  #due: number;

  constructor(atOnce: boolean, print: Print, left: (epoch: number) => string) {
    super();
    this.#print = print;
    this.#left = left;
    this.#due = performance.now() + (atOnce ? 0 : EVERY * 1000);
  }

  override onEpochEnd(epoch: number): void {
    const left = this.#left(epoch);
    if (left === '' || performance.now() < this.#due || this.model.stopTraining) return;
    this.#due = performance.now() + EVERY * 1000;
    this.#print(`(whole study: ${left})`);
  }
}

/** Rounded as far as one can tell. */
function rough(seconds: number): string {
  if (seconds < 90) return `${Math.max(5, Math.ceil(seconds / 5) * 5)} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${(minutes / 60).toFixed(1)} h`;
}
