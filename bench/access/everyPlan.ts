/** Has every plan that a process makes note the accesses of its kernels, whoever makes it: a step of the bench, `fit`, a test. */

import { gpuTarget, Plan, storedNode } from '../../src/graph.ts';
import type { Device } from '../../src/index.ts';
import type { Probe, ProbedKernel } from './probe.ts';

/** A kernel whose trace lies on a device. */
interface Trace<T> {
  readonly device: Device;
  readonly probed: ProbedKernel<T>;
  readonly storage: ReturnType<Device['allocate']>;
}

/** What the kernels of plans note from now on. A plan binds one storage buffer more than planned: see `roomFor`. */
export class EveryPlan<T> {
  readonly #traces: Trace<T>[] = [];
  readonly #of = Plan.of;

  constructor(probe: Probe<T>) {
    const { of } = Plan;
    Plan.of = (device, planned, options) => {
      const kernels = planned.kernels.map((kernel) => {
        const probed = probe(kernel);
        const storage = device.allocate(probed.words, 'int32', 'accesses');
        device.write(storage, new Int32Array(storage.bytes / 4));
        this.#traces.push({ device, probed, storage });
        const operand = storedNode(storage, [probed.words], 'int32');
        const bindings = [...kernel.bindings, { operand, access: 'read_write' as const }];
        return { ...kernel, source: probed.source, bindings };
      });
      return of.call(Plan, device, { ...planned, kernels }, options);
    };
  }

  /** What the kernels have noted until now, in the order in which plans were made. */
  async *read(): AsyncGenerator<T> {
    for (const { device, probed, storage } of this.#traces) {
      const words = await device.read(storage, 'int32', probed.words);
      yield probed.read(new Uint32Array(words.buffer, words.byteOffset, words.length));
    }
  }

  /** Plans to come note nothing. */
  stop(): void {
    Plan.of = this.#of;
    for (const { device, storage } of this.#traces) if (!device.closed) device.free(storage);
    this.#traces.length = 0;
  }
}

/** Leaves one storage buffer of each kernel of plans to come for its trace. */
export function roomFor(device: Device): void {
  device.target = { ...device.target, maxStorageBuffers: device.target.maxStorageBuffers - 1 };
}

/** Has plans to come made for a GPU whose subgroups have so many lanes; null: it has no subgroups. */
export function planForGpu(device: Device, lanes: number | null): void {
  const { choices: _, ...target } = device.target;
  device.target = gpuTarget({ ...target, subgroups: lanes === null ? null : { min: lanes, max: lanes } });
}
