/** Work that the GPU has yet to finish, bounded. */

/** Pieces that may wait: enough to keep the GPU busy, few enough that stopping is prompt. */
const MOST = 2;

export class InFlight {
  readonly #pieces: Promise<unknown>[] = [];

  /** Resolves once there is room for another piece. */
  async room(): Promise<void> {
    while (this.#pieces.length >= MOST) await this.#pieces.shift();
  }

  add(piece: Promise<unknown>): void {
    // `room` and `end` throw the error; without this, one that nobody awaits would end the process.
    piece.catch(() => {});
    this.#pieces.push(piece);
  }

  /** Resolves when all is done. */
  async end(): Promise<void> {
    while (this.#pieces.length > 0) await this.#pieces.shift();
  }
}
