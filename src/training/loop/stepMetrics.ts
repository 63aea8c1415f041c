/** A pass's running metrics and the non-finite flag, on the GPU. */

import { bytesOf } from '../../base/dtype.ts';
import { DeviceError } from '../../base/errors.ts';
import type { Logs } from '../../callbacks/callback.ts';
import type { Node } from '../../ir/op.ts';
import type { Storage } from '../../ir/storage.ts';
import { standIn } from '../../network/parameters.ts';
import type { MetricNodes } from '../../network/step.ts';
import { HEALTH } from '../../ops/health.ts';
import { storedNode } from '../../ops/leaf.ts';
import type { Device } from '../../runtime/device.ts';

const NONE = 0xffffffff;
/** Readings that may be under way at once: the newest, and one that was given up. */
const READINGS = 2;

export interface MetricsReading {
  /** Sums over the examples since the reading before, or since the last reset: the loss, then the metrics. */
  readonly sums: Float32Array;
  /** The first step that was not finite, or null. */
  readonly firstBadStep: number | null;
}

export class StepMetrics implements MetricNodes {
  readonly #device: Device;
  readonly #names: readonly string[];
  readonly #hold: boolean;
  readonly #sums: Storage;
  readonly #health: Storage;
  /** Where readings arrive, in turn: reading makes no buffer. */
  readonly #arrivals: readonly GPUBuffer[];
  #readings = 0;
  readonly sums: Node;
  readonly health: Node;

  /** `names`: `loss`, then the metrics. `hold`: updates wait after a flag until it is released. */
  constructor(device: Device, names: readonly string[], hold = false) {
    this.#device = device;
    this.#names = names;
    this.#hold = hold;
    this.#sums = device.allocate(names.length, 'float32', 'metrics');
    this.#health = device.allocate(HEALTH.words, 'int32', 'non-finite flag');
    this.sums = storedNode(this.#sums, [names.length]);
    this.health = storedNode(this.#health, [HEALTH.words], 'int32');
    this.#arrivals = Array.from({ length: READINGS }, () =>
      device.memory.create({
        label: 'metrics read back',
        size: 4 * (names.length + 1),
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      }),
    );
    this.resetSums();
    this.resetHealth();
  }

  resetSums(): void {
    this.#device.write(this.#sums, new Float32Array(this.#names.length));
  }

  resetHealth(): void {
    this.#device.write(this.#health, new Int32Array(new Uint32Array([NONE, 0, this.#hold ? 0 : 1, 0]).buffer));
  }

  /** Goes on from what `peek` gave. `released`: whether the cause of its flag has been found. */
  restore({ sums, firstBadStep }: MetricsReading, released: boolean): void {
    this.#device.write(this.#sums, sums);
    this.resetHealth();
    if (firstBadStep !== null) this.#device.write(this.#health, new Int32Array([firstBadStep]), 4 * HEALTH.first);
    if (released) this.release();
  }

  /** Lets updates go on after the cause of the flag has been found. */
  release(): void {
    this.#device.write(this.#health, new Int32Array([1]), 4 * HEALTH.released);
  }

  /**
   * Reads sums and flag in one copy, after all work submitted before and without waiting for work submitted later. The sums
   * begin anew: 32 bits have no digits left for small losses behind a large one, so the reader adds up in 64.
   */
  read(): Promise<MetricsReading> {
    return this.#read(true);
  }

  /** What the next reading would give; that one gives it as well. */
  peek(): Promise<MetricsReading> {
    return this.#read(false);
  }

  async #read(taken: boolean): Promise<MetricsReading> {
    const device = this.#device;
    device.check();
    const arrival = this.#arrivals[this.#readings++ % READINGS];
    const sumBytes = 4 * this.#names.length;
    const encoder = device.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#sums.buffer, this.#sums.offset, arrival, 0, sumBytes);
    encoder.copyBufferToBuffer(this.#health.buffer, this.#health.offset, arrival, sumBytes, 4);
    if (taken) encoder.clearBuffer(this.#sums.buffer, this.#sums.offset, sumBytes);
    device.gpu.queue.submit([encoder.finish()]);
    await device.wait(arrival.mapAsync(GPUMapMode.READ)).catch((cause: unknown) => {
      device.check();
      throw new DeviceError(
        `Reading the metrics from '${device.info.name}' failed: the device was lost or closed while training. ` +
          'Open a new device; close it only after awaiting what you need.',
        { cause },
      );
    });
    const bytes = arrival.getMappedRange().slice(0);
    arrival.unmap();
    device.check();
    const [first] = new Uint32Array(bytes, sumBytes, 1);
    return { sums: new Float32Array(bytes, 0, this.#names.length), firstBadStep: first === NONE ? null : first };
  }

  /** Means over `samples` examples, by name. */
  means(sums: ArrayLike<number>, samples: number): Logs {
    return Object.fromEntries(this.#names.map((name, at) => [name, sums[at] / samples]));
  }

  dispose(): void {
    if (this.#device.closed) return;
    this.#device.free(this.#sums);
    this.#device.free(this.#health);
    for (const arrival of this.#arrivals) this.#device.memory.destroy(arrival);
  }
}

/** Adds a reading to sums over more examples. */
export function addSums(totals: Float64Array, { sums }: MetricsReading): void {
  for (const [at, sum] of sums.entries()) totals[at] += sum;
}

/** Metrics to plan with: of the loss and so many metrics. */
export const standInMetrics = (metrics: number): MetricNodes => ({
  sums: standIn([metrics + 1]),
  health: standIn([HEALTH.words], 'int32'),
});

/** Bytes that the loss and this many metrics take on the GPU. */
export const bytesOfStepMetrics = (metrics: number): number =>
  bytesOf(metrics + 1, 'float32') + bytesOf(HEALTH.words, 'int32') + READINGS * 4 * (metrics + 2);
