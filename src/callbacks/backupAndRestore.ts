import { files } from '#platform';
import { checkText, flagOf } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { SavedState, State } from '../io/state.ts';
import { Callback } from './callback.ts';
import { SaveFrequency } from './saveFrequency.ts';

/** Options of `BackupAndRestore`. */
export interface BackupAndRestoreOptions {
  /** `epoch`, or a number of batches (an integer >= 1) after which to save, even in the midst of an epoch. Default `epoch`. */
  saveFreq?: 'epoch' | number;
  /** Whether the file goes when training has come to its end. Default true. */
  deleteCheckpoint?: boolean;
}

/**
 * Lets a training survive its process: saves all of it now and then, and resumes from the file where there is one when training
 * begins. With the same data, options, callbacks and adapter the resumed training ends in the same bits as one that was never
 * interrupted. An epoch that `stopTraining` cut short is not saved: the resumed training repeats it whole. Only in Node.
 */
export class BackupAndRestore extends Callback {
  /** @internal */
  static override readonly name: string = 'BackupAndRestore';
  readonly path: string;
  readonly saveFreq: 'epoch' | number;
  readonly deleteCheckpoint: boolean;
  readonly #frequency: SaveFrequency;

  /**
   * @param path of the backup, a file that `Sequential.load` reads, too. Missing folders are made.
   * @throws ArgumentError for an argument outside its range
   */
  constructor(path: string, options: BackupAndRestoreOptions = {}) {
    super();
    const defaults = { saveFreq: 'epoch', deleteCheckpoint: true } as const;
    const { saveFreq, deleteCheckpoint } = takeOptions('BackupAndRestore', options, defaults);
    checkText('BackupAndRestore', 'path', path);
    this.path = path;
    this.saveFreq = saveFreq;
    this.deleteCheckpoint = flagOf(deleteCheckpoint, 'BackupAndRestore', 'deleteCheckpoint');
    this.#frequency = new SaveFrequency('BackupAndRestore', saveFreq);
  }

  /** Called last of all, so that the file holds the other callbacks' newest state. */
  override get rank(): number {
    return 2;
  }

  /** A backup may come a few batches late, so several batches may go to the GPU together. */
  override get everyTrainBatch(): boolean {
    return false;
  }

  override state(): State {
    return this.#frequency.state();
  }

  override restore(saved: SavedState): void {
    this.#frequency.restore(saved);
  }

  /** @throws DataError where the file there is damaged, or of another model, optimizer or training */
  override async onTrainBegin(): Promise<void> {
    const { makeFolderOf } = await import('./onDemand.ts');
    await makeFolderOf('BackupAndRestore', this.path);
    await this.model.resume(this.path);
  }

  override onEpochBegin(): void {
    this.#frequency.beginEpoch();
  }

  override async onTrainBatchEnd(batch: number): Promise<void> {
    if (this.#frequency.endBatch(batch)) await this.model.save(this.path);
  }

  override async onEpochEnd(): Promise<void> {
    const whole = this.#frequency.batches === this.params.steps;
    if (this.#frequency.byEpoch && whole) await this.model.save(this.path);
  }

  override async onTrainEnd(): Promise<void> {
    if (!this.deleteCheckpoint) return;
    const { onDisk } = await import('./onDemand.ts');
    const { rm } = files('BackupAndRestore', 'Use it in Node.');
    await onDisk('BackupAndRestore', this.path, () => rm(this.path, { force: true }));
  }
}
