/** Keeps the checkpoint of a trial from within `fit`. */

import { BackupAndRestore } from '../callbacks/index.ts';

export class TrialBackup extends BackupAndRestore {
  /** @internal */
  static override readonly name: string = 'TrialBackup';
  readonly #onCheckpoint: () => void;

  /** `onCheckpoint`: called when that of an epoch is whole. */
  constructor(path: string, onCheckpoint: () => void) {
    // Kept: the trial may go on from it later. The sweep removes it.
    super(path, { deleteCheckpoint: false });
    this.#onCheckpoint = onCheckpoint;
  }

  override async onEpochEnd(): Promise<void> {
    await super.onEpochEnd();
    this.#onCheckpoint();
  }
}
