/** Which sweeps there are to train for: what those who watch tell the workers. */

import type { Redis } from 'ioredis';
import { isRecord } from '../../base/isRecord.ts';
import { parsedRecord, recordText, textsOf } from '../recordText.ts';
import { WEEK } from './checkpoints.ts';
import { PREFIX } from './names.ts';

/** A sweep that somebody watches, or watched within the last week. */
export interface Announcement {
  /** Name of its queue. */
  readonly name: string;
  /** What a worker must agree in. */
  readonly conditions: Readonly<Record<string, string>>;
  /** What the script of a worker is given on its command line, behind what its machine gives it. */
  readonly words: readonly string[];
  /** When somebody watched it first, in milliseconds. */
  readonly since: number;
  /** And last. */
  readonly seen: number;
}

/** Hash: JSON of each sweep by the name of its queue. */
const SWEEPS = `${PREFIX}-sweeps`;
/** Sorted set of a sweep: those who watch, by when they told so. */
const watchersOf = (name: string): string => `${SWEEPS}:${name}:watchers`;
/** Whoever watches says so so often, in milliseconds, and counts as gone after three times that. */
export const BEAT = 20_000;

/** All of them, the oldest first. */
export async function announcements(redis: Redis): Promise<Announcement[]> {
  const all = Object.entries(await redis.hgetall(SWEEPS)).flatMap(([name, text]) => {
    const record = parsedRecord(text);
    if (record === null) return [];
    const { conditions, words, seen, since } = record;
    if (!isRecord(conditions) || !Array.isArray(words)) return [];
    return [
      { name, conditions: textsOf(conditions), words: words.map(String), seen: Number(seen), since: Number(since) },
    ];
  });
  return all.sort((a, b) => a.since - b.since || (a.name < b.name ? -1 : 1));
}

/** Says that `watcher` watches a sweep. */
export async function announce(redis: Redis, sweep: Omit<Announcement, 'seen'>, watcher: string): Promise<void> {
  const { name, conditions, words, since } = sweep;
  const seen = Date.now();
  await redis
    .multi()
    .hset(SWEEPS, name, recordText({ conditions, words, seen, since }))
    .zadd(watchersOf(name), seen, watcher)
    .exec();
}

/**
 * In one step: of two who leave at once, one is the last. What gives memory back is no transaction: a server whose memory is full
 * would refuse it.
 */
const LEAVE = `
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('ZCOUNT', KEYS[1], ARGV[2], '+inf')`;

/** Says that it does no longer; returns whether nobody does now. */
export async function leave(redis: Redis, name: string, watcher: string): Promise<boolean> {
  return (await redis.eval(LEAVE, 1, watchersOf(name), watcher, Date.now() - 3 * BEAT)) === 0;
}

/** Takes a sweep off the list; returns whether it was on it. */
export async function withdraw(redis: Redis, name: string): Promise<boolean> {
  const was = await redis.hdel(SWEEPS, name);
  await redis.del(watchersOf(name));
  return was === 1;
}

/** Whether nobody has watched it for so long that nobody will. */
export const isForgotten = ({ seen }: Announcement): boolean => seen < Date.now() - WEEK * 1000;
