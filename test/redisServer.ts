/** A Redis of the tests' own, on loopback and a free port, which keeps all in its append-only file. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** The server's program: WGRAD_REDIS_SERVER, such as `valkey-server`, by default `redis-server`. */
const PROGRAM = process.env.WGRAD_REDIS_SERVER || 'redis-server';

/** Why there can be none here; undefined where there can. */
export const noRedis: string | undefined =
  spawnSync(PROGRAM, ['--version']).status === 0
    ? undefined
    : `${PROGRAM} is not installed: \`npm run setup -- --redis\` installs redis-server on Debian, as root`;

export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #more: readonly string[];
  #child: ChildProcess;

  private constructor(port: number, folder: string, more: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#more = more;
    this.#child = this.#spawn();
  }

  /** `more`: of its command line. */
  static async start(folder: string, more: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), folder, more);
    await server.#ready();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  #spawn(): ChildProcess {
    const words = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', ''];
    return spawn(PROGRAM, [...words, '--appendonly', 'yes', '--appendfsync', 'always', ...this.#more], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  async #ready(): Promise<void> {
    let text = '';
    for await (const [data] of stdoutOf(this.#child)) {
      text += data;
      if (text.includes('Ready to accept connections')) break;
    }
    if (!text.includes('Ready to accept connections')) throw new Error(`${PROGRAM} did not start:\n${text}`);
    this.#child.stdout?.resume();
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }

  /** Starts it again, with what its file has. */
  async again(): Promise<void> {
    this.#child = this.#spawn();
    await this.#ready();
  }
}

async function* stdoutOf(child: ChildProcess): AsyncGenerator<readonly [unknown]> {
  const { stdout } = child;
  if (stdout === null) return;
  const ended = new AbortController();
  stdout.once('end', () => ended.abort());
  try {
    for (;;) yield (await once(stdout, 'data', { signal: ended.signal })) as [unknown];
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
