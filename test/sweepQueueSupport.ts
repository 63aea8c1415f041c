/** Sweeps by a queue for tests: workers in processes of their own, which do what the files of a folder say, and what a sweep comes to. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { SweepOptions, SweepResult } from '../src/sweep/index.ts';
import { LOADER } from './loader.ts';
import { exactText, type Point, sweepSpace } from './sweepTrain.ts';

/** All that a test writes; it goes when the process ends. */
export const folder = mkdtempSync(join(tmpdir(), 'wgrad-queue-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

export const program = fileURLToPath(new URL('sweepQueueProgram.ts', import.meta.url));
/** Long enough for a process of a machine with much else to do to renew its hold in half of it. */
export const LOCK_SECONDS = 4;
/** Nothing that is waited for takes so long, in milliseconds. */
const PATIENCE = 120_000;

export const fresh = (): string => mkdtempSync(join(folder, 'part-'));

export const run = (changes: Partial<SweepOptions<Point>>): Promise<SweepResult<Point>> =>
  sweepSpace({ folder: fresh(), conditions: { adapter: 'none' }, ...changes });

/** All of a result that is to be the same to the bit: not who trained, nor how often somebody was lost on the way. */
export const numbers = ({ trials, best }: SweepResult<Point>): string =>
  exactText([
    best?.number,
    trials.map(({ failures: _, epochs, ...trial }) => ({ ...trial, epochs: epochs.map(({ by: _, ...one }) => one) })),
  ]);

type Found<T> = T | null | undefined | false;

export async function until<T>(what: string | (() => string), look: () => Found<T> | Promise<Found<T>>): Promise<T> {
  for (const end = Date.now() + PATIENCE; ; await sleep(10)) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
  }
}

export interface WorkerOptions {
  readonly adapter?: string;
  readonly lockSeconds?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Its program. */
  readonly file?: string;
}

/** A worker, and what it printed. */
export class WorkerProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output = '';

  constructor(
    url: string,
    { adapter = 'none', lockSeconds = LOCK_SECONDS, env = {}, file = program }: WorkerOptions = {},
  ) {
    this.child = spawn(process.execPath, ['--import', LOADER, file, 'work', url, String(lockSeconds), adapter], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.ended = once(this.child, 'exit').then(([code]) => code);
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (text) => {
        this.output += text;
      });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  says(text: string | RegExp): Promise<true> {
    return until(
      () => `${text} in\n${this.output}`,
      () => this.output.search(text) >= 0 || null,
    );
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** What the workers of a sweep do and are to do, by the files of its folder. */
export class Shared {
  readonly path = fresh();

  hold(trial: number, epoch: number): () => void {
    const path = join(this.path, `hold-${trial}-${epoch}`);
    writeFileSync(path, '');
    return () => rmSync(path, { force: true });
  }

  /** Who began an epoch. */
  began(trial: number, epoch: number): { pid: number; parent: number }[] {
    return readdirSync(this.path).flatMap((name) => {
      const [what, pid, parent] = name.split('.');
      return what === `${trial}-${epoch}` ? [{ pid: Number(pid), parent: Number(parent) }] : [];
    });
  }

  begins(trial: number, epoch: number, not?: number): Promise<{ pid: number; parent: number }> {
    return until(`epoch ${epoch} of trial ${trial}`, () =>
      this.began(trial, epoch).find(({ parent }) => parent !== not),
    );
  }
}
