/**
 * What a queue costs a sweep:  npm run bench:sweep [-- --workers 0,1,4,16,64] [-- --trials 1000] [-- --few 30] [-- --seconds 1]
 *
 * Trials are sleeps, so that only the engine is measured, and many workers fit on one machine: each is a worker process with the
 * process that "trains". Prints for each number of workers the efficiency (the share of a worker's time that is sleep; with the start:
 * all sleeps, divided by the workers and the time that the sweep took, the start of their scripts included), what a worker takes from
 * one trial to the next beyond the sleep, and the CPU time of the watcher and of Redis. 0 workers are the same
 * sweep without a queue, in one process. That and one worker have `--few` trials: more tell nothing more.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { type Column, tableLines } from '../src/graph.ts';
import { grid, type Runner, serve, sweep, type TrainFunction } from '../src/sweep/index.ts';
import { queue, queueWorker } from '../src/sweep/queue/index.ts';
import { noRedis, RedisServer } from '../test/redisServer.ts';

const [, , role, ...words] = process.argv;

const sleeper =
  (seconds: number): TrainFunction =>
  async (_, trial) => {
    await sleep(seconds * 1000);
    // By the worker's clock: the watcher hears of it later, and the longer the more there is to hear.
    await trial.report(0, { loss: trial.number, ended: Date.now() / 1000 }, seconds);
  };

interface Outcome {
  readonly trials: number;
  /** That the sweep took. */
  readonly seconds: number;
  /** From the end of a trial to that of the worker's next one, the mean. */
  readonly apart: number;
  /** CPU seconds of the process that watches. */
  readonly watcher: number;
  /** CPU seconds of Redis. */
  readonly redis: number;
}

const cpu = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1e6;

async function timed(
  folder: string,
  trials: number,
  how: { readonly train: TrainFunction } | { readonly runner: Runner },
  cpuOfRedis: () => Promise<number> = async () => 0,
): Promise<Outcome> {
  const [began, before, of] = [performance.now(), process.cpuUsage(), await cpuOfRedis()];
  const space = grid({ trial: Array.from({ length: trials }, (_, i) => i) });
  const last = new Map<string, number>();
  const apart: number[] = [];
  const { complete } = await sweep({
    ...{ space, epochs: 1, halving: false, objective: 'loss', folder, ...how },
    onProgress: ({ event, trial }) => {
      if (event !== 'epoch') return;
      const [{ by, logs }] = trial.epochs;
      const worker = by?.worker ?? '';
      const then = last.get(worker);
      if (then !== undefined) apart.push(Number(logs.ended) - then);
      last.set(worker, Number(logs.ended));
    },
  });
  if (!complete) throw new Error('the sweep did not end');
  return {
    trials,
    seconds: (performance.now() - began) / 1000,
    apart: apart.reduce((sum, one) => sum + one, 0) / apart.length,
    watcher: cpu(process.cpuUsage(before)),
    redis: (await cpuOfRedis()) - of,
  };
}

async function started(url: string): Promise<ChildProcess> {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [...process.execArgv, self, 'work', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for (let text = ''; !text.includes('waits for trials'); ) text += String((await once(child.stdout, 'data'))[0]);
  child.stdout.resume();
  return child;
}

async function byQueue(folder: string, count: number, trials: number, seconds: number): Promise<Outcome> {
  const home = join(folder, `redis-${count}`);
  mkdirSync(home);
  const server = await RedisServer.start(home);
  const redis = new Redis(server.url);
  const workers: ChildProcess[] = [];
  try {
    // Not all at once: they compile.
    while (workers.length < count) {
      const more = Math.min(4, count - workers.length);
      workers.push(...(await Promise.all(Array.from({ length: more }, () => started(server.url)))));
    }
    const cpuOfRedis = async (): Promise<number> => {
      const info = await redis.info('cpu');
      return ['used_cpu_sys', 'used_cpu_user'].reduce(
        (sum, key) => sum + Number(new RegExp(`^${key}:([\\d.]+)`, 'm').exec(info)?.[1]),
        0,
      );
    };
    const runner = queue(server.url, { arguments: [String(seconds)] });
    return await timed(join(folder, `sweep-${count}`), trials, { runner }, cpuOfRedis);
  } finally {
    const ended = workers.map((worker) => once(worker, 'exit'));
    for (const worker of workers) worker.kill('SIGTERM');
    await Promise.all(ended);
    redis.disconnect();
    await server.stop();
  }
}

const COLUMNS: readonly Column[] = [
  { head: 'workers', right: true },
  { head: 'trials', right: true },
  { head: 'seconds', right: true },
  { head: 'efficiency', right: true },
  { head: 'with the start', right: true },
  { head: 'ms between trials', right: true },
  { head: 'watcher: ms CPU a trial', right: true },
  { head: '% of a core', right: true },
  { head: 'Redis: ms CPU a trial', right: true },
  { head: '% of a core', right: true },
];

function row(workers: number, each: number, { trials, seconds, apart, watcher, redis }: Outcome): string[] {
  const width = Math.max(1, workers);
  return [
    workers === 0 ? 'no queue' : String(workers),
    String(trials),
    seconds.toFixed(1),
    (each / apart).toFixed(3),
    ((trials * each) / width / seconds).toFixed(3),
    ((apart - each) * 1000).toFixed(1),
    ((watcher / trials) * 1000).toFixed(2),
    ((watcher / seconds) * 100).toFixed(1),
    ((redis / trials) * 1000).toFixed(2),
    ((redis / seconds) * 100).toFixed(1),
  ];
}

async function main(): Promise<void> {
  if (noRedis !== undefined) throw new Error(noRedis);
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '0,1,4,16,64' },
      trials: { type: 'string', default: '1000' },
      few: { type: 'string', default: '30' },
      seconds: { type: 'string', default: '1' },
    },
  });
  const [trials, seconds] = [Number(values.trials), Number(values.seconds)];
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-bench-sweep-'));
  try {
    const few = Math.min(trials, Number(values.few));
    const rows: string[][] = [];
    const add = (workers: number, outcome: Outcome): void => {
      rows.push(row(workers, seconds, outcome));
      // All of it each time: it takes long, and may be ended in between.
      console.log(`${tableLines(COLUMNS, rows).join('\n')}\n`);
    };
    for (const count of values.workers.split(',').map(Number)) {
      const outcome =
        count === 0
          ? await timed(join(folder, 'embedded'), few, { train: sleeper(seconds) })
          : await byQueue(folder, count, count === 1 ? few : trials, seconds);
      add(count, outcome);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (role === 'serve') await serve(sleeper(Number(words[0])));
else if (role === 'work') {
  const ended = new AbortController();
  process.once('SIGTERM', () => ended.abort());
  await queueWorker(words[0], fileURLToPath(import.meta.url), { arguments: ['serve'], signal: ended.signal });
} else await main();
