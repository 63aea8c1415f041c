/**
 * Runs that survive a reload, in the browser's database. Several tabs may have the page open at once: what one of them is at
 * belongs to it, and what has ended belongs to all.
 */

import { type DBSchema, type IDBPDatabase, type IDBPObjectStore, openDB } from 'idb';
import { adopted, hasEnded, isUnderWay, type NewRun, put, type Run } from './run.ts';

/** `tab`: who wrote it last; older pages wrote none. */
type StoredRun = NewRun & Partial<Run> & { readonly tab?: string };

interface Schema extends DBSchema {
  runs: { key: string; value: StoredRun };
}

type RunsToWrite = IDBPObjectStore<Schema, ['runs'], 'runs', 'readwrite'>;

const NAME = 'wgrad live';
const VERSION = 1;
/** Least milliseconds between two writes of a run that goes on. */
const EVERY_MS = 1000;
/** How long a tab that is loaded again waits until its former self is gone, in milliseconds. */
const SELF_MS = 1000;

/** What another tab did. */
export type Elsewhere =
  | { readonly kind: 'ended'; readonly run: StoredRun }
  | { readonly kind: 'removed'; readonly id: string };

/** What a page does with its runs while it is open. */
export interface Keeping {
  /** Soon, or at once where one of them has ended. */
  keep(...runs: readonly Run[]): void;
  /** Writes what waits to be written. */
  flush(): void;
  remove(...ids: readonly string[]): void;
}

export class RunStorage implements Keeping {
  readonly #database: IDBPDatabase<Schema>;
  readonly #tab: string;
  readonly #others = new BroadcastChannel(NAME);
  /** Runs that wait to be written, and the timer until then. */
  readonly #waiting = new Map<string, Run>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  private constructor(database: IDBPDatabase<Schema>, tab: string) {
    this.#database = database;
    this.#tab = tab;
  }

  /** Null where the browser keeps nothing, as in some private windows. */
  static async open(): Promise<RunStorage | null> {
    try {
      const database = await openDB<Schema>(NAME, VERSION, {
        upgrade: (db) => {
          db.createObjectStore('runs', { keyPath: 'id' });
        },
      });
      return new RunStorage(database, await ownTab());
    } catch {
      return null;
    }
  }

  /**
   * In the order in which they were begun, as a page begins with them. What another tab is at is left to it.
   * @returns `foreign`: the runs that another tab wrote last; `cutOff`: those that were under way when the page was left
   */
  async all(): Promise<{
    readonly runs: readonly Run[];
    readonly foreign: ReadonlySet<string>;
    readonly cutOff: ReadonlySet<string>;
  }> {
    const [stored, tabs] = await Promise.all([this.#database.getAll('runs'), openTabs()]);
    const runs: Run[] = [];
    const foreign = new Set<string>();
    const cutOff = new Set<string>();
    for (const { tab, ...kept } of stored) {
      const run = adopted(kept);
      const other = tab !== undefined && tab !== this.#tab && tabs.has(tab);
      if (other) foreign.add(run.id);
      else if (isUnderWay(run)) cutOff.add(run.id);
      if (hasEnded(run) || !other) runs.push(put(run));
    }
    return { runs: runs.sort((a, b) => a.id.localeCompare(b.id)), foreign, cutOff };
  }

  /** Calls back with what another tab did that matters here. */
  listen(take: (what: Elsewhere) => void): void {
    this.#others.onmessage = ({ data }: MessageEvent<Elsewhere>) => take(data);
  }

  keep(...runs: readonly Run[]): void {
    for (const run of runs) this.#waiting.set(run.id, run);
    if (runs.some(hasEnded)) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), EVERY_MS);
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const runs = [...this.#waiting.values()];
    this.#waiting.clear();
    if (runs.length === 0) return;
    void this.#change((store) => runs.map((run) => store.put({ ...run, tab: this.#tab })));
    for (const run of runs) if (hasEnded(run)) this.#tell({ kind: 'ended', run });
  }

  remove(...ids: readonly string[]): void {
    void this.#change((store) => ids.map((id) => store.delete(id)));
    for (const id of ids) {
      this.#waiting.delete(id);
      this.#tell({ kind: 'removed', id });
    }
  }

  /** In one transaction: a page that is left meanwhile has kept the whole change or nothing of it. */
  async #change(change: (store: RunsToWrite) => readonly Promise<unknown>[]): Promise<void> {
    try {
      const { store, done } = this.#database.transaction('runs', 'readwrite');
      await Promise.all([...change(store), done]);
    } catch {
      // A full disk costs the visitor a reload's memory, nothing else.
    }
  }

  #tell(what: Elsewhere): void {
    this.#others.postMessage(what);
  }
}

const lockOf = (tab: string): string => `${NAME} tab ${tab}`;

/** This tab's name, the same when it is loaded again; a copy of a tab gets one of its own. */
async function ownTab(): Promise<string> {
  const before = sessionStorage.getItem(NAME);
  if (before !== null && (await holds(before))) return before;
  const tab = crypto.randomUUID();
  sessionStorage.setItem(NAME, tab);
  await holds(tab);
  return tab;
}

/** Takes the lock that tells other tabs that this one is open; false where another one has it. */
function holds(tab: string): Promise<boolean> {
  return new Promise((resolve) => {
    navigator.locks
      .request(lockOf(tab), { signal: AbortSignal.timeout(SELF_MS) }, () => {
        resolve(true);
        // As long as the tab is open.
        return new Promise<never>(() => {});
      })
      .catch(() => resolve(false));
  });
}

/** The tabs that have the page open. */
async function openTabs(): Promise<ReadonlySet<string>> {
  const { held = [] } = await navigator.locks.query();
  const begin = lockOf('');
  return new Set(held.flatMap(({ name = '' }) => (name.startsWith(begin) ? [name.slice(begin.length)] : [])));
}
