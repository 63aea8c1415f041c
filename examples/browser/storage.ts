/** Runs that survive a reload, in the browser's database. */

import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import { hasEnded, isUnderWay, type Run } from './run.ts';

interface Schema extends DBSchema {
  runs: { key: string; value: Run };
}

const NAME = 'wgrad live';
const VERSION = 1;
/** Least milliseconds between two writes of a run that goes on. */
const EVERY_MS = 1000;

export class RunStorage {
  readonly #database: IDBPDatabase<Schema>;
  /** Runs that wait to be written, and the timer until then. */
  readonly #waiting = new Map<string, Run>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  private constructor(database: IDBPDatabase<Schema>) {
    this.#database = database;
  }

  /** Null where the browser keeps nothing, as in some private windows. */
  static async open(): Promise<RunStorage | null> {
    try {
      const database = await openDB<Schema>(NAME, VERSION, {
        upgrade: (db) => {
          db.createObjectStore('runs', { keyPath: 'id' });
        },
      });
      return new RunStorage(database);
    } catch {
      return null;
    }
  }

  /** In the order in which they were begun. Those that a reload cut off are marked so; those that had not begun are dropped. */
  async all(): Promise<Run[]> {
    const runs = await this.#database.getAll('runs');
    return runs
      .filter(({ state }) => state !== 'queued')
      .map((run): Run => (isUnderWay(run) ? { ...run, state: 'interrupted' } : run))
      .sort((a, b) => a.id.localeCompare(b.id));
  }

  /** Soon, or at once where the run has ended. */
  keep(run: Run): void {
    this.#waiting.set(run.id, run);
    if (hasEnded(run)) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), EVERY_MS);
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const runs = [...this.#waiting.values()];
    this.#waiting.clear();
    // A full disk costs the visitor a reload's memory, nothing else.
    for (const run of runs) this.#database.put('runs', run).catch(() => {});
  }

  remove(id: string): void {
    this.#waiting.delete(id);
    this.#database.delete('runs', id).catch(() => {});
  }
}
