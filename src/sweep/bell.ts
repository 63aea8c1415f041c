/** Wakes the one who waits for it; a ring that nobody waits for is heard later. */
export class Bell {
  #rung = false;
  #wake = (): void => {};

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Resolves when it has rung since the last time. */
  async heard(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#rung = false;
  }
}
