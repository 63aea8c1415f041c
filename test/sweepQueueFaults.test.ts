/** What goes wrong between a sweep's queue and those who use it: memory, the network, certificates, devices. Nothing is lost, and it is told of. */

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDevice, StateError } from '../src/index.ts';
import { grid, type SweepResult, sweep } from '../src/sweep/index.ts';
import { queue, queuesOf, queueWorker, redisCheckpoints } from '../src/sweep/queue/index.ts';
import { rejects } from './interruption.ts';
import { freePort, noRedis, RedisServer } from './redisServer.ts';
import { smallTrain } from './smallTrain.ts';
import { fresh, numbers, program, run, Shared, until, WorkerProcess } from './sweepQueueSupport.ts';
import { fakeTrain, type Point } from './sweepTrain.ts';
import { TcpProxy } from './tcpProxy.ts';

const test = suite('sweep queue: faults');
if (noRedis !== undefined) console.log(`sweep queue: skipped what needs a Redis: ${noRedis}`);
const withRedis = noRedis === undefined ? test : test.skip;

let straight: SweepResult<Point>;
test.before(async () => {
  straight = await run({ train: fakeTrain() });
});

/** A Redis, workers and what lies between them, all of which end with the test. */
class Place {
  readonly redis: RedisServer;
  readonly shared = new Shared();
  readonly #workers: WorkerProcess[] = [];
  readonly #proxies: TcpProxy[] = [];
  readonly #end = new AbortController();
  readonly #watched: Promise<unknown>[] = [];

  private constructor(redis: RedisServer) {
    this.redis = redis;
  }

  static async with(use: (place: Place) => Promise<void>, more: readonly string[] = []): Promise<void> {
    const place = new Place(await RedisServer.start(fresh(), more));
    try {
      await use(place);
    } finally {
      place.#end.abort();
      await Promise.allSettled(place.#watched);
      await Promise.all(place.#workers.map((worker) => worker.end('SIGKILL')));
      for (const proxy of place.#proxies) proxy.stop();
      await place.redis.stop();
    }
  }

  work(...[url = this.redis.url, options]: Partial<ConstructorParameters<typeof WorkerProcess>>): WorkerProcess {
    const worker = new WorkerProcess(url, options);
    this.#workers.push(worker);
    return worker;
  }

  async proxy(): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(this.redis.port);
    this.#proxies.push(proxy);
    return proxy;
  }

  watch(url = this.redis.url): Promise<SweepResult<Point>> {
    const result = run({ runner: queue(url, { arguments: [this.shared.path] }), signal: this.#end.signal });
    this.#watched.push(result);
    return result;
  }

  /** What somebody else says to the Redis. */
  async say(...words: readonly [string, ...string[]]): Promise<unknown> {
    const client = new Redis(this.redis.url);
    try {
      return await client.call(...words);
    } finally {
      client.disconnect();
    }
  }
}

withRedis('a Redis that would throw trials away is refused, with the remedy', async () => {
  for (const policy of ['allkeys-lru', 'volatile-ttl']) {
    await Place.with(
      async ({ redis }) => {
        const message = new RegExp(
          `the queue at ${redis.url} throws away what it holds when .*\\(maxmemory-policy ${policy}\\), trials and ` +
            'results with it\\. Have it keep all: redis-cli CONFIG SET maxmemory-policy noeviction',
        );
        await rejects(() => run({ runner: queue(redis.url) }), StateError, message);
        await rejects(() => queueWorker(redis.url, program), StateError, message);
      },
      ['--maxmemory-policy', policy],
    );
  }
});

withRedis('a Redis whose memory is full says so, loses nothing, and goes on when there is room', () =>
  Place.with(async (place) => {
    const { redis, shared } = place;
    const release = shared.hold(20, 6);
    const worker = place.work();
    const result = place.watch();
    await shared.begins(20, 6);
    const store = redisCheckpoints(redis.url);
    await store.put('a/1', Uint8Array.of(1));
    await place.say('CONFIG', 'SET', 'maxmemory', '1');
    release();
    await worker.says(/The queue at redis:\S+ is full: it takes no trials and no results\. Give it more memory/);
    // Who begins now is told; its file is there to go on with.
    const [where, small] = [fresh(), { epochs: 1, seeds: [0], halving: false } as const];
    const other = () => run({ ...small, folder: where, runner: queue(redis.url, { arguments: [shared.path] }) });
    await rejects(other, StateError, /^StateError: queue: the queue at .* is full: .*start again: the sweep goes on/);
    await rejects(() => store.put('a/1', Uint8Array.of(2)), Error, 'OOM');
    assert.equal(new Uint8Array((await store.get('a/1')) ?? []), Uint8Array.of(1), 'the one before is still there');
    await store.remove('a/');
    assert.is(await store.get('a/1'), null, 'what gives memory back is not refused');
    // Longer than it can hold the trial without being able to say so.
    await worker.says('has lost its hold on trial 20');
    await place.say('CONFIG', 'SET', 'maxmemory', '0');
    const found = await result;
    assert.equal(numbers(found), numbers(straight));
    assert.ok(found.trials.every(({ failures }) => failures.length === 0));
    assert.equal(numbers(await other()), numbers(await run({ ...small, train: fakeTrain() })));
    assert.is(worker.output.match(/is full/g)?.length, 1, worker.output);
    await store.close?.();
  }),
);

withRedis('a trial whose last word is lost is not trained further', () =>
  Place.with(async (place) => {
    const worker = place.work(place.redis.url, { env: { DIES_AFTER: '4' } });
    const result = place.watch();
    assert.is(await worker.ended, null, worker.output);
    place.work();
    const found = await result;
    assert.equal(numbers(found), numbers(straight));
    assert.is(place.shared.began(4, 0).length, 1);
  }),
);

withRedis('a network that is cut in the middle of a trial and back in time: nobody else is needed', () =>
  Place.with(async (place) => {
    const { shared } = place;
    const network = await place.proxy();
    const release = shared.hold(20, 6);
    const worker = place.work(network.url, { lockSeconds: 40 });
    const result = place.watch();
    await shared.begins(20, 6);
    network.cut();
    await worker.says('does not answer; ');
    await sleep(300);
    network.mend();
    release();
    await worker.says(/The queue at redis:\S+ is back\./);
    assert.equal(numbers(await result), numbers(straight));
    for (const epoch of [3, 4, 5, 6, 7, 8]) assert.is(shared.began(20, epoch).length, 1, `epoch ${epoch}`);
    assert.not.match(worker.output, /lost its hold/);
  }),
);

withRedis(
  'a network that is cut for longer than a trial is held: somebody else goes on, and each trial is told of once',
  () =>
    Place.with(async (place) => {
      const { shared } = place;
      const network = await place.proxy();
      const release = shared.hold(20, 6);
      const worker = place.work(network.url);
      const result = place.watch();
      await shared.begins(20, 6);
      network.cut();
      const other = place.work();
      await shared.begins(20, 6, worker.pid);
      await worker.says('has lost its hold on trial 20');
      network.mend();
      release();
      await worker.says(/The queue at redis:\S+ is back\./);
      assert.equal(numbers(await result), numbers(straight));
      assert.equal(
        [7, 8].map((epoch) => shared.began(20, epoch).map(({ parent }) => parent)),
        [[other.pid], [other.pid]],
      );
      const asked = performance.now();
      assert.is(await worker.end('SIGTERM'), 0, worker.output);
      assert.ok(performance.now() - asked < 8000, worker.output);
    }),
);

withRedis(
  'a network that swallows what is sent without a word: somebody else goes on, and all are there again afterwards',
  () =>
    Place.with(async (place) => {
      const { shared } = place;
      const [network, ofWatcher] = [await place.proxy(), await place.proxy()];
      const release = shared.hold(20, 6);
      const worker = place.work(network.url);
      const result = place.watch(ofWatcher.url);
      const first = await shared.begins(20, 6);
      assert.is(first.parent, worker.pid);
      for (const one of [network, ofWatcher]) one.swallow();
      const other = place.work();
      await shared.begins(20, 6, worker.pid);
      await worker.says('has lost its hold on trial 20');
      release();
      await until('its end', () => shared.began(20, 8).length > 0);
      await worker.says(/The queue at redis:\S+ is back\./);
      assert.equal(numbers(await result), numbers(straight));
      // What it had begun is not told of twice, and it works again.
      assert.equal(
        [7, 8].map((epoch) => shared.began(20, epoch).map(({ parent }) => parent)),
        [[other.pid], [other.pid]],
      );
      assert.is(await other.end('SIGTERM'), 0, other.output);
      const small = { epochs: 1, seeds: [7], halving: false } as const;
      const again = await run({ ...small, runner: queue(place.redis.url, { arguments: [shared.path] }) });
      assert.equal(numbers(again), numbers(await run({ ...small, train: fakeTrain() })));
      assert.is(await worker.end('SIGTERM'), 0, worker.output);
    }),
);

const noOpenssl = spawnSync('openssl', ['version']).status === 0 ? undefined : 'openssl is not installed';
if (noOpenssl !== undefined) console.log(`sweep queue: skipped what needs certificates: ${noOpenssl}`);
const withTls = noOpenssl === undefined ? withRedis : test.skip;

/** An authority, and the certificate of 127.0.0.1 that it signed. */
function certificates(folder: string) {
  const at = (name: string): string => join(folder, name);
  const openssl = (...words: string[]): unknown => execFileSync('openssl', words, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=an authority',
  );
  openssl('req', ...key, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=a server');
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1\n');
  const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')];
  openssl('x509', '-req', '-in', at('server.csr'), ...by, '-out', at('server.pem'), '-days', '2');
  return { authority: at('ca.pem'), certificate: at('server.pem'), key: at('server.key') };
}

withTls('a queue by TLS: with the authority that signed its certificate, and what is said without', async () => {
  const { authority, certificate, key } = certificates(fresh());
  const port = await freePort();
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no'];
  await Place.with(
    async (place) => {
      const secure = `rediss://127.0.0.1:${port}`;
      const env = { NODE_EXTRA_CA_CERTS: authority };
      const plain = rejects(
        () => queuesOf(place.redis.url.replace('redis:', 'rediss:')),
        StateError,
        /at rediss:\S+ does not answer by TLS: .* Write redis:\/\/ where it speaks none/,
      );
      const worker = place.work(secure, { env });
      const elsewhere = place.work(`rediss://localhost:${port}`, { env });
      assert.match(readFileSync(authority, 'utf8'), /BEGIN CERTIFICATE/);
      await rejects(
        () => queuesOf(secure),
        StateError,
        /at rediss:\S+ has a certificate that is not trusted: .*NODE_EXTRA_CA_CERTS=\/path\/to\/ca\.pem\./,
      );
      await rejects(() => queuesOf(`redis://127.0.0.1:${port}`), StateError, /closes the connection.* Write rediss:/);
      assert.equal(numbers(await place.watch()), numbers(straight));
      assert.match(worker.output, `waits for trials at ${secure}`);
      assert.is(await elsewhere.ended, 1);
      assert.match(elsewhere.output, /StateError: .* has the certificate of another host: .* Write the name of its/);
      await plain;
    },
    ['--tls-port', String(port), ...files],
  );
});

withRedis('a worker that loses its device: the trial goes on in a process with another one', () =>
  Place.with(async (place) => {
    const few = { space: grid({ units: [2, 3] }), epochs: 4, objective: 'loss', halving: false } as const;
    const device = await openDevice();
    const conditions = { adapter: device.info.name };
    const expected = await sweep({ ...few, conditions, folder: fresh(), train: smallTrain(device, () => {}) });
    device.close();
    writeFileSync(join(place.shared.path, 'lose-1-2'), '');
    const file = fileURLToPath(new URL('sweepDeviceProgram.ts', import.meta.url));
    const worker = place.work(place.redis.url, { file });
    const runner = queue(place.redis.url, { arguments: [place.shared.path] });
    const { trials } = await sweep({ ...few, conditions, folder: fresh(), runner });
    assert.match(worker.output, /Trial 1 failed: DeviceError: /);
    assert.equal(
      trials.map(({ failures }) => failures.length),
      [0, 1],
    );
    const logs = (of: readonly { epochs: readonly { logs: object }[] }[]) =>
      of.map(({ epochs }) => epochs.map((epoch) => epoch.logs));
    assert.equal(logs(trials), logs(expected.trials));
    assert.is(trials[1].epochs.length, 4);
  }),
);

test.run();
