/** A worker's turn at a leg: from the trial's checkpoint to where its turn ends, which somebody else may go on from. */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job, Queue } from 'bullmq';
import { VERSION } from '../../base/version.ts';
import { epochOf, parsedRecord, recordText } from '../recordText.ts';
import { divergenceOf } from '../runLeg.ts';
import type { Leg, LegEnd } from '../runner.ts';
import type { TrainingProcess } from '../trainingProcess.ts';
import type { EpochRecord } from '../trial.ts';
import { isFull } from './connection.ts';
import { type Hold, LOST } from './hold.ts';
import { checkpointOf } from './names.ts';
import { pause } from './whenAborted.ts';
import type { WorkerSettings } from './workerSettings.ts';

/** A queue that is full is asked again so often, in milliseconds. */
const ROOM = 500;

/** A leg as the queue has it: where its checkpoint lies is the worker's own affair. */
export type QueuedLeg = Omit<Leg, 'checkpoint'>;

export class Turn {
  readonly #settings: WorkerSettings;
  readonly #queue: Queue;
  readonly #job: Job<QueuedLeg, LegEnd>;
  readonly #hold: Hold;
  readonly #process: TrainingProcess;
  readonly #leg: Leg;
  /** Of its checkpoint. */
  readonly #key: string;
  /** An epoch was told of whose checkpoint is not kept yet. */
  #unsaved = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    settings: WorkerSettings,
    queue: Queue,
    job: Job<QueuedLeg, LegEnd>,
    hold: Hold,
    process: TrainingProcess,
  ) {
    this.#settings = settings;
    this.#queue = queue;
    this.#job = job;
    this.#hold = hold;
    this.#process = process;
    this.#leg = { ...job.data, checkpoint: join(settings.folder, `${job.data.number}.checkpoint`) };
    this.#key = checkpointOf(queue.name, this.#leg);
  }

  /** How it ended; throws LOST, and what the queue refused. */
  async train(signal: AbortSignal): Promise<LegEnd> {
    const { checkpoint, until, epochs, objective } = this.#leg;
    const known = await this.#known();
    const from = this.#leg.from + known.length;
    // Its worker was lost between the two words.
    const divergence = known.map((record) => divergenceOf(record, objective)).find((one) => one !== null);
    if (divergence !== undefined) return { kind: 'diverged', reason: divergence ?? '' };
    if (from >= until) return { kind: 'reached' };
    const by = { worker: this.#settings.self, ...(await this.#process.ready), wgrad: VERSION };
    try {
      await this.#fetch();
      const end = await this.#process.train(
        { ...this.#leg, from },
        async (record) => {
          // It is whole: the script has come to the end of another epoch.
          await this.#saved();
          await this.#tell({ ...record, by });
          this.#unsaved = true;
        },
        signal,
        this.#settings.timeLimit,
        () => {
          this.#saving = this.#saved();
          this.#saving.catch(() => {});
        },
      );
      if (this.#hold.lost.aborted) throw LOST;
      if (end.kind === 'diverged' || (end.kind === 'reached' && until === epochs))
        await this.#settings.checkpoints.remove(this.#key);
      // One that was killed may have left half of one.
      else if (!this.#process.gone) await this.#saved();
      return end;
    } finally {
      await rm(checkpoint, { force: true });
    }
  }

  /** What was told of the leg so far, by whoever had a turn at it. */
  async #known(): Promise<EpochRecord[]> {
    const { logs } = await this.#asRoomIs(() => this.#queue.getJobLogs(this.#job.id ?? ''));
    const known: EpochRecord[] = [];
    for (const text of logs) {
      const record = epochOf(parsedRecord(text) ?? {});
      if (record?.epoch === this.#leg.from + known.length) known.push(record);
    }
    return known;
  }

  async #tell(record: EpochRecord): Promise<void> {
    await this.#asRoomIs(() => this.#hold.renew());
    await this.#asRoomIs(() => this.#job.log(recordText(record)));
    // Whoever watches hears of it by this.
    await this.#asRoomIs(() => this.#job.updateProgress(Math.round((100 * (record.epoch + 1)) / this.#leg.until)));
  }

  /** Asks a queue whose memory is full again until it has room, or the hold is lost, which it cannot renew either. */
  async #asRoomIs<T>(ask: () => Promise<T>): Promise<T> {
    const { refused } = this.#settings;
    for (;;) {
      try {
        const answer = await ask();
        refused(false);
        return answer;
      } catch (error) {
        if (!isFull(error)) throw error;
        refused(true);
      }
      await pause(ROOM, this.#hold.lost);
      if (this.#hold.lost.aborted) throw LOST;
    }
  }

  async #fetch(): Promise<void> {
    const kept = await this.#settings.checkpoints.get(this.#key);
    if (kept === null) await rm(this.#leg.checkpoint, { force: true });
    else await writeFile(this.#leg.checkpoint, kept);
  }

  /** Resolves when the checkpoint of the last epoch is kept. That it cannot be is told; training goes on. */
  async #saved(): Promise<void> {
    await this.#saving;
    if (!this.#unsaved) return;
    this.#unsaved = false;
    const content = await readFile(this.#leg.checkpoint).catch(() => null);
    if (content === null) return;
    await this.#asRoomIs(() => this.#hold.renew());
    try {
      await this.#settings.checkpoints.put(this.#key, content);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#settings.print(`The checkpoint of trial ${this.#leg.number} could not be kept: ${reason}`);
    }
  }
}
