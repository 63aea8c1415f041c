/** Eager use: runs the graph behind tensors once and keeps what was asked for. */

import { StateError } from './errors.ts';
import { defaultDevice } from './gpu/defaultDevice.ts';
import { Device } from './gpu/device.ts';
import { Plan } from './gpu/plan.ts';
import type { StepValues } from './gpu/step.ts';
import { topologicalOrder } from './graph/fuse.ts';
import type { Node } from './graph/node.ts';
import type { Storage } from './graph/storage.ts';
import { copy } from './ops/elementwise.ts';
import { cellOf, type VariableCell } from './ops/variable.ts';

export interface RunOptions {
  /** Default: where the graph's variables live, else the default device. */
  readonly device?: Device;
  readonly step?: StepValues;
}

/** The device on which a graph's memory lies, or null where it has none yet. */
function deviceOf(order: readonly Node[]): Device | null {
  for (const node of order) {
    const { lowering } = node.op;
    if (lowering.kind !== 'leaf') continue;
    const cell = cellOf(node);
    if (cell !== null && cell.storage === null) continue;
    const source = lowering.storage(node);
    if (source.kind === 'device' && source.storage.owner instanceof Device) return source.storage.owner;
  }
  return null;
}

/**
 * Runs everything that `values` and `effects` need, once. Returns the memory of each value, which the caller owns.
 */
export async function runOnce(
  values: readonly Node[],
  effects: readonly Node[] = [],
  options: RunOptions = {},
): Promise<{ device: Device; storages: Storage[] }> {
  const roots = [...values, ...effects];
  const order = topologicalOrder(roots);
  const known = options.device ?? deviceOf(order);
  const device = known ?? (await defaultDevice());
  for (const node of order) {
    const cell = cellOf(node);
    if (cell !== null && cell.storage === null) await initialise(cell, device);
  }
  return device.exclusive(async () => {
    const plan = await Plan.compile(device, roots);
    try {
      plan.run(options.step === undefined ? undefined : [options.step]);
      return { device, storages: values.map((value) => plan.keep(value)) };
    } finally {
      plan.dispose();
    }
  });
}

/** Gives a variable memory of its own that holds its first value. */
async function initialise(cell: VariableCell, device: Device): Promise<void> {
  const { initial } = cell;
  const { storages } = await runOnce([ownCopy(initial)], [], { device });
  if (cell.storage !== null) {
    device.free(storages[0]);
    return;
  }
  [cell.storage] = storages;
  device.releaseWith(cell, storages[0]);
}

/** Values in memory that nothing else uses. */
function ownCopy(node: Node): Node {
  if (node.dtype !== 'float32') {
    throw new StateError(`A variable holds float32, got ${node.dtype}. Convert the first value with cast('float32').`);
  }
  return copy(node);
}
