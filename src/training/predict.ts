/** The forward pass over many examples, batch after batch. */

import type { Device } from '../gpu/device.ts';
import { Plan } from '../gpu/plan.ts';
import type { Node } from '../graph/node.ts';
import { ALL_PASSES } from '../graph/passes.ts';
import { schedule } from '../graph/schedule.ts';
import { copy } from '../ops/elementwise.ts';
import { sizeOf } from '../shape.ts';
import { type Tensor, tensor } from '../tensor.ts';
import { Order, Rows } from './gpuDataset.ts';
import { InFlight } from './inFlight.ts';
import { largestFitting } from './memory.ts';
import type { Network } from './network.ts';

/** Outputs [examples, ...] of inputs [examples, ...], on the host. Batches too large for the device are made smaller. */
export async function predict(device: Device, network: Network, x: Tensor, batchSize: number): Promise<Tensor> {
  const rows = await Rows.of(device, x, 'inputs');
  const order = new Order(device, rows.count);
  order.write(Int32Array.from({ length: rows.count }, (_, i) => i));
  const width = sizeOf(network.outputShape);
  const result = new Float32Array(rows.count * width);
  const plans = new Map<number, { plan: Plan; output: Node }>();
  const readings = new InFlight();
  const outputOf = (size: number): Node => {
    const weights = { trainable: network.trainable.nodes(), fixed: network.fixed.nodes() };
    return copy(network.forward(rows.batch(order.node, size), false, weights).output);
  };
  try {
    const wanted = Math.min(batchSize, rows.count);
    const fitting = await largestFitting(device, wanted, (size) => [
      schedule([outputOf(size)], device.target, ALL_PASSES),
    ]);
    const most = Math.max(1, fitting);
    for (let position = 0; position < rows.count; position += most) {
      const size = Math.min(most, rows.count - position);
      let entry = plans.get(size);
      if (entry === undefined) {
        const output = outputOf(size);
        entry = { plan: await Plan.compile(device, [output]), output };
        plans.set(size, entry);
      }
      await readings.room();
      entry.plan.run([{ seed: 0, step: 0, position, rates: [] }]);
      // Copied in the queue's order: the next batch may be computed meanwhile.
      const reading = device.read(entry.plan.storageOf(entry.output), 'float32', size * width);
      readings.add(reading.then((values) => result.set(values, position * width)));
    }
    await readings.end();
  } finally {
    for (const { plan } of plans.values()) plan.dispose();
    order.dispose();
    rows.dispose();
  }
  return tensor(result, [rows.count, ...network.outputShape]);
}
