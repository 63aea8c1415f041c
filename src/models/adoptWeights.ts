/** First weights of models within a model: those that they have themselves. */

import { StateError } from '../base/errors.ts';
import { isOf } from '../ir/op.ts';
import { HeldModel } from '../network/heldModel.ts';
import type { Network } from '../network/network.ts';
import { data } from '../ops/leaf.ts';
import type { Device } from '../runtime/device.ts';

/**
 * Copies the weights of models that this network holds. `asked`: the device that it is to lie on, if that was said. Where they lie on a device, the network comes to lie there, too.
 * @throws StateError where they lie on several
 */
export function adoptWeights(network: Network, asked?: Device): void {
  if (!network.layers.some(({ layer }) => layer instanceof HeldModel)) return;
  const { places } = network;
  for (const { layer, name, holders, specs } of network.layers) {
    const model = holders.findLast((holder) => holder instanceof HeldModel && holder.origin !== null);
    const origin = model instanceof HeldModel ? model.origin : null;
    const own = origin?.layers.find((one) => one.layer === layer);
    if (origin === null || own === undefined) continue;
    for (const spec of specs) {
      const from = origin.places.find((place) => place.name === `${own.name}/${spec.name}`);
      const to = places.find((place) => place.name === `${name}/${spec.name}`);
      if (from !== undefined && to !== undefined) copyWeight(from, to, asked);
    }
  }
}

type Place = Network['places'][0];

/** A weight of one network becomes that of another one. */
export function copyWeight(from: Place, to: Place, asked?: Device): void {
  const { device } = from.block;
  if (device === null) {
    const value = from.block.values()[from.index];
    if (isOf(value, data) && value.attributes.values instanceof Float32Array)
      to.block.write(to.index, value.attributes.values);
    return;
  }
  to.block.attach(asked ?? device);
  if (to.block.device !== device) {
    throw new StateError(
      `'${to.name}' and other weights of models within it lie on several devices. Give all models one device.`,
    );
  }
  const [source, target] = [from, to].map(({ block, index }) => device.storageOf(block.nodes()[index]));
  const encoder = device.gpu.createCommandEncoder({ label: 'weights of a model within a model' });
  encoder.copyBufferToBuffer(source.buffer, source.offset, target.buffer, target.offset, source.bytes);
  device.gpu.queue.submit([encoder.finish()]);
}
