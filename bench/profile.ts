/** How long each kernel of a plan takes. */

import type { Plan, StepValues } from '../src/graph.ts';
import type { Device } from '../src/index.ts';

/** Runs a plan once with a GPU timestamp around every kernel. Empty where the adapter has no timestamps. */
export async function profile(
  device: Device,
  plan: Plan,
  values: StepValues,
): Promise<{ readonly label: string; readonly ms: number }[]> {
  const { gpu } = device;
  if (!gpu.features.has('timestamp-query')) return [];
  const { labels } = plan;
  const count = labels.length * 2;
  const querySet = gpu.createQuerySet({ type: 'timestamp', count });
  const resolved = device.createBuffer({
    label: 'timestamps',
    size: count * 8,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
  });
  plan.set(0, values);
  plan.writeSteps(1);
  const encoder = gpu.createCommandEncoder();
  for (let at = 0; at < labels.length; at++) {
    const pass = encoder.beginComputePass({
      timestampWrites: { querySet, beginningOfPassWriteIndex: at * 2, endOfPassWriteIndex: at * 2 + 1 },
    });
    plan.record(pass, 1, at, at + 1);
    pass.end();
  }
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  gpu.queue.submit([encoder.finish()]);
  const storage = { buffer: resolved, offset: 0, bytes: count * 8, owner: device };
  const words = await device.read(storage, 'int32', count * 2);
  const times = new BigUint64Array(words.buffer, 0, count);
  querySet.destroy();
  device.destroyBuffer(resolved);
  return labels.map((label, at) => ({ label, ms: Number(times[at * 2 + 1] - times[at * 2]) / 1e6 }));
}
