/**
 * A plan for graphs that are built alike. Small leaves (a batch given by the host, an earlier result) have memory of the
 * plan's own, to which their values are copied before a run; variables and large leaves are bound where they lie, and the
 * plan serves only them. Results are copied out, so a run makes no bind group, and no buffer while the pool has some.
 */

import type { HostArray } from '../base/dtype.ts';
import type { ScheduledKernel } from '../compiler/kernelText.ts';
import type { Schedule } from '../compiler/schedule.ts';
import type { LeafSource, Node } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import type { Device } from './device.ts';
import { bytesOfPlan, Plan } from './plan.ts';
import type { StepValues } from './step.ts';

/** A leaf's memory within a plan, and what lies there; held weakly, since the plan may outlive it by far. */
class OwnLeaf {
  readonly storage: Storage;
  #values: WeakRef<HostArray | Storage> | null = null;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  /** Brings the values here unless they are here already. */
  fill(device: Device, source: LeafSource, encoder: () => GPUCommandEncoder): void {
    const values = source.kind === 'host' ? source.values : source.storage;
    if (this.#values?.deref() === values) return;
    if (source.kind === 'host') device.write(this.storage, source.values);
    else copy(encoder(), source.storage, this.storage);
    this.#values = new WeakRef(values);
  }
}

function copy(encoder: GPUCommandEncoder, from: Storage, to: Storage): void {
  encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, to.bytes);
}

export interface EagerPlanOptions {
  readonly graphKey: string;
  readonly scheduleKey: string;
  /** The nodes whose values are wanted. */
  readonly values: readonly Node[];
  /** Memory for the leaves that are copied, in the order in which a run gives them. */
  readonly own: readonly Storage[];
}

/** Bytes that a plan of a schedule and its own leaves hold. */
export const bytesOfEagerPlan = (device: Device, planned: Schedule, own: readonly Storage[]): number =>
  bytesOfPlan(planned, 1, device.stepStride) + own.reduce((sum, { bytes }) => sum + bytes, 0);

export class EagerPlan {
  /** The graph that it ran last. */
  graphKey: string;
  readonly scheduleKey: string;
  readonly bytes: number;
  readonly #device: Device;
  readonly plan: Plan;
  readonly #values: readonly Node[];
  readonly #leaves: readonly OwnLeaf[];

  private constructor(device: Device, plan: Plan, { graphKey, scheduleKey, values, own }: EagerPlanOptions) {
    this.graphKey = graphKey;
    this.scheduleKey = scheduleKey;
    this.bytes = bytesOfEagerPlan(device, plan.schedule, own);
    this.#device = device;
    this.plan = plan;
    this.#values = values;
    this.#leaves = own.map((storage) => new OwnLeaf(storage));
  }

  static async of(device: Device, planned: Schedule, options: EagerPlanOptions): Promise<EagerPlan> {
    return new EagerPlan(device, await Plan.of(device, planned), options);
  }

  /** Gives the kernels the numbers of others that are the same in everything else. */
  renumber(kernels: readonly ScheduledKernel[]): void {
    this.plan.renumber(kernels);
  }

  /** Submits one run on these leaves. */
  run(sources: readonly LeafSource[], step: StepValues): void {
    this.#encode((encoder) => {
      for (const [at, leaf] of this.#leaves.entries()) leaf.fill(this.#device, sources[at], encoder);
    });
    this.plan.run([step]);
  }

  /** The values of the last run in memory of the caller's own. */
  copyOut(): Storage[] {
    const device = this.#device;
    const copies = this.#values.map((value): [Storage, Storage] => {
      const from = this.plan.storageOf(value);
      const { bytes } = from;
      const buffer = device.acquireBuffer(bytes, 'result');
      return [from, { buffer, offset: 0, bytes, owner: device }];
    });
    this.#encode((encoder) => {
      for (const [from, to] of copies) copy(encoder(), from, to);
    });
    return copies.map(([, to]) => to);
  }

  /** The values of the last run where they are: this is the plan's last one, the memory is the caller's. */
  handOver(): Storage[] {
    return this.#values.map((value) => this.plan.keep(value));
  }

  /** Gives back the memory. Work already submitted still completes. */
  dispose(): void {
    this.plan.dispose();
    for (const { storage } of this.#leaves) this.#device.free(storage);
  }

  /** Submits what `record` encodes, if it asks for an encoder at all. */
  #encode(record: (encoder: () => GPUCommandEncoder) => void): void {
    let encoder: GPUCommandEncoder | null = null;
    record(() => {
      encoder ??= this.#device.gpu.createCommandEncoder({ label: 'copies' });
      return encoder;
    });
    submit(this.#device, encoder);
  }
}

function submit(device: Device, encoder: GPUCommandEncoder | null): void {
  if (encoder !== null) device.gpu.queue.submit([encoder.finish()]);
}
