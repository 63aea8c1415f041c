/** The connection to Redis, and what a person reads where there is none. */

import type { Redis, RedisOptions } from 'ioredis';
import { ArgumentError, StateError } from '../../base/errors.ts';
import { peer } from '../../base/peer.ts';

/** Whatever is said to a server that does not answer yet waits so long at most, in milliseconds, before the first connection. */
const PATIENCE = 10_000;
/** Between attempts to connect again, in milliseconds. */
const LONGEST_PAUSE = 2000;
/**
 * A connection on which no answer comes for so long, in milliseconds, is given up: what lies between may have swallowed it without a
 * word. BullMQ asks for nothing that takes longer than 10 s.
 */
const SILENCE = 15_000;

const WHO = 'wgrad/sweep/queue';

export type Bullmq = typeof import('bullmq');

/** Both are loaded by whoever needs them. */
export const loadBullmq = (): Promise<Bullmq> => peer(WHO, 'bullmq', () => import('bullmq'));
const loadIoredis = () => peer(WHO, 'ioredis', () => import('ioredis'));

/**
 * Connects once; from then on a connection that is lost is found again, and what is said meanwhile waits.
 * @throws ArgumentError for no such address; StateError where nobody answers, or refuses
 */
export async function connect(who: string, url: string): Promise<Redis> {
  const place = placeOf(who, url);
  const ioredis = await loadIoredis();
  let known = false;
  const redis = new (endingOf(ioredis.Redis))(url, {
    lazyConnect: true,
    connectTimeout: PATIENCE,
    socketTimeout: SILENCE,
    // The replies that BullMQ was written for.
    protocol: 2,
    // What BullMQ asks for.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (known ? Math.min(times * 100, LONGEST_PAUSE) : null),
  });
  let trouble: Trouble | null = null;
  redis.on('error', (error) => {
    trouble = error;
  });
  try {
    await redis.connect();
  } catch (cause) {
    throw new StateError(`${who}: the queue at ${place} ${refusal(place, trouble ?? new Error(CLOSED))}`, { cause });
  }
  known = true;
  return redis;
}

/**
 * The class of connections, of which one that is ended between two attempts to connect says so, as all others do: whoever waits for its
 * end, or for an answer that it owes, is told. BullMQ's workers do; without, they would wait for good and keep the process from ending.
 */
const endingOf = (Plain: typeof Redis) =>
  class Ending extends Plain {
    override disconnect(reconnect = false): void {
      // One that is connecting is told that it is not to.
      if (!reconnect && this.status === 'reconnecting') this.connect().catch(() => {});
      super.disconnect(reconnect);
    }

    override duplicate(options: Partial<RedisOptions> = {}): Redis {
      return new Ending({ ...this.options, ...options, replyMapping: 'legacy' });
    }
  };

/** Where a server is, without what lets one in. */
export function placeOf(who: string, url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '')
    // It may hold a password: it is not told.
    throw new ArgumentError(
      `${who}: url is no address of a queue. Write redis://host:6379, rediss://user:password@host:6379/0, or the like.`,
    );
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/** What is known where nothing else is. */
const CLOSED = 'closes the connection without a word';

interface Trouble {
  readonly message: string;
  readonly code?: string;
}

function refusal(place: string, { message, code = '' }: Trouble): string {
  if (message.startsWith('WRONGPASS')) return 'refuses the name or the password. Correct them in its address.';
  if (message.startsWith('NOAUTH')) return 'wants a password. Write it in its address: redis://:password@host:6379.';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `has the certificate of another host: ${message}. Write the name of its certificate in the address.`;
  if (/CERT|SIGNATURE/.test(code))
    return (
      `has a certificate that is not trusted: ${message}. Where it is right, name the file of the authority that signed it ` +
      'in the environment: NODE_EXTRA_CA_CERTS=/path/to/ca.pem.'
    );
  // One that speaks no TLS waits for the end of a line, or answers in its own words.
  if (place.startsWith('rediss:') && /^(ETIMEDOUT|EPROTO|ERR_SSL_.*)$/.test(code))
    return `does not answer by TLS: ${message}. Write redis:// where it speaks none, or correct the address.`;
  if (message === CLOSED || code === 'ECONNRESET')
    return `${CLOSED}. Write rediss:// where it speaks TLS, redis:// where it does not.`;
  return `cannot be reached: ${message}. Start Redis or Valkey there, or correct the address.`;
}

/**
 * Connects to one that throws nothing away when its memory is full.
 * @throws as `connect` does; StateError where it would
 */
export async function connectToKeeper(who: string, url: string): Promise<Redis> {
  const redis = await connect(who, url);
  // Who may not ask finds out from whoever may.
  const memory = await redis.info('memory').catch(() => '');
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? KEEPING;
  if (policy === KEEPING) return redis;
  redis.disconnect();
  throw new StateError(
    `${who}: the queue at ${placeOf(who, url)} throws away what it holds when its memory is full (maxmemory-policy ${policy}), ` +
      `trials and results with it. Have it keep all: redis-cli CONFIG SET maxmemory-policy ${KEEPING}, and the same in its configuration.`,
  );
}

const KEEPING = 'noeviction';

/** Whether it is what a server says whose memory is full. */
export function isFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // A transaction tells of the commands that were refused.
  const others = 'previousErrors' in error && Array.isArray(error.previousErrors) ? error.previousErrors : [];
  return error.message.includes('OOM command not allowed') || others.some(isFull);
}

/** What is to be said of it. */
export const fullText = (place: string): string =>
  `the queue at ${place} is full: it takes no trials and no results. Give it more memory (redis-cli CONFIG SET maxmemory), or ` +
  'remove what it holds for others';
