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
import { checkRuledInputs } from './data/checkData.ts';
import { Order, uploadExamples } from './data/gpuDataset.ts';
import { takePassOptions } from './fitOptions.ts';
import { fitting } from './fitting.ts';
import { layersFor } from './loop/epochPass.ts';
import { iota } from './loop/evaluator.ts';
import { InFlight } from './loop/inFlight.ts';

export interface PredictOptions {
  /** Default 32. */
  readonly batchSize?: number;
  /** Whose hooks of predictions are called; a batch has then been sent to the GPU, not necessarily finished. */
  readonly callbacks?: readonly Callback[];
}

export const takePredictOptions = (options: PredictOptions): PredictOptions =>
  takePassOptions('predict', options, { batchSize: true, callbacks: true });

/** The outputs [examples, ...] of inputs [examples, ...], on the host. Batches too large for the device are made smaller. */
export async function predict(
  model: CallbackModel,
  device: Device,
  network: Network,
  x: readonly Tensor[],
  { batchSize = 32, callbacks: given = [] }: PredictOptions,
  pauses: Pauses,
): Promise<Tensor[]> {
  checkRuledInputs('predict', x, network);
  const { x: rows } = await uploadExamples(device, x, [], null);
  const [{ count }] = rows;
  const order = new Order(device, count);
  order.write(iota(0, count));
  const results = network.outputShapes.map((shape) => {
    const width = sizeOf(shape);
    return { width, values: new Float32Array(count * width), shape: [count, ...shape] };
  });
  const plans = new Map<number, { plan: Plan; outputs: readonly Node[] }>();
  const readings = new InFlight();
  const step = (size: number): Step => {
    const { outputs, activations } = inference(
      network,
      rows.map((one) => one.batch(order.node, size)),
    );
    return { effects: outputs.map((output) => copy(output)), activations };
  };
  try {
    const most = await fitting({ device, network }, Math.min(batchSize, count), step);
    const params = {
      epochs: 1,
      steps: Math.ceil(count / most),
      samples: count,
      batchSize: most,
      verbose: 0,
      inputShape: network.inputShapes[0],
      classes: null,
      initialEpoch: 0,
      validationFreq: null,
    } as const;
    const callbacks = new CallbackList(given, model, params, pauses);
    await callbacks.onPredictBegin({});
    for (let position = 0; position < count; position += most) {
      const size = Math.min(most, count - position);
      await callbacks.onPredictBatchBegin(position / most, {});
      let entry = plans.get(size);
      if (entry === undefined) {
        const taken = step(size);
        const layers = await layersFor(device, { network, step: taken, products: [] });
        entry = { plan: await Plan.compile(device, taken.effects, { layers }), outputs: taken.effects };
        plans.set(size, entry);
      }
      await readings.room();
      entry.plan.run([{ seed: 0, step: 0, position, rates: [] }]);
      // Copied in the queue's order: the next batch may be computed meanwhile.
      const { plan, outputs } = entry;
      const reading = Promise.all(
        results.map(async ({ width, values }, at) => {
          values.set(await device.read(plan.storageOf(outputs[at]), 'float32', size * width), position * width);
        }),
      );
      readings.add(reading.then(() => {}));
      await callbacks.onPredictBatchEnd(position / most, {});
    }
    await readings.end();
    await callbacks.onPredictEnd({});
  } finally {
    for (const { plan } of plans.values()) plan.dispose();
    order.dispose();
    for (const one of rows) one.dispose();
  }
  return results.map(({ values, shape }) => tensor(values, shape));
}
