/** The connection to Redis, and what a person reads where there is none. */

import type { Redis } from 'ioredis';
import { ArgumentError, StateError } from '../../base/errors.ts';
import { peer } from '../../base/peer.ts';

/** Whatever is said to a server that does not answer yet waits so long at most, in milliseconds, before the first connection. */
const PATIENCE = 10_000;
/** Between attempts to connect again, in milliseconds. */
const LONGEST_PAUSE = 2000;

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
  const redis = new ioredis.Redis(url, {
    lazyConnect: true,
    connectTimeout: PATIENCE,
    // The replies that BullMQ was written for.
    protocol: 2,
    // What BullMQ asks for.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (known ? Math.min(times * 100, LONGEST_PAUSE) : null),
  });
  let trouble = '';
  redis.on('error', (error) => {
    trouble = error.message;
  });
  try {
    await redis.connect();
  } catch (cause) {
    throw new StateError(`${who}: the queue at ${place} ${refusal(trouble)}`, { cause });
  }
  known = true;
  return redis;
}

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

function refusal(trouble: string): string {
  if (trouble.startsWith('WRONGPASS')) return 'refuses the name or the password. Correct them in its address.';
  if (trouble.startsWith('NOAUTH')) return 'wants a password. Write it in its address: redis://:password@host:6379.';
  const reason = trouble === '' ? `no answer within ${PATIENCE / 1000} s` : trouble;
  return `cannot be reached: ${reason}. Start Redis or Valkey there, or correct the address.`;
}
