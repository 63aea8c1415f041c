/** Notices that something has not been heard of for too long. */

/** What a timer can wait at most, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

export class Watchdog {
  /** Resolves with what happened, in words, when it was not fed in time. */
  readonly bite: Promise<string>;
  /** Whether it has. */
  bitten = false;
  readonly #seconds: number;
  #resolve: (reason: string) => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(seconds: number) {
    this.#seconds = seconds;
    this.bite = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.feed();
  }

  feed(): void {
    this.end();
    const seconds = this.#seconds;
    if (seconds * 1000 > LONGEST) return;
    const reason = `no epoch ended within the time limit of ${seconds} s`;
    this.#timer = setTimeout(() => {
      this.bitten = true;
      this.#resolve(reason);
    }, seconds * 1000);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
