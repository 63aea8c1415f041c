/** The forward pass over many examples, batch after batch. */

import { sizeOf } from '../base/shape.ts';
import type { Pauses } from '../callbacks/callbackList.ts';
import { type Callback, CallbackList, type CallbackModel } from '../callbacks/index.ts';
import type { Node } from '../ir/op.ts';
import { inference, type Network } from '../network/network.ts';
import type { Step } from '../network/step.ts';
import { copy } from '../ops/elementwise.ts';
import type { Device } from '../runtime/device.ts';
import { Plan } from '../runtime/plan.ts';
import { tensor } from '../tensor/creation.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Order, Rows } from './data/gpuDataset.ts';
import { takePassOptions } from './fitOptions.ts';
import { fitting } from './fitting.ts';
import { layersFor } from './loop/epochPass.ts';
import { InFlight } from './loop/inFlight.ts';

export interface PredictOptions {
  /** Default 32. */
  readonly batchSize?: number;
  /** Whose hooks of predictions are called; a batch has then been sent to the GPU, not necessarily finished. */
  readonly callbacks?: readonly Callback[];
}

export const takePredictOptions = (options: PredictOptions): PredictOptions =>
  takePassOptions('predict', options, { batchSize: true, callbacks: true });

/** Outputs [examples, ...] of inputs [examples, ...], on the host. Batches too large for the device are made smaller. */
export async function predict(
  model: CallbackModel,
  device: Device,
  network: Network,
  x: Tensor,
  { batchSize = 32, callbacks: given = [] }: PredictOptions,
  pauses: Pauses,
): Promise<Tensor> {
  const rows = await Rows.of(device, x, 'inputs');
  const order = new Order(device, rows.count);
  order.write(Int32Array.from({ length: rows.count }, (_, i) => i));
  const width = sizeOf(network.outputShape);
  const result = new Float32Array(rows.count * width);
  const plans = new Map<number, { plan: Plan; output: Node }>();
  const readings = new InFlight();
  const step = (size: number): Step & { readonly output: Node } => {
    const forward = inference(network, rows.batch(order.node, size));
    const output = copy(forward.output);
    return { effects: [output], activations: forward.activations, output };
  };
  try {
    const most = await fitting({ device, network }, Math.min(batchSize, rows.count), step);
    const params = {
      epochs: 1,
      steps: Math.ceil(rows.count / most),
      samples: rows.count,
      batchSize: most,
      verbose: 0,
      inputShape: network.inputShape,
      classes: null,
      initialEpoch: 0,
      validationFreq: null,
    } as const;
    const callbacks = new CallbackList(given, model, params, pauses);
    await callbacks.onPredictBegin({});
    for (let position = 0; position < rows.count; position += most) {
      const size = Math.min(most, rows.count - position);
      await callbacks.onPredictBatchBegin(position / most, {});
      let entry = plans.get(size);
      if (entry === undefined) {
        const taken = step(size);
        const { output, effects } = taken;
        const layers = await layersFor(device, { network, step: taken, products: [] });
        entry = { plan: await Plan.compile(device, effects, { layers }), output };
        plans.set(size, entry);
      }
      await readings.room();
      entry.plan.run([{ seed: 0, step: 0, position, rates: [] }]);
      // Copied in the queue's order: the next batch may be computed meanwhile.
      const reading = device.read(entry.plan.storageOf(entry.output), 'float32', size * width);
      readings.add(reading.then((values) => result.set(values, position * width)));
      await callbacks.onPredictBatchEnd(position / most, {});
    }
    await readings.end();
    await callbacks.onPredictEnd({});
  } finally {
    for (const { plan } of plans.values()) plan.dispose();
    order.dispose();
    rows.dispose();
  }
  return tensor(result, [rows.count, ...network.outputShape]);
}
