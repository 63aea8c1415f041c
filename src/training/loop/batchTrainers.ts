/**
 * Trainers of single batches, for `trainOnBatch`: kept with their plans and the memory of their examples, by the shapes
 * of what they are given. Only the first batch of a shape compiles.
 */

import { formatShape } from '../../base/shape.ts';
import type { Logs } from '../../callbacks/index.ts';
import type { ByTarget, Compiled } from '../../network/compiled.ts';
import { dataNode } from '../../ops/leaf.ts';
import type { Device } from '../../runtime/device.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { disposeExamples, type Examples, uploadExamples, valuesOf } from '../data/gpuDataset.ts';
import { Trainer } from './trainer.ts';

/** Shapes that are kept: the full batch, the short last one, and one to spare. */
const KEPT = 3;

/** Inputs, labels and weights of one batch. */
export interface Batch {
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
  readonly weights: ByTarget<Float32Array>;
}

interface BatchTrainer {
  readonly examples: Examples;
  readonly trainer: Trainer;
}

export class BatchTrainers {
  /** The least recently used one first. */
  readonly #kept = new Map<string, BatchTrainer>();

  /** Whether a batch of these dtypes and shapes has been trained on. */
  knows(batch: Batch): boolean {
    return this.#kept.has(keyOf(batch));
  }

  /** One step. */
  async train(compiled: Compiled, batch: Batch): Promise<Logs> {
    const key = keyOf(batch);
    const kept = this.#kept.get(key);
    const one = kept ?? (await make(compiled, batch));
    this.#kept.delete(key);
    let logs: Logs;
    try {
      if (kept !== undefined) await refill(compiled.device, kept, batch);
      logs = await one.trainer.single();
    } catch (error) {
      await release(one);
      throw error;
    }
    this.#kept.set(key, one);
    const [[oldest, surplus]] = this.#kept;
    if (this.#kept.size > KEPT) {
      this.#kept.delete(oldest);
      await release(surplus);
    }
    return logs;
  }

  async dispose(): Promise<void> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(all.map(release));
  }
}

function keyOf({ x, y, weights }: Batch): string {
  // Which targets have the same ones is part of the graph.
  const shared = weights?.map((one) => (one === null ? 'unweighted' : weights.indexOf(one)));
  return [...[...x, ...y].map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`), shared ?? 'unweighted'].join();
}

async function make(compiled: Compiled, { x, y, weights }: Batch): Promise<BatchTrainer> {
  const { device } = compiled;
  const examples = await uploadExamples(device, await onHost(device, x), await onHost(device, y), weights);
  const [{ count }] = examples.x;
  return { examples, trainer: new Trainer(compiled, examples, count, count, { warn: true }) };
}

/** The memory of a tensor that was computed is the tensor's own: later batches would overwrite it. */
const onHost = (device: Device, given: readonly Tensor[]): Promise<Tensor[]> =>
  Promise.all(given.map(async (one) => new Tensor(dataNode(await valuesOf(device, one), one.shape))));

async function refill(device: Device, { examples }: BatchTrainer, { x, y, weights }: Batch): Promise<void> {
  const given = [...x, ...y];
  for (const [at, rows] of [...examples.x, ...examples.y].entries()) rows.write(await valuesOf(device, given[at]));
  weights?.forEach((one, at) => {
    if (one !== null && weights.indexOf(one) === at) examples.weights?.[at]?.write(one);
  });
}

async function release({ examples, trainer }: BatchTrainer): Promise<void> {
  await trainer.dispose();
  disposeExamples(examples);
}
