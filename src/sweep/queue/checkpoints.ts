/** Where the checkpoints of trials lie between two workers. */

import type { Redis } from 'ioredis';
import { files } from '#platform';
import { checkAbove, checkText } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import { makeFolderOf, onDisk, readBytes, writeBytes } from '../../platform/files.ts';
import { connect, placeOf } from './connection.ts';

/**
 * Keeps checkpoints for whoever trains a trial next: in Redis (`redisCheckpoints`), in a folder that all workers share
 * (`folderCheckpoints`), or anywhere else, such as a bucket. One that is lost costs time alone: its trial begins anew, with the same numbers.
 */
export interface CheckpointStore {
  /** That of a key; null where there is none (any more). */
  get(key: string): Promise<Uint8Array | null>;
  /** Keeps one, in the place of the one before. Keys are of letters, digits, `-`, `.` and `/`. */
  put(key: string, content: Uint8Array): Promise<void>;
  /** Removes all whose key begins so. */
  remove(beginning: string): Promise<void>;
  /** Ends what it holds open; it may be used again. */
  close?(): Promise<void>;
}

/** Options of `redisCheckpoints`. */
export interface RedisCheckpointsOptions {
  /** Bytes that all checkpoints together take; the oldest go first, and a larger one is not kept. Above 0, default 2³⁰. */
  readonly maxBytes?: number;
  /** Seconds that a checkpoint is kept; above 0, default a week. */
  readonly maxAge?: number;
}

export const WEEK = 7 * 24 * 3600;
const KEYS = 'wgrad-checkpoints';

/** What both scripts begin with. */
const DROP = `
local ages, sizes, prefix = KEYS[1], KEYS[2], KEYS[1] .. ':'
local function drop(one)
  redis.call('DEL', prefix .. one)
  redis.call('ZREM', ages, one)
  redis.call('HDEL', sizes, one)
end`;

/**
 * Removes what is too old, and then the oldest, until the new one has room; it is one step to whoever else looks. It
 * begins with what changes nothing but is refused where the memory is full: behind what frees some, Redis refuses nothing any more.
 */
const PUT = `${DROP}
local key, now, maxAge, maxBytes = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('SETRANGE', prefix, 0, '')
drop(key)
for _, one in ipairs(redis.call('ZRANGEBYSCORE', ages, '-inf', now - maxAge)) do drop(one) end
local room = maxBytes - #ARGV[2]
if room < 0 then return 0 end
for _, size in ipairs(redis.call('HVALS', sizes)) do room = room - tonumber(size) end
while room < 0 do
  local oldest = redis.call('ZRANGE', ages, 0, 0)[1]
  room = room + tonumber(redis.call('HGET', sizes, oldest))
  drop(oldest)
end
redis.call('SET', prefix .. key, ARGV[2], 'PX', maxAge)
redis.call('ZADD', ages, now, key)
redis.call('HSET', sizes, key, #ARGV[2])
return 1`;

/** No transaction: a server whose memory is full would refuse it. */
const REMOVE = `${DROP}
for _, one in ipairs(redis.call('HKEYS', sizes)) do
  if one:sub(1, #ARGV[1]) == ARGV[1] then drop(one) end
end`;

/**
 * Checkpoints in Redis: what workers of a queue do by default, in the Redis of the queue.
 * @throws ArgumentError for options out of their range; StateError, at the first use, where it cannot be reached
 */
export function redisCheckpoints(url: string, options: RedisCheckpointsOptions = {}): CheckpointStore {
  const who = 'redisCheckpoints';
  placeOf(who, url);
  let connection: Promise<Redis> | null = null;
  const store = checkpointsIn(who, options, () => {
    connection ??= connect(who, url);
    return connection;
  });
  return {
    ...store,
    async close() {
      (await connection)?.disconnect();
      connection = null;
    },
  };
}

/** The same by a connection of somebody else, who closes it. */
export const checkpointsBy = (redis: Redis): CheckpointStore =>
  checkpointsIn('redisCheckpoints', {}, async () => redis);

function checkpointsIn(who: string, options: RedisCheckpointsOptions, open: () => Promise<Redis>): CheckpointStore {
  const { maxBytes, maxAge } = takeOptions(who, options, { maxBytes: 2 ** 30, maxAge: WEEK });
  checkAbove(who, 'maxBytes', maxBytes);
  checkAbove(who, 'maxAge', maxAge);
  const [ages, sizes] = [KEYS, `${KEYS}:sizes`];
  return {
    async get(key) {
      return (await open()).getBuffer(`${KEYS}:${key}`);
    },
    async put(key, content) {
      const limits = [Date.now(), Math.round(maxAge * 1000), maxBytes];
      await (await open()).eval(PUT, 2, ages, sizes, key, Buffer.from(content), ...limits);
    },
    async remove(beginning) {
      await (await open()).eval(REMOVE, 2, ages, sizes, beginning);
    },
  };
}

/**
 * Checkpoints in a folder that all workers share, such as one on a network.
 * @param folder is made where it is missing
 */
export function folderCheckpoints(folder: string): CheckpointStore {
  const who = 'folderCheckpoints';
  checkText(who, 'folder', folder);
  const nameOf = (key: string): string => key.replaceAll('/', '_');
  const pathOf = (key: string): string => `${folder}/${nameOf(key)}`;
  return {
    async get(key) {
      const { stat } = files(who, 'Use it in Node.');
      const there = await stat(pathOf(key)).then(
        () => true,
        () => false,
      );
      return there ? readBytes(who, pathOf(key)) : null;
    },
    async put(key, content) {
      await makeFolderOf(who, `${folder}/`);
      await writeBytes(who, pathOf(key), content);
    },
    async remove(beginning) {
      const { readdir, rm } = files(who, 'Use it in Node.');
      const names = await readdir(folder).catch(() => []);
      for (const name of names.filter((one) => one.startsWith(nameOf(beginning))))
        await onDisk(who, `${folder}/${name}`, () => rm(`${folder}/${name}`, { force: true }));
    },
  };
}
