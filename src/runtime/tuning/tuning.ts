/** Finds by measurement which variant of an operation is fastest on a device, shape by shape. */

import { KernelError } from '../../base/errors.ts';
import { uniform } from '../../base/random.ts';
import { sizeOf } from '../../base/shape.ts';
import { ALL_PASSES } from '../../compiler/rewrite/passes.ts';
import { schedule } from '../../compiler/schedule.ts';
import { createNode, type KernelVariant, type KernelVariants, type Node } from '../../ir/op.ts';
import { storedNode } from '../../ops/leaf.ts';
import type { Device } from '../device.ts';
import { Plan } from '../plan.ts';
import { NO_STEP } from '../step.ts';
import { writeChoices } from './tuningStore.ts';

export interface Candidate {
  readonly name: string;
  /** Milliseconds of one run, the median; null where it was given up: it does not compile, or is far behind. */
  readonly ms: number | null;
}

/** What was measured of one operation and shape. */
export interface Tuned {
  readonly key: string;
  /** The default first. */
  readonly candidates: readonly Candidate[];
  readonly winner: string;
  /** Times that the winner is as fast as the default. */
  readonly gain: number;
}

export interface TuningOptions {
  /** Told of every shape as it is done. */
  readonly report?: (tuned: Tuned) => void;
  /** Measures shapes again that have a winner. Default false. */
  readonly again?: boolean;
}

/** A candidate must take at most this share of the default's time, and their quartiles must not overlap. */
const MARGIN = 0.95;
const ROUNDS = 9;
/** Length of a sample, reached by replaying; waiting may end a millisecond late. */
const SAMPLE_MS = 25;
const MOST_REPLAYS = 500;
/** A candidate this many times as slow as the best, twice, is given up. */
const FAR_BEHIND = 2.5;

/** Has a device measure what it has no winner for whenever a plan is made, one plan after the other. */
export function tuneAsNeeded(device: Device): void {
  let last: Promise<unknown> = Promise.resolve();
  device.prepare = async (roots) => {
    const mine = last.then(() => tuneGraph(device, roots));
    last = mine.catch(() => {});
    await mine;
  };
}

/** Measures whatever a graph's plan could choose and has no winner yet; keeps the winners for later runs. */
export async function tuneGraph(device: Device, roots: readonly Node[], options?: TuningOptions): Promise<Tuned[]> {
  const { tunable } = schedule(roots, device.target, ALL_PASSES);
  return tuneNodes(device, tunable, options);
}

/** Measures nodes that can be computed in several ways; the same shape once. */
export async function tuneNodes(
  device: Device,
  nodes: readonly Node[],
  { report, again = false }: TuningOptions = {},
): Promise<Tuned[]> {
  const results: Tuned[] = [];
  const seen = new Set<string>();
  for (const node of nodes) {
    const variants = variantsOf(node);
    if (variants === null) continue;
    const key = variants.key(node);
    if (seen.has(key) || (!again && device.choices.has(key))) continue;
    seen.add(key);
    const offered = variants.offered(node, device.target).filter(({ hopeless }) => hopeless !== true);
    const tuned = await compete(device, node, key, offered);
    device.choices.set(key, tuned.winner);
    results.push(tuned);
    report?.(tuned);
  }
  if (results.length > 0) {
    await writeChoices(device.info.name, new Map(results.map(({ key, winner }) => [key, winner])));
  }
  return results;
}

function variantsOf(node: Node): KernelVariants<unknown> | null {
  const { lowering } = node.op;
  return lowering.kind === 'kernel' ? (lowering.variants ?? null) : null;
}

class Runner {
  readonly name: string;
  readonly plan: Plan;
  readonly samples: number[] = [];
  givenUp = false;

  constructor(name: string, plan: Plan) {
    this.name = name;
    this.plan = plan;
  }

  /** The sample that a share of the samples lies below. */
  at(share: number): number {
    return [...this.samples].sort((a, b) => a - b)[Math.floor((this.samples.length - 1) * share)];
  }

  /** Milliseconds of one of `replays` runs in one submission. */
  async time(device: Device, replays: number): Promise<number> {
    this.plan.run(Array.from({ length: replays }, () => NO_STEP));
    const submitted = performance.now();
    await device.finish();
    return (performance.now() - submitted) / replays;
  }
}

async function compete(device: Device, node: Node, key: string, offered: readonly KernelVariant[]): Promise<Tuned> {
  const [{ name: standard }] = offered;
  const storages = node.inputs.map(({ shape }) => device.allocate(sizeOf(shape), 'float32', 'noise'));
  const runners: Runner[] = [];
  try {
    node.inputs.forEach(({ shape }, at) => {
      device.write(storages[at], uniform(sizeOf(shape), { seed: at + 1, low: -1, high: 1 }));
    });
    const alone = createNode(
      node.op,
      node.inputs.map(({ shape }, at) => storedNode(storages[at], shape)),
      node.attributes,
    );
    for (const { name } of offered) {
      const plan = await compileAs(device, alone, key, name, name === standard);
      if (plan !== null) runners.push(new Runner(name, plan));
    }
    await race(device, runners);
  } finally {
    for (const { plan } of runners) plan.dispose();
    for (const storage of storages) device.free(storage);
  }
  const candidates = offered.map(({ name }) => {
    const runner = runners.find((one) => one.name === name);
    return { name, ms: runner === undefined || runner.givenUp ? null : runner.at(1 / 2) };
  });
  const [first, ...others] = runners;
  const winner = others
    .filter((one) => !one.givenUp && one.at(1 / 2) <= first.at(1 / 2) * MARGIN && one.at(3 / 4) < first.at(1 / 4))
    .reduce((best, one) => (one.at(1 / 2) < best.at(1 / 2) ? one : best), first);
  return { key, candidates, winner: winner.name, gain: first.at(1 / 2) / winner.at(1 / 2) };
}

/** The plan of one variant; null where the driver refuses it and it is not the default. */
async function compileAs(device: Device, node: Node, key: string, name: string, must: boolean): Promise<Plan | null> {
  try {
    return await withChoice(device, key, name, () => Plan.compile(device, [node], { maxSteps: MOST_REPLAYS }));
  } catch (error) {
    if (must || !(error instanceof KernelError)) throw error;
    return null;
  }
}

/**
 * Begins some work under one choice and without measuring for it. The kernels of a plan are chosen before the first await,
 * so plans that others make meanwhile see nothing of it.
 */
function withChoice<T>(device: Device, key: string, name: string, begin: () => T): T {
  const { choices, prepare } = device;
  const before = choices.get(key);
  choices.set(key, name);
  device.prepare = null;
  try {
    return begin();
  } finally {
    device.prepare = prepare;
    if (before === undefined) choices.delete(key);
    else choices.set(key, before);
  }
}

/** Samples all in turn, so that what else the machine does meets all alike. */
async function race(device: Device, runners: readonly Runner[]): Promise<void> {
  // The first run also maps memory.
  for (const runner of runners) await runner.time(device, 1);
  let best = Number.POSITIVE_INFINITY;
  for (const runner of runners) best = Math.min(best, await runner.time(device, 1));
  const replays = Math.max(1, Math.min(MOST_REPLAYS, Math.round(SAMPLE_MS / best)));
  for (let round = 0; round < ROUNDS; round++) {
    // Every other round backwards: nobody always follows the same one.
    const order = round % 2 === 0 ? runners : [...runners].reverse();
    for (const runner of order) if (!runner.givenUp) runner.samples.push(await runner.time(device, replays));
    if (round === 0) continue;
    const fastest = Math.min(...runners.map((runner) => runner.at(0)));
    // Never the default: the others are compared with it.
    for (const runner of runners.slice(1)) runner.givenUp ||= runner.at(0) > fastest * FAR_BEHIND;
  }
}
