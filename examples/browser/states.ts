/**
 * What is kept of trainings under way, in a database of the browser's own: page and Worker open it both. Where there is none it
 * is kept as long as the Worker lives, and a reload loses it.
 */

import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

/** What is known of a kept training without its bytes. */
export interface KeptFacts {
  readonly run: string;
  /** Training steps done. */
  readonly step: number;
  /** What it was trained on: see `fingerprint`. */
  readonly data: number;
  /** When it was kept, in milliseconds as `Date.now` counts. */
  readonly at: number;
}

interface Schema extends DBSchema {
  facts: { key: string; value: KeptFacts };
  /** Model files by the run, and those of its falls by run and epoch. */
  bytes: { key: string; value: Uint8Array };
}

const NAME = 'wgrad live states';

export interface States {
  /** Whether they survive a reload. */
  readonly lasting: boolean;
  all(): Promise<readonly KeptFacts[]>;
  /** Keeps the newest state of a run. */
  put(facts: KeptFacts, bytes: Uint8Array): Promise<void>;
  /** Keeps what a fall of the rate began with. */
  putFall(run: string, after: number, bytes: Uint8Array): Promise<void>;
  get(run: string): Promise<{ readonly facts: KeptFacts; readonly bytes: Uint8Array } | null>;
  getFall(run: string, after: number): Promise<Uint8Array | null>;
  /** Deletes all that is kept of these runs. */
  forget(runs: readonly string[]): Promise<void>;
}

const fallKey = (run: string, after: number): string => `${run} after ${after}`;
/** Whether a key is that of a run's file or of one of its falls. */
const isOf = (key: string, run: string): boolean => key === run || key.startsWith(`${run} after `);

export async function openStates(): Promise<States> {
  if (typeof indexedDB === 'undefined') return new PassingStates();
  try {
    const database = await openDB<Schema>(NAME, 1, {
      upgrade: (db) => {
        db.createObjectStore('facts', { keyPath: 'run' });
        db.createObjectStore('bytes');
      },
    });
    return new LastingStates(database);
  } catch {
    return new PassingStates();
  }
}

class LastingStates implements States {
  readonly lasting = true;
  readonly #database: IDBPDatabase<Schema>;

  constructor(database: IDBPDatabase<Schema>) {
    this.#database = database;
  }

  all(): Promise<readonly KeptFacts[]> {
    return this.#database.getAll('facts');
  }

  async put(facts: KeptFacts, bytes: Uint8Array): Promise<void> {
    const change = this.#database.transaction(['facts', 'bytes'], 'readwrite');
    await Promise.all([
      change.objectStore('facts').put(facts),
      change.objectStore('bytes').put(bytes, facts.run),
      change.done,
    ]);
  }

  async putFall(run: string, after: number, bytes: Uint8Array): Promise<void> {
    await this.#database.put('bytes', bytes, fallKey(run, after));
  }

  async get(run: string): Promise<{ readonly facts: KeptFacts; readonly bytes: Uint8Array } | null> {
    const reading = this.#database.transaction(['facts', 'bytes']);
    const [facts, bytes] = await Promise.all([
      reading.objectStore('facts').get(run),
      reading.objectStore('bytes').get(run),
    ]);
    return facts === undefined || bytes === undefined ? null : { facts, bytes };
  }

  async getFall(run: string, after: number): Promise<Uint8Array | null> {
    return (await this.#database.get('bytes', fallKey(run, after))) ?? null;
  }

  async forget(runs: readonly string[]): Promise<void> {
    const change = this.#database.transaction(['facts', 'bytes'], 'readwrite');
    const keys = await change.objectStore('bytes').getAllKeys();
    await Promise.all([
      ...runs.map((run) => change.objectStore('facts').delete(run)),
      ...keys.filter((key) => runs.some((run) => isOf(key, run))).map((key) => change.objectStore('bytes').delete(key)),
      change.done,
    ]);
  }
}

export class PassingStates implements States {
  readonly lasting: boolean;
  readonly #facts = new Map<string, KeptFacts>();
  readonly #bytes = new Map<string, Uint8Array>();

  constructor(lasting = false) {
    this.lasting = lasting;
  }

  async all(): Promise<readonly KeptFacts[]> {
    return [...this.#facts.values()];
  }

  async put(facts: KeptFacts, bytes: Uint8Array): Promise<void> {
    this.#facts.set(facts.run, facts);
    this.#bytes.set(facts.run, bytes);
  }

  async putFall(run: string, after: number, bytes: Uint8Array): Promise<void> {
    this.#bytes.set(fallKey(run, after), bytes);
  }

  async get(run: string): Promise<{ readonly facts: KeptFacts; readonly bytes: Uint8Array } | null> {
    const [facts, bytes] = [this.#facts.get(run), this.#bytes.get(run)];
    return facts === undefined || bytes === undefined ? null : { facts, bytes };
  }

  async getFall(run: string, after: number): Promise<Uint8Array | null> {
    return this.#bytes.get(fallKey(run, after)) ?? null;
  }

  async forget(runs: readonly string[]): Promise<void> {
    for (const run of runs) this.#facts.delete(run);
    for (const key of [...this.#bytes.keys()]) if (runs.some((run) => isOf(key, run))) this.#bytes.delete(key);
  }
}

/** A number of what is trained on: other images, or the same in another order, have another one with near certainty. */
export function fingerprint(
  parts: readonly { readonly images: ArrayLike<number>; readonly labels: ArrayLike<number> }[],
): number {
  let hash = 0x811c9dc5;
  // FNV-1a.
  const add = (value: number): void => {
    hash = Math.imul(hash ^ value, 0x01000193);
  };
  for (const { images, labels } of parts) {
    add(labels.length);
    for (let i = 0; i < labels.length; i++) add(labels[i]);
    // A pixel now and then, at places that go through all columns.
    for (let i = 0; i < images.length; i += 1021) add(images[i]);
  }
  return hash >>> 0;
}
