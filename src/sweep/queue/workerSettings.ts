/** What a worker of a queue needs. */

import type { Redis } from 'ioredis';
import type { Print } from '../../callbacks/progress/print.ts';
import type { Script } from '../trainingProcess.ts';
import type { CheckpointStore } from './checkpoints.ts';
import type { Bullmq } from './connection.ts';

export interface WorkerSettings {
  readonly redis: Redis;
  readonly bullmq: Bullmq;
  readonly checkpoints: CheckpointStore;
  readonly script: Script;
  /** What the script is given on its command line before what the sweep gives it. */
  readonly words: readonly string[];
  /** For the checkpoint under way. */
  readonly folder: string;
  /** What the worker is called. */
  readonly self: string;
  readonly timeLimit: number;
  readonly lockSeconds: number;
  readonly signal: AbortSignal;
  readonly print: Print;
  /** To be called when the queue takes nothing since its memory is full, and when it does again. */
  readonly refused: (full: boolean) => void;
}
