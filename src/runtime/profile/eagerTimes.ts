/** The times of every plan that eager work runs: each is measured before it runs, and what that has written is put back. */

import type { Schedule } from '../../compiler/schedule.ts';
import { isScratch } from '../../ir/op.ts';
import type { Storage } from '../../ir/storage.ts';
import { homeOf } from '../../ir/walk.ts';
import type { Device } from '../device.ts';
import { EagerPlan } from '../eagerPlan.ts';
import { type PlanTimes, type TimingOptions, timePlan } from './kernelTimes.ts';

/** A plan, what its kernels took, and how often it ran. */
export interface RunTimes {
  readonly schedule: Schedule;
  readonly times: PlanTimes;
  runs: number;
}

/** Does eager work on a device, and measures each plan that is run meanwhile, on its first run. In the order of these. */
export async function timeEager(
  device: Device,
  work: () => Promise<void>,
  options: TimingOptions,
): Promise<RunTimes[]> {
  const found = new Map<object, RunTimes>();
  const before = device.beforeRun;
  device.beforeRun = async (plan, sources, values) => {
    const known = found.get(plan);
    if (known !== undefined) known.runs++;
    else if (plan instanceof EagerPlan) {
      const { schedule } = plan.plan;
      const times = await withRestored(device, schedule, () => {
        // Brings the leaves to where the plan reads them.
        plan.run(sources, values);
        return timePlan(device, plan.plan, values, options);
      });
      found.set(plan, { schedule, times, runs: 1 });
    }
  };
  try {
    await work();
  } finally {
    device.beforeRun = before;
  }
  return [...found.values()];
}

/** Puts back what lay in the memory that outlives a plan, in which its kernels write. */
async function withRestored<T>(device: Device, schedule: Schedule, work: () => Promise<T>): Promise<T> {
  const copies = writtenBy(device, schedule).map((storage): [Storage, Storage] => {
    const buffer = device.acquireBuffer(storage.bytes, 'copy to be put back');
    return [storage, { buffer, offset: 0, bytes: storage.bytes, owner: device }];
  });
  try {
    copyAll(device, copies);
    return await work();
  } finally {
    if (!device.closed) {
      copyAll(
        device,
        copies.map(([from, to]) => [to, from]),
      );
      for (const [, { buffer }] of copies) device.releaseBuffer(buffer);
    }
  }
}

/** The memory of variables and other leaves that a plan writes to. */
function writtenBy(device: Device, { kernels }: Schedule): Storage[] {
  const written = new Map<string, Storage>();
  for (const { bindings } of kernels) {
    for (const { operand, access } of bindings) {
      if (access !== 'read_write' || isScratch(operand)) continue;
      const { home } = homeOf(operand);
      if (home.op.lowering.kind !== 'leaf') continue;
      const storage = device.storageOf(home);
      written.set(device.eager.placeOf(storage), storage);
    }
  }
  return [...written.values()];
}

function copyAll(device: Device, pairs: readonly (readonly [from: Storage, to: Storage])[]): void {
  if (pairs.length === 0) return;
  const encoder = device.gpu.createCommandEncoder({ label: 'copies' });
  for (const [from, to] of pairs) encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, to.bytes);
  device.gpu.queue.submit([encoder.finish()]);
}
