/**
 * Sweeps on many machines: trials are put into a queue of [BullMQ](https://bullmq.io) on Redis or Valkey, from which workers take
 * them. A module of its own, `wgrad/sweep/queue`, for Node; it needs the packages bullmq and ioredis.
 * @module wgrad/sweep/queue
 */

export {
  type CheckpointStore,
  folderCheckpoints,
  type RedisCheckpointsOptions,
  redisCheckpoints,
} from './checkpoints.ts';
export { type QueueOptions, queue } from './queue.ts';
export { queuesOf, type SweepQueues } from './queuesOf.ts';
export { type QueueWorkerOptions, queueWorker } from './queueWorker.ts';
