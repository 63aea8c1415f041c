/** The look at the queue: bull-board shows a running sweep's trials, ends when it is told to, and tells nobody the password. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { queue, queuesOf } from '../src/sweep/queue/index.ts';
import { LOADER } from './loader.ts';
import { noRedis, RedisServer } from './redisServer.ts';
import { fresh, run, Shared, until, WorkerProcess } from './sweepQueueSupport.ts';

const program = fileURLToPath(new URL('../examples/sweep/board.ts', import.meta.url));
const test = suite('sweep board');

class Board {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output = '';

  /** The address is in the environment, as in a container. */
  constructor(url: string, words: readonly string[] = ['--port', '0']) {
    this.child = spawn(process.execPath, ['--import', LOADER, program, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, WGRAD_QUEUE: url },
    });
    this.ended = once(this.child, 'exit').then(([code]) => code);
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (text) => {
        this.output += text;
      });
  }

  /** Where it serves. */
  address(): Promise<string> {
    return until(
      () => `an address in\n${this.output}`,
      () => /http:\/\/127\.0\.0\.1:\d+\//.exec(this.output)?.[0],
    );
  }
}

/** What it answers with of a queue. */
interface Answer {
  readonly queues: readonly {
    readonly name: string;
    readonly counts: Readonly<Record<string, number>>;
    readonly jobs: readonly { readonly id: string; readonly name: string }[];
  }[];
}

if (noRedis !== undefined) console.log(`sweep board: skipped what needs a Redis: ${noRedis}`);
const withRedis = noRedis === undefined ? test : test.skip;

withRedis('it shows the trials of a sweep, ends cleanly, and tells of what is wrong without the password', async () => {
  const server = await RedisServer.start(fresh(), ['--requirepass', 'geheim']);
  const url = server.url.replace('//', '//:geheim@');
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const place = taken.address();
  const port = typeof place === 'object' && place !== null ? place.port : 0;
  const board = new Board(url);
  const boards = [board];
  const worker = new WorkerProcess(url);
  const [shared, end] = [new Shared(), new AbortController()];
  const release = shared.hold(2, 0);
  const result = run({ runner: queue(url, { arguments: [shared.path] }), signal: end.signal });
  try {
    await shared.begins(2, 0);
    const address = await board.address();
    const [name] = (await queuesOf(url)).names;
    const ask = async (status: string): Promise<string> =>
      (await fetch(`${address}api/queues?activeQueue=${name}&status=${status}&page=1&jobsPerPage=50`)).text();
    // One that has begun meanwhile is found a few seconds later.
    const found = await until('the queue', async () => {
      const { queues }: Answer = JSON.parse(await ask('waiting'));
      return queues[0];
    });
    assert.is(found.name, name);
    assert.is(found.counts.completed, 2);
    assert.is(found.counts.active, 1);
    assert.is(found.counts.waiting, 25);
    assert.equal(found.jobs.map((job) => job.id).sort()[0], '10-1-0');
    assert.is(found.jobs.length, 25);
    assert.match(found.jobs[0].name, /^batchSize \d+, learningRate [\d.e-]+$/);
    for (const text of [await ask('latest'), await (await fetch(address)).text()]) assert.not.match(text, /geheim/);
    // By another name than this machine's, a page of somebody else could read it.
    const elsewhere = request(address, { headers: { host: 'elsewhere.example' } }).end();
    const [answer]: IncomingMessage[] = await once(elsewhere, 'response');
    answer.resume();
    assert.is(answer.statusCode, 404);
    end.abort();
    release();
    await result;

    board.child.kill('SIGTERM');
    assert.is(await board.ended, 0, board.output);
    const wrong = [
      new Board(server.url.replace('//', '//:secret@')),
      new Board('redis://:secret@127.0.0.1:1'),
      new Board(url, ['--port', String(port)]),
    ];
    boards.push(...wrong);
    assert.equal(await Promise.all(wrong.map((one) => one.ended)), [1, 1, 1]);
    const messages = [/refuses the name or the password\. Correct/, /cannot be reached: .*ECONNREFUSED/, /EADDRINUSE/];
    for (const [i, message] of messages.entries()) {
      assert.match(wrong[i].output, message);
      assert.match(wrong[i].output, /^error: [^\n]*\n$/);
    }
    for (const { output } of boards) assert.not.match(output, /secret|geheim/);
  } finally {
    end.abort();
    await Promise.allSettled([result]);
    for (const { child } of [worker, ...boards]) child.kill('SIGKILL');
    taken.close();
    await server.stop();
  }
});

test.run();
