/** A pass's running metrics and the non-finite flag, on the GPU. */

import { bytesOf } from '../../base/dtype.ts';
import { DeviceError } from '../../base/errors.ts';
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
  /** Sums over the examples since the reading before, or since the last reset, as `Measures` has them. */
  readonly sums: Float32Array;
  /** The first step that was not finite, or null. */
  readonly firstBadStep: number | null;
}

export class StepMetrics implements MetricNodes {
  readonly #device: Device;
  readonly #size: number;
  readonly #hold: boolean;
  readonly #sums: Storage;
  readonly #health: Storage;
  /** Where readings arrive, in turn: reading makes no buffer. */
  readonly #arrivals: readonly GPUBuffer[];
  #readings = 0;
  readonly sums: Node;
  readonly health: Node;

  /** `size`: how many numbers add up. `hold`: updates wait after a flag until it is released. */
  constructor(device: Device, size: number, hold = false) {
    this.#device = device;
    this.#size = size;
    this.#hold = hold;
    this.#sums = device.allocate(size, 'float32', 'metrics');
    this.#health = device.allocate(HEALTH.words, 'int32', 'non-finite flag');
    this.sums = storedNode(this.#sums, [size]);
    this.health = storedNode(this.#health, [HEALTH.words], 'int32');
    this.#arrivals = Array.from({ length: READINGS }, () =>
      device.memory.create({
        label: 'metrics read back',
        size: 4 * (size + 1),
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      }),
    );
    this.resetSums();
    this.resetHealth();
  }

  resetSums(): void {
    this.#device.write(this.#sums, new Float32Array(this.#size));
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
    const sumBytes = 4 * this.#size;
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
    return { sums: new Float32Array(bytes, 0, this.#size), firstBadStep: first === NONE ? null : first };
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

/** Metrics to plan with: so many numbers. */
export const standInMetrics = (size: number): MetricNodes => ({
  sums: standIn([size]),
  health: standIn([HEALTH.words], 'int32'),
});

/** Bytes that so many numbers take on the GPU. */
export const bytesOfStepMetrics = (size: number): number =>
  bytesOf(size, 'float32') + bytesOf(HEALTH.words, 'int32') + READINGS * 4 * (size + 1);
