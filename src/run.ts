/** Eager use: runs the graph behind tensors once and hands out what was asked for. */

import { StateError } from './errors.ts';
import { defaultDevice } from './gpu/defaultDevice.ts';
import { Device } from './gpu/device.ts';
import { bytesOfEagerPlan, EagerPlan } from './gpu/eagerPlan.ts';
import { EAGER_BYTES } from './gpu/eagerPlans.ts';
import { NO_STEP, type StepValues } from './gpu/step.ts';
import { resolve, topologicalOrder } from './graph/fuse.ts';
import { graphKey, scheduleKey } from './graph/graphKey.ts';
import type { HostArray, LeafSource, Node } from './graph/node.ts';
import { rebuild } from './graph/rebuild.ts';
import { scheduleWithin } from './graph/scheduleWithin.ts';
import type { Storage } from './graph/storage.ts';
import { copy } from './ops/elementwise.ts';
import { storedNode } from './ops/leaf.ts';
import { cellOf, type VariableCell, variableNow } from './ops/variable.ts';
import { formatShape, sizeOf } from './shape.ts';

export interface RunOptions {
  /** Default: where the graph's variables live, else the default device. */
  readonly device?: Device;
  /** The step's values, or what tells them when the run's turn has come. */
  readonly step?: StepValues | (() => StepValues);
  /** Called once the run was submitted, before any other may begin. */
  readonly submitted?: () => void;
}

/** Leaves up to this size are copied into a plan's own memory: larger ones are worth a plan of their own. */
const COPIED_BYTES = 16 * 2 ** 20;

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
  { device: wanted, step = NO_STEP, submitted }: RunOptions = {},
): Promise<{ device: Device; storages: Storage[] }> {
  const roots = [...values, ...effects];
  const order = topologicalOrder(roots);
  const device = wanted ?? deviceOf(order) ?? (await defaultDevice());
  for (const node of order) {
    const cell = cellOf(node);
    if (cell !== null) await initialise(cell, device);
  }
  return device.exclusive(async () => {
    device.check();
    const leaves = leavesOf(order, effects, device);
    const key = graphKey(order, roots, device.target, (leaf) => leaves.keys.get(leaf) ?? '');
    const plan = device.eager.ofGraph(key) ?? (await planFor(key, values, roots, leaves, device));
    const lasting = device.eager.holds(plan);
    try {
      plan.run(leaves.sources, typeof step === 'function' ? step() : step);
      const storages = lasting ? plan.copyOut() : plan.handOver();
      submitted?.();
      for (const storage of storages) device.eager.noteResult(storage);
      return { device, storages };
    } finally {
      if (!lasting) plan.dispose();
    }
  });
}

interface Leaves {
  /** What stands for each leaf in the graph's key. */
  readonly keys: ReadonlyMap<Node, string>;
  /** The memory of those that are bound where they lie. */
  readonly bound: ReadonlyMap<Node, Storage>;
  /** The values of the others, in the graph's order. */
  readonly sources: readonly LeafSource[];
}

function leavesOf(order: readonly Node[], effects: readonly Node[], device: Device): Leaves {
  const written = new Set<Node>();
  for (const { op, inputs } of effects) {
    if (op.lowering.kind === 'effect')
      for (const input of inputs.slice(0, op.lowering.writes)) written.add(resolve(input));
  }
  const keys = new Map<Node, string>();
  const bound = new Map<Node, Storage>();
  const sources: LeafSource[] = [];
  for (const node of order) {
    const { lowering } = node.op;
    if (lowering.kind !== 'leaf') continue;
    const source = lowering.storage(node);
    if (source.kind === 'device' && source.storage.owner !== device) throw elsewhere(node, order);
    const copied =
      source.kind === 'host'
        ? source.values.byteLength <= COPIED_BYTES
        : source.storage.bytes <= COPIED_BYTES && device.eager.isResult(source.storage);
    if (copied && cellOf(node) === null && !written.has(node)) {
      keys.set(node, 'copied');
      sources.push(source);
    } else {
      const storage = device.storageOf(node);
      keys.set(node, device.eager.placeOf(storage));
      bound.set(node, storage);
    }
  }
  return { keys, bound, sources };
}

/** The error of a leaf that lies on another device than what it is computed with. */
function elsewhere(leaf: Node, order: readonly Node[]): StateError {
  const user = order.find(({ inputs }) => inputs.includes(leaf));
  const what = `a ${cellOf(leaf) === null ? 'tensor' : 'variable'} ${formatShape(leaf.shape)}`;
  return new StateError(
    `${user === undefined ? what : `${user.op.name}: argument ${user.inputs.indexOf(leaf)}, ${what},`} lies on another device than ` +
      'what it is computed with. Read it with data() and make a new one from the values.',
  );
}

/**
 * A plan for a graph that has none: of a graph built alike with other numbers, else a new one. It is kept unless it holds
 * too much. The plan knows none of the leaves themselves, only memory: else it would keep them from being collected.
 */
async function planFor(
  key: string,
  values: readonly Node[],
  roots: readonly Node[],
  { keys, bound }: Leaves,
  device: Device,
): Promise<EagerPlan> {
  if (device.prepare !== null) await device.prepare(roots);
  const own: Storage[] = [];
  try {
    const places = new Map<Node, string>();
    const replaced = rebuild(roots, (node) => {
      if (!keys.has(node)) return null;
      const { shape, dtype } = node;
      const lent = bound.get(node);
      const storage =
        lent === undefined
          ? device.allocate(sizeOf(shape), dtype, `tensor ${dtype} ${formatShape(shape)}`)
          : { ...lent };
      const leaf = storedNode(storage, shape, dtype);
      places.set(leaf, lent === undefined ? `own ${own.length}` : device.eager.placeOf(storage));
      if (lent === undefined) own.push(storage);
      return leaf;
    });
    const now = (node: Node): Node => replaced.get(node) ?? node;
    const asked = roots.map(now);
    const planned = await scheduleWithin(asked, device);
    const sizes = own.map(({ bytes }) => bytes).join();
    const alike = `${sizes}\n${scheduleKey(planned, asked, (leaf) => places.get(leaf) ?? '')}`;
    const known = device.eager.ofSchedule(alike, key);
    if (known !== undefined) {
      for (const storage of own) device.free(storage);
      known.renumber(planned.kernels);
      return known;
    }
    const plan = await EagerPlan.of(device, planned, {
      graphKey: key,
      scheduleKey: alike,
      values: values.map(now),
      own,
    });
    if (bytesOfEagerPlan(device, planned, own) <= EAGER_BYTES) device.eager.add(plan);
    return plan;
  } catch (error) {
    if (!device.closed) for (const storage of own) device.free(storage);
    throw error;
  }
}

/** Gives a variable memory of its own that holds its first value, once. */
async function initialise(cell: VariableCell, device: Device): Promise<void> {
  const { initial } = cell;
  if (initial === null) return;
  const { storages } = await runOnce([copy(initial)], [], { device });
  if (cell.initial === null) {
    device.free(storages[0]);
    return;
  }
  [cell.storage] = storages;
  cell.initial = null;
  device.releaseWith(cell, storages[0]);
}

/** Reads a variable as it is when everything asked for before is done. */
export async function readVariable(node: Node): Promise<HostArray> {
  const device = deviceOf([node]) ?? (await defaultDevice());
  const cell = cellOf(node);
  if (cell !== null) await initialise(cell, device);
  const { reading } = await device.exclusive(async () => {
    device.check();
    // The copy is taken in this turn, the waiting is not.
    return { reading: device.read(device.storageOf(variableNow(node)), node.dtype, sizeOf(node.shape)) };
  });
  return reading;
}
