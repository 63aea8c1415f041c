/** Eager use: runs the graph behind tensors once and hands out what was asked for. */

import type { HostArray } from '../base/dtype.ts';
import { formatShape, type Shape, sizeOf } from '../base/shape.ts';
import { graphKey, scheduleKey } from '../compiler/graphKey.ts';
import { isOf, type LeafSource, type Node, type Target } from '../ir/op.ts';
import { rebuild } from '../ir/rebuild.ts';
import type { Storage } from '../ir/storage.ts';
import { resolve, topologicalOrder } from '../ir/walk.ts';
import { copy } from '../ops/elementwise.ts';
import { stored, storedNode } from '../ops/leaf.ts';
import { assignOp } from '../ops/update.ts';
import { cellOf, type VariableCell, variableInTurn } from '../ops/variable.ts';
import { defaultDevice } from './defaultDevice.ts';
import { Device } from './device.ts';
import { bytesOfEagerPlan, EagerPlan } from './eagerPlan.ts';
import { EAGER_BYTES, type KeptPlan } from './eagerPlans.ts';
import { scheduleWithin } from './scheduleWithin.ts';
import { NO_STEP, type StepValues } from './step.ts';

export interface RunOptions {
  /** Where to run what has no memory anywhere yet; default: the default device. */
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
    const device = homeDeviceOf(node);
    if (device !== null) return device;
  }
  return null;
}

/** The device on which a leaf's memory lies, or will because its first value's does. What cannot be read any more is told later. */
function homeDeviceOf(node: Node): Device | null {
  if (node.op.lowering.kind !== 'leaf') return null;
  const cell = cellOf(node);
  if (cell !== null && cell.storage === null) {
    return cell.initial === null ? null : deviceOf(topologicalOrder([cell.initial]));
  }
  const storage = cell?.storage ?? (isOf(node, stored) ? node.attributes.storage : null);
  const source = storage === null ? node.op.lowering.storage(node) : ({ kind: 'device', storage } as const);
  return source.kind === 'device' && source.storage.owner instanceof Device ? source.storage.owner : null;
}

/** What a run leaves behind: the memory of each value, which the caller owns. */
interface Ran {
  readonly device: Device;
  readonly storages: Storage[];
}

/** Runs everything that `values` and `effects` need, once. Writes to a variable follow each other as they were asked for. */
export function runOnce(
  values: readonly Node[],
  effects: readonly Node[] = [],
  options: RunOptions = {},
): Promise<Ran> {
  const cells = cellsWritten(effects);
  if (cells.length === 0) return runInTurn(values, effects, cells, options);
  const before = Promise.all(cells.map(({ writing }) => writing));
  const running = before.then(() => runInTurn(values, effects, cells, options));
  const writing = running.then(
    () => {},
    () => {},
  );
  for (const cell of cells) cell.writing = writing;
  return running;
}

/** The variables that effects write to. */
function cellsWritten(effects: readonly Node[]): VariableCell[] {
  return effects.flatMap(({ op: { lowering }, inputs }) =>
    lowering.kind !== 'effect' ? [] : inputs.slice(0, lowering.writes).flatMap((input) => cellOf(resolve(input)) ?? []),
  );
}

async function runInTurn(
  values: readonly Node[],
  effects: readonly Node[],
  written: readonly VariableCell[],
  options: RunOptions,
): Promise<Ran> {
  const order = topologicalOrder([...values, ...effects]);
  const device = deviceOf(order) ?? options.device ?? (await defaultDevice());
  for (;;) {
    const blank: Node[] = [];
    for (const node of order) if (!(await initialiseFor(node, order, effects, device))) blank.push(node);
    for (const cell of written) await serveWaiting(cell, device);
    // Some may have come meanwhile.
    const ran = await device.exclusive(async () =>
      written.some(({ waiting }) => waiting.size > 0)
        ? null
        : withMemory(blank, device, () => runNow(values, effects, order, device, options)),
    );
    if (ran !== null) return ran;
  }
}

/**
 * Gives the variable of a node, if it is one, its first value. False where that cannot be computed any more, and the
 * variable needs none because it is written over as a whole.
 */
async function initialiseFor(
  node: Node,
  order: readonly Node[],
  effects: readonly Node[],
  device: Device,
): Promise<boolean> {
  const cell = cellOf(node);
  if (cell === null) return true;
  try {
    await initialise(cell, device);
    return true;
  } catch (error) {
    const isAssigned = effects.some((effect) => isOf(effect, assignOp) && resolve(effect.inputs[0]) === node);
    const isRead =
      order.some((other) => other !== node && cellOf(other) === cell) ||
      effects.some((effect) => effect.inputs.includes(node) && !isOf(effect, assignOp));
    if (!isAssigned || isRead) throw error;
    return false;
  }
}

/**
 * Does the run that writes over variables which have no first value. They have memory only from this turn on: whoever
 * reads one before is told that there is no value, and so is everybody where the run fails.
 */
async function withMemory<T>(variables: readonly Node[], device: Device, run: () => Promise<T>): Promise<T> {
  const given: { readonly cell: VariableCell; readonly storage: Storage }[] = [];
  try {
    for (const node of variables) {
      const cell = cellOf(node);
      if (cell === null || cell.storage !== null) continue;
      const storage = device.allocate(sizeOf(node.shape), 'float32', 'variable');
      cell.storage = storage;
      device.releaseWith(cell, storage);
      given.push({ cell, storage });
    }
    const ran = await run();
    for (const { cell } of given) cell.initial = null;
    return ran;
  } catch (error) {
    for (const { cell, storage } of given) {
      if (cell.storage === storage) cell.storage = null;
      if (!device.closed) device.free(storage);
    }
    throw error;
  }
}

/** Gives the variables that wait for a variable's present value theirs. Whoever uses one that cannot have it is told then. */
async function serveWaiting({ waiting }: VariableCell, device: Device): Promise<void> {
  const cells = [...waiting].flatMap((one) => one.deref() ?? []);
  waiting.clear();
  for (const cell of cells) await initialise(cell, device).catch(() => {});
}

async function runNow(
  values: readonly Node[],
  effects: readonly Node[],
  order: readonly Node[],
  device: Device,
  { step = NO_STEP, submitted }: RunOptions,
): Promise<Ran> {
  const roots = [...values, ...effects];
  device.check();
  const leaves = leavesOf(order, effects, device);
  if (leaves.stranger !== null) throw (await device.rare()).elsewhere(leaves.stranger, order);
  const key = graphKey(order, roots, (leaf) => leaves.keys.get(leaf) ?? '');
  // The target's choices may be for operations that only a rewriting pass makes.
  const keyFor = (target: Target): string => `${device.eager.numberOf(target)}\n${key}`;
  const plan = device.eager.ofGraph(keyFor(device.target)) ?? (await planFor(keyFor, values, roots, leaves, device));
  const lasting = device.eager.holds(plan);
  try {
    const now = typeof step === 'function' ? step() : step;
    if (device.beforeRun !== null) await device.beforeRun(plan, leaves.sources, now);
    plan.run(leaves.sources, now);
    const storages = lasting ? plan.copyOut() : plan.handOver();
    submitted?.();
    for (const storage of storages) device.eager.noteResult(storage);
    return { device, storages };
  } finally {
    if (!lasting) plan.dispose();
  }
}

interface Leaves {
  /** What stands for each leaf in the graph's key. */
  readonly keys: ReadonlyMap<Node, string>;
  /** The memory of those that are bound where they lie. */
  readonly bound: ReadonlyMap<Node, Storage>;
  /** The values of the others, in the graph's order. */
  readonly sources: readonly LeafSource[];
  /** One that lies on another device: nothing can be run, and those behind it are left out. */
  readonly stranger: Node | null;
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
  let stranger: Node | null = null;
  for (const node of order) {
    const { lowering } = node.op;
    if (lowering.kind !== 'leaf') continue;
    const source = lowering.storage(node);
    if (source.kind === 'device' && source.storage.owner !== device) {
      stranger = node;
      break;
    }
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
  return { keys, bound, sources, stranger };
}

/**
 * A plan for a graph that has none: of a graph built alike with other numbers, else a new one. It is kept unless it holds
 * too much. The plan knows none of the leaves themselves, only memory: else it would keep them from being collected.
 */
async function planFor(
  keyFor: (target: Target) => string,
  values: readonly Node[],
  roots: readonly Node[],
  { keys, bound }: Leaves,
  device: Device,
): Promise<KeptPlan> {
  if (device.prepare !== null) await device.prepare(roots);
  // Measuring may have chosen; the key and the schedule are of the same choices.
  const { target } = device;
  const key = keyFor(target);
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
    const planned = await scheduleWithin(asked, device, target);
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
  if (cell.initial !== initial || cell.storage !== null) {
    device.free(storages[0]);
    return;
  }
  [cell.storage] = storages;
  cell.initial = null;
  device.releaseWith(cell, storages[0]);
}

/** Reads a variable as it is when everything asked for before is done. */
export async function readVariable(cell: VariableCell, shape: Shape): Promise<HostArray> {
  await cell.writing;
  const node = variableInTurn(cell, shape);
  const device = deviceOf([node]) ?? (await defaultDevice());
  await initialise(cell, device);
  const { reading } = await device.exclusive(async () => {
    device.check();
    // The copy is taken in this turn, the waiting is not.
    return { reading: device.read(device.storageOf(node), 'float32', sizeOf(shape)) };
  });
  return reading;
}
