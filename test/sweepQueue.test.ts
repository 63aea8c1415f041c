/** Sweeps by a queue, with a real Redis and workers in processes of their own: the same results to the bit, whatever happens to them. */

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, StateError } from '../src/index.ts';
import type { SweepResult } from '../src/sweep/index.ts';
import { folderCheckpoints, queue, queuesOf, queueWorker, redisCheckpoints } from '../src/sweep/queue/index.ts';
import { rejects, thrownBy } from './interruption.ts';
import { noRedis, RedisServer } from './redisServer.ts';
import { folder, fresh, numbers, program, run, Shared, until, WorkerProcess } from './sweepQueueSupport.ts';
import { fakeTrain, type Point, space } from './sweepTrain.ts';

const test = suite('sweep queue');

let redis: RedisServer;
let straight: SweepResult<Point>;
const workers: WorkerProcess[] = [];
function work(): WorkerProcess {
  const worker = new WorkerProcess(redis.url);
  workers.push(worker);
  return worker;
}
const byPid = (pid: number): WorkerProcess => {
  const found = workers.find((worker) => worker.pid === pid);
  if (found === undefined) throw new Error(`no worker has the id ${pid}`);
  return found;
};

test.before(async () => {
  straight = await run({ train: fakeTrain() });
  if (noRedis === undefined) redis = await RedisServer.start(fresh());
});
test.after(async () => {
  await Promise.all(workers.map((worker) => worker.end('SIGKILL')));
  if (noRedis === undefined) await redis.stop();
});

if (noRedis !== undefined) console.log(`sweep queue: skipped what needs a Redis: ${noRedis}`);
const withRedis = noRedis === undefined ? test : test.skip;

/** Nothing is left in Redis, as soon as the workers have looked. */
async function leavesNothing(): Promise<void> {
  const client = new Redis(redis.url);
  try {
    await until('an empty Redis', async () => (await client.dbsize()) === 0);
  } finally {
    client.disconnect();
  }
}

withRedis(
  'three workers, one killed, one stopped past its lock, Redis killed in between: as in one process',
  async () => {
    work();
    work();
    work();
    const shared = new Shared();
    const release = shared.hold(4, 2);
    const releaseStopped = shared.hold(20, 6);
    const releaseLast = shared.hold(20, 7);
    const result = run({ runner: queue(redis.url, { arguments: [shared.path] }) });

    const killed = await shared.begins(4, 2);
    assert.is(await byPid(killed.parent).end('SIGKILL'), null);
    release();
    await shared.begins(4, 2, killed.parent);

    const stopped = await shared.begins(20, 6);
    for (const pid of [stopped.parent, stopped.pid]) process.kill(pid, 'SIGSTOP');
    releaseStopped();
    await redis.stop();
    await redis.again();
    const other = await shared.begins(20, 6, stopped.parent);
    await shared.begins(20, 7, stopped.parent);
    for (const pid of [stopped.pid, stopped.parent]) process.kill(pid, 'SIGCONT');
    await byPid(stopped.parent).says('has lost its hold on trial 20');
    releaseLast();

    const found = await result;
    assert.is(found.complete, true);
    assert.equal(numbers(found), numbers(straight));
    // It went on from the checkpoint: what a loop of one's own has saved for certain is that of the epoch before the last.
    assert.equal(
      [0, 1, 2, 3, 4].map((epoch) => shared.began(20, epoch).some(({ parent }) => parent === other.parent)),
      [0, 1, 2, 3, 4].map((epoch) => shared.began(20, epoch)[0].parent === other.parent),
    );
    // Each result says who had it trained.
    const { by } = found.trials[20].epochs[8];
    assert.match(by?.worker ?? '', new RegExp(`:${other.parent}$`));
    assert.is(by?.adapter, 'none');
    assert.match(by?.wgrad ?? '', /^\d+\.\d+\.\d+/);
    await leavesNothing();
  },
);

withRedis('a worker that is told to end hands back its trial, and another one goes on with it', async () => {
  const shared = new Shared();
  const release = shared.hold(4, 5);
  const result = run({ runner: queue(redis.url, { arguments: [shared.path] }) });
  const first = await shared.begins(4, 5);
  const worker = byPid(first.parent);
  assert.is(await worker.end('SIGTERM'), 0, worker.output);
  assert.match(worker.output, 'has handed back trial 4.');
  release();
  work();
  assert.equal(numbers(await result), numbers(straight));
  // The epoch under way was trained to its end, and none was trained twice.
  for (const epoch of [3, 4, 5, 6, 7, 8]) assert.is(shared.began(4, epoch).length, 1, `epoch ${epoch}`);
  assert.not.equal(shared.began(4, 6)[0].parent, first.parent);
});

withRedis('two may watch, and one who is interrupted goes on', async () => {
  const shared = new Shared();
  const release = shared.hold(20, 4);
  const runner = () => queue(redis.url, { arguments: [shared.path] });
  const [where, interrupt] = [fresh(), new AbortController()];
  const one = run({ runner: runner() });
  const cut = run({ runner: runner(), folder: where, signal: interrupt.signal });
  await shared.begins(20, 4);
  const { prefix, names } = await queuesOf(redis.url);
  assert.is(prefix, 'wgrad');
  assert.is(names.length, 1);
  interrupt.abort();
  assert.is((await cut).complete, false);
  const again = run({ runner: runner(), folder: where });
  release();
  assert.equal(numbers(await one), numbers(straight));
  assert.equal(numbers(await again), numbers(straight));
  assert.equal((await queuesOf(redis.url)).names, []);
  await leavesNothing();
});

withRedis('a Redis that has lost all of it costs time alone', async () => {
  const shared = new Shared();
  const release = shared.hold(4, 4);
  const result = run({ runner: queue(redis.url, { arguments: [shared.path] }) });
  await shared.begins(4, 4);
  const client = new Redis(redis.url);
  await client.flushall();
  client.disconnect();
  release();
  assert.equal(numbers(await result), numbers(straight));
});

withRedis('a trial that fails three times is told of and left out; one whose process dies goes on', async () => {
  const shared = new Shared();
  writeFileSync(join(shared.path, 'throw-5-1'), '');
  const release = shared.hold(8, 0);
  const few = {
    seeds: [0],
    epochs: 3,
    halving: false,
    space: { ...space, points: space.points.slice(0, 10) },
  } as const;
  const expected = await run({ ...few, train: fakeTrain() });
  const result = run({ ...few, runner: queue(redis.url, { arguments: [shared.path] }) });
  process.kill((await shared.begins(8, 0)).pid, 'SIGKILL');
  release();
  const { trials, complete } = await result;
  assert.ok(complete);
  assert.is(trials[5].end, 'failed');
  assert.equal(trials[5].failures, Array(3).fill('RangeError: no such layer'));
  assert.equal(trials[8].failures, ['the process was ended by SIGKILL']);
  const others = (of: SweepResult<Point>) => numbers({ ...of, trials: of.trials.filter(({ number }) => number !== 5) });
  assert.equal(others(await result), others(expected));
});

withRedis('a worker on another adapter, or of another version, takes nothing and says so', async () => {
  const [shared, end] = [new Shared(), new AbortController()];
  const one = { epochs: 1, seeds: [0], signal: end.signal };
  const asked = [
    [{ adapter: 'another' }, /takes nothing of sweep-\w+: its adapter is another, here it is none\./],
    [{ adapter: 'none', wgrad: '99.0.0' }, /takes nothing of sweep-\w+: it is one of wgrad 99\.0\.0, here is \d/],
    [{ adapter: 'none', data: 'mine' }, /takes nothing of sweep-\w+: its data is mine, here it is not told\./],
  ] as const;
  const sweeps = asked.map(([conditions]) =>
    run({ ...one, conditions, runner: queue(redis.url, { arguments: [shared.path] }) }),
  );
  const idle = workers.filter((worker) => worker.child.exitCode === null && worker.child.signalCode === null);
  assert.ok(idle.length > 0);
  for (const [, message] of asked) await Promise.all(idle.map((worker) => worker.says(message)));
  end.abort();
  for (const { trials } of await Promise.all(sweeps)) assert.ok(trials.every(({ epochs }) => epochs.length === 0));
  assert.equal(readdirSync(shared.path), []);
});

withRedis('checkpoints in Redis are bounded in size and age; those in a folder are as whole', async () => {
  const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);
  const small = redisCheckpoints(redis.url, { maxBytes: 1000 });
  const short = redisCheckpoints(redis.url, { maxAge: 0.05 });
  const shared = folderCheckpoints(join(folder, 'checkpoints'));
  for (const store of [small, shared]) {
    assert.is(await store.get('a/1.checkpoint'), null);
    await store.put('a/1.checkpoint', bytes(400, 1));
    await store.put('a/11.checkpoint', bytes(300, 255));
    await store.put('a/1.checkpoint', bytes(500, 3));
    assert.equal(new Uint8Array((await store.get('a/1.checkpoint')) ?? []), bytes(500, 3));
    assert.equal(new Uint8Array((await store.get('a/11.checkpoint')) ?? []), bytes(300, 255));
    await store.put('b/1.checkpoint', bytes(10, 4));
    await store.remove('a/1.checkpoint');
    assert.is(await store.get('a/1.checkpoint'), null);
    assert.ok((await store.get('a/11.checkpoint')) !== null);
    await store.remove('a/');
    assert.is(await store.get('a/11.checkpoint'), null);
    assert.ok((await store.get('b/1.checkpoint')) !== null);
  }
  for (const key of ['1', '2', '3', '4']) await small.put(key, bytes(300, 0));
  const kept = await Promise.all(
    ['b/1.checkpoint', '1', '2', '3', '4'].map(async (key) => (await small.get(key)) !== null),
  );
  assert.equal(kept, [false, false, true, true, true]);
  await small.put('5', bytes(1001, 0));
  assert.is(await small.get('5'), null);
  await short.put('6', bytes(10, 0));
  await until('its age', () => Date.now() > 0);
  await sleep(60);
  assert.is(await short.get('6'), null);
  await short.put('7', bytes(10, 0));
  const client = new Redis(redis.url);
  assert.equal(await client.hkeys('wgrad-checkpoints:sizes'), ['7']);
  client.disconnect();
  for (const store of [small, short]) {
    await store.remove('');
    await store.close?.();
  }
});

async function rejectsWithoutSecret(run: () => unknown, kind: typeof StateError, message: RegExp): Promise<void> {
  const error = await thrownBy(run, kind);
  assert.match(error.message, message);
  assert.not.match(error.message, /secret/);
}

withRedis('a wrong password, or none, is told of without telling it', async () => {
  const locked = await RedisServer.start(fresh(), ['--requirepass', 'geheim']);
  try {
    const { host } = new URL(locked.url);
    const asked = [
      [`redis://:secret@${host}`, /at redis:\/\/127\.0\.0\.1:\d+ refuses the name or the password\. Correct them/],
      [`redis://${host}`, /wants a password\. Write it in its address/],
    ] as const;
    for (const [url, message] of asked) {
      await rejectsWithoutSecret(() => run({ runner: queue(url) }), StateError, message);
      await rejectsWithoutSecret(() => queueWorker(url, program), StateError, message);
    }
    assert.equal((await queuesOf(`redis://:geheim@${host}`)).names, []);
  } finally {
    await locked.stop();
  }
});

test('an address of nothing is refused, and where nobody answers', async () => {
  for (const url of ['localhost', 'http://:secret@localhost', 'redis:', 'redis://']) {
    assert.throws(
      () => queue(url),
      (error: unknown) =>
        error instanceof ArgumentError &&
        /url is no address of a queue\. Write redis:/.test(error.message) &&
        !/secret/.test(error.message),
      url,
    );
  }
  const nobody = 'redis://:secret@127.0.0.1:1';
  const message =
    /: the queue at redis:\/\/127\.0\.0\.1:1 cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:1\. Start Redis/;
  const where = fresh();
  await rejectsWithoutSecret(() => run({ runner: queue(nobody), folder: where }), StateError, message);
  assert.ok(existsSync(join(where, 'sweep.jsonl')));
  await rejectsWithoutSecret(() => queueWorker(nobody, program), StateError, message);
  await rejectsWithoutSecret(() => queuesOf(nobody), StateError, message);
  await rejects(
    () => queueWorker(nobody, program, { lockSeconds: 0 }),
    ArgumentError,
    /lockSeconds must be a finite number above 0/,
  );
});

test.run();
