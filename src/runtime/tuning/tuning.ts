/** Finds by measurement which variant of an operation is fastest on a device, shape by shape. */

import { DeviceError } from '../../base/errors.ts';
import { uniform } from '../../base/random.ts';
import { sizeOf } from '../../base/shape.ts';
import { type Schedule, schedule } from '../../compiler/schedule.ts';
import { createNode, type KernelVariant, type Node, type Target, variantsOf } from '../../ir/op.ts';
import { withChoices } from '../../ir/target.ts';
import { storedNode } from '../../ops/leaf.ts';
import { loadLayers, needsLayers } from '../../ops/loadWays.ts';
import type { Device } from '../device.ts';
import { Plan } from '../plan.ts';
import { scheduleWithin } from '../scheduleWithin.ts';
import { NO_STEP } from '../step.ts';
import { writeChoices } from './tuningStore.ts';

export interface Candidate {
  readonly name: string;
  /** Milliseconds of one run, the median; null where it was given up: the device refuses it, or it is far behind. */
  readonly ms: number | null;
  /** Why the device refuses it; null where it does not. */
  readonly refusal: string | null;
}

/** What was measured of one operation and shape. */
export interface Tuned {
  readonly key: string;
  /** The default first. */
  readonly candidates: readonly Candidate[];
  readonly winner: string;
  /** Times that the winner is as fast as the default, from a measurement of these two alone. */
  readonly gain: number;
}

/** What a call has measured. */
export interface Tuning {
  readonly shapes: readonly Tuned[];
  /** Where the winners are kept for later runs; null where they are not. */
  readonly keptIn: string | null;
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
/** Length of every candidate's samples, reached by replaying; submitting takes its time, and waiting may end a millisecond late. */
const SAMPLE_MS = 25;
const MOST_REPLAYS = 2000;
/** Most times as many replays from one look at their length to the next. */
const GROWTH = 8;
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
export async function tuneGraph(device: Device, roots: readonly Node[], options?: TuningOptions): Promise<Tuning> {
  const { tunable } = await scheduleWithin(roots, device);
  return tuneNodes(device, tunable, options);
}

/** Measures nodes that can be computed in several ways; the same shape once. */
export async function tuneNodes(
  device: Device,
  nodes: readonly Node[],
  { report, again = false }: TuningOptions = {},
): Promise<Tuning> {
  const shapes: Tuned[] = [];
  const seen = new Set<string>();
  if (needsLayers(nodes)) await loadLayers(device.target.ways);
  for (const node of nodes) {
    const variants = variantsOf(node);
    if (variants === null) continue;
    const key = variants.key(node);
    const offered = variants.offered(node, device.target);
    if (offered.length < 2) continue;
    const chosen = device.target.choices?.get(key);
    // A choice that is not offered any more is none.
    const isChosen = offered.some(({ name }) => name === chosen);
    if (seen.has(key) || (!again && isChosen)) continue;
    seen.add(key);
    const tuned = await compete(
      device,
      node,
      key,
      offered.filter(({ hopeless }, at) => at === 0 || hopeless !== true),
    );
    device.choose(new Map([[key, tuned.winner]]));
    shapes.push(tuned);
    report?.(tuned);
  }
  const winners = new Map(shapes.map(({ key, winner }) => [key, winner]));
  return { shapes, keptIn: winners.size > 0 ? await writeChoices(device.info, winners) : null };
}

/** The kernels of a node alone as one of its variants computes it; `key`: the node's. */
export const scheduleAs = (node: Node, key: string, name: string, target: Target): Schedule =>
  schedule([node], withChoices(target, new Map([[key, name]])), () => []);

class Runner {
  readonly name: string;
  readonly plan: Plan;
  /** Runs of a sample. */
  replays: number;
  readonly samples: number[] = [];
  givenUp = false;

  constructor(name: string, plan: Plan, replays = 1) {
    this.name = name;
    this.plan = plan;
    this.replays = replays;
  }

  /** Replays as often as a sample takes: of few runs, what comes with each submission would be most of the time. */
  async calibrate(device: Device): Promise<void> {
    for (;;) {
      // The shorter of two: what else the machine does lengthens one.
      const ms = Math.min(await this.time(device), await this.time(device));
      const wanted = Math.max(1, Math.min(MOST_REPLAYS, Math.round(SAMPLE_MS / ms), this.replays * GROWTH));
      if (wanted <= this.replays * 1.5) return;
      this.replays = wanted;
    }
  }

  /** The sample that a share of the samples lies below. */
  at(share: number): number {
    return [...this.samples].sort((a, b) => a - b)[Math.floor((this.samples.length - 1) * share)];
  }

  readonly isBeatenBy = (other: Runner): boolean =>
    !other.givenUp && other.at(1 / 2) <= this.at(1 / 2) * MARGIN && other.at(3 / 4) < this.at(1 / 4);

  /** Milliseconds of a run: of all in one submission, divided. */
  async time(device: Device): Promise<number> {
    this.plan.run(Array.from({ length: this.replays }, () => NO_STEP));
    const submitted = performance.now();
    await device.finish();
    return (performance.now() - submitted) / this.replays;
  }
}

async function compete(device: Device, node: Node, key: string, offered: readonly KernelVariant[]): Promise<Tuned> {
  const [{ name: standard }] = offered;
  const storages = node.inputs.map(({ shape }) => device.allocate(sizeOf(shape), 'float32', 'noise'));
  const runners: Runner[] = [];
  const refusals = new Map<string, string>();
  let winner: Winner;
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
      try {
        const planned = scheduleAs(alone, key, name, device.target);
        runners.push(new Runner(name, await Plan.of(device, planned, { maxSteps: MOST_REPLAYS })));
      } catch (error) {
        if (name === standard || !(error instanceof DeviceError)) throw error;
        // Nothing is measured on a device that has failed as a whole.
        device.check();
        refusals.set(name, error.message);
        console.warn(`wgrad: tuning leaves out '${name}' of '${key}'. ${error.message}`);
      }
    }
    // The first run also maps memory.
    for (const runner of runners) await runner.time(device);
    for (const runner of runners) await runner.calibrate(device);
    await race(device, runners);
    winner = await winnerOf(device, runners);
  } finally {
    for (const { plan } of runners) plan.dispose();
    if (!device.closed) for (const storage of storages) device.free(storage);
  }
  const candidates = offered.map(({ name }) => {
    const runner = runners.find((one) => one.name === name);
    const ms = runner === undefined || runner.givenUp ? null : runner.at(1 / 2);
    return { name, ms, refusal: refusals.get(name) ?? null };
  });
  return { key, candidates, ...winner };
}

type Winner = Pick<Tuned, 'winner' | 'gain'>;

/** Of several that are no faster one may seem so by luck: the best wins only if it does so again, alone with the default. */
async function winnerOf(device: Device, [first, ...others]: readonly Runner[]): Promise<Winner> {
  const best = others.filter(first.isBeatenBy).sort((a, b) => a.at(1 / 2) - b.at(1 / 2))[0] ?? first;
  if (best !== first) {
    const [standard, rival] = [first, best].map(({ name, plan, replays }) => new Runner(name, plan, replays));
    await race(device, [standard, rival]);
    if (standard.isBeatenBy(rival)) return { winner: rival.name, gain: standard.at(1 / 2) / rival.at(1 / 2) };
  }
  return { winner: first.name, gain: 1 };
}

/** Samples all in turn, so that what else the machine does meets all alike. */
async function race(device: Device, runners: readonly Runner[]): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    // Every other round backwards: nobody always follows the same one.
    const order = round % 2 === 0 ? runners : [...runners].reverse();
    for (const runner of order) if (!runner.givenUp) runner.samples.push(await runner.time(device));
    if (round === 0) continue;
    const fastest = Math.min(...runners.map((runner) => runner.at(0)));
    // Never the default: the others are compared with it.
    for (const runner of runners.slice(1)) runner.givenUp ||= runner.at(0) > fastest * FAR_BEHIND;
  }
}
