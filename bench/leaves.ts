/** Inputs of the measured kernels: memory on the device, filled there with noise where it can be large. */

import { add, bytesOf, dropout, fullNode, Plan, sizeOf, storedNode } from '../src/graph.ts';
import type { Device, Dtype, HostArray, Node, Shape } from '../src/index.ts';
import type { Storage } from '../src/op.ts';

/** What a kernel reads: float32 noise between `low` and `low` + 2, or values from the host, made when they are needed. */
export interface Leaf {
  readonly shape: Shape;
  readonly dtype: Dtype;
  readonly source: { readonly low: number } | { values(): HostArray };
}

/** Noise around zero: half of it passes a ReLU. */
export const signed = (...shape: number[]): Leaf => ({ shape, dtype: 'float32', source: { low: -1 } });
export const positive = (...shape: number[]): Leaf => ({ shape, dtype: 'float32', source: { low: 0 } });
/** Whole numbers from 0 to `below`, in an order that no cache foresees. */
export const ids = (count: number, below: number): Leaf => ({
  shape: [count],
  dtype: 'int32',
  source: { values: () => Int32Array.from({ length: count }, (_, i) => (i * 7919) % below) },
});
export const bytes = (...shape: number[]): Leaf => ({
  shape,
  dtype: 'uint8',
  source: { values: () => new Uint8Array(sizeOf(shape)).map((_, i) => i * 7919) },
});
export const words = (...values: number[]): Leaf => ({
  shape: [values.length],
  dtype: 'int32',
  source: { values: () => Int32Array.from(values) },
});

export const leafBytes = ({ shape, dtype }: Leaf): number => bytesOf(sizeOf(shape), dtype);

/** 16 levels, each as likely as the others: one coin a bit. */
function noise(shape: Shape, low: number, key: number): Node {
  const coins = [1, 2, 3, 4].map((bit) => dropout(fullNode(2 ** -bit, shape), 0.5, key * 4 + bit));
  return coins.reduce((sum, coin) => add(sum, coin), fullNode(low + 1 / 16));
}

/** Leaves in memory, as nodes. */
export class Inputs {
  readonly nodes: Node[] = [];
  readonly #device: Device;
  readonly #storages: Storage[] = [];

  private constructor(device: Device) {
    this.#device = device;
  }

  /** @throws OutOfMemoryError where one of them does not fit */
  static async of(device: Device, leaves: readonly Leaf[]): Promise<Inputs> {
    const inputs = new Inputs(device);
    try {
      for (const leaf of leaves) await inputs.#add(leaf);
      return inputs;
    } catch (error) {
      inputs.dispose();
      throw error;
    }
  }

  async #add({ shape, dtype, source }: Leaf): Promise<void> {
    const device = this.#device;
    if ('low' in source) {
      const root = noise(shape, source.low, this.nodes.length);
      const plan = await Plan.compile(device, [root]);
      plan.run([{ seed: 1, step: 0, position: 0, rates: [] }]);
      const storage = plan.keep(root);
      plan.dispose();
      this.#storages.push(storage);
      this.nodes.push(storedNode(storage, shape));
      return;
    }
    const storage = device.allocate(sizeOf(shape), dtype, 'an input of a kernel');
    device.write(storage, source.values());
    this.#storages.push(storage);
    this.nodes.push(storedNode(storage, shape, dtype));
  }

  dispose(): void {
    for (const storage of this.#storages) this.#device.free(storage);
  }
}
