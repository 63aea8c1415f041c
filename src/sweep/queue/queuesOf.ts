import { announcements } from './announcements.ts';
import { connect } from './connection.ts';
import { PREFIX } from './names.ts';

/** Queues of sweeps, as BullMQ knows them. */
export interface SweepQueues {
  /** Of the keys of them all in Redis. */
  readonly prefix: string;
  /** Of each queue. */
  readonly names: readonly string[];
}

/**
 * The queues of the sweeps that are watched, or were within the last week, for tools such as bull-board.
 * @param url that of the queue, as `queue` takes it
 * @throws ArgumentError for what is no such address; StateError where nobody answers there
 */
export async function queuesOf(url: string): Promise<SweepQueues> {
  const redis = await connect('queuesOf', url);
  try {
    return { prefix: PREFIX, names: (await announcements(redis)).map(({ name }) => name) };
  } finally {
    redis.disconnect();
  }
}
