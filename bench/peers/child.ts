/**
 * What the processes of all peers share: the task from the command line, the WebGPU that the peer gets to see, the clock,
 * and the one line of JSON that each prints.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { describeAdapter, findAdapter } from '../../src/graph.ts';
import type { AdapterChoice } from '../../src/index.ts';
import { spreadOf } from '../statistics.ts';
import { NETWORKS, type NetworkName } from './networks.ts';
import type { PeerRow } from './row.ts';

/** What to measure: steps on the adapter, what the host costs on Dawn's null backend, or the first step and the memory. */
export type Mode = 'steps' | 'host' | 'fresh';

export interface Task {
  readonly mode: Mode;
  readonly network: NetworkName;
  readonly backend: string;
  readonly adapter: AdapterChoice;
  readonly batch: number;
  /** How long the steps after the first may take together; two are always made. */
  readonly seconds: number;
}

export interface Times {
  readonly firstMs: number;
  /** Of the steps after the first. */
  readonly medianMs: number;
  readonly steps: number;
}

/** Steps and time after which there is no need for more. */
const ENOUGH = { steps: 12, ms: 1000 };
/** Of the steps after the first, the ones that warm the caches and do not count, where there are enough others. */
const WARM_UP = 3;

const MODES: Record<Mode, true> = { steps: true, host: true, fresh: true };
const ADAPTERS: Record<AdapterChoice, true> = {
  auto: true,
  hardware: true,
  lavapipe: true,
  swiftshader: true,
  null: true,
};

export function readTask(): Task {
  const text = { type: 'string', default: '' } as const;
  const options = { mode: text, network: text, backend: text, adapter: text, batch: text, seconds: text };
  const { values } = parseArgs({ options });
  const { mode, network, backend, adapter } = values;
  if (!isKey(MODES, mode) || !isKey(NETWORKS, network) || !isKey(ADAPTERS, adapter)) {
    throw new Error(
      `No such mode, network or adapter: '${mode}', '${network}', '${adapter}'. Start this through npm run bench:peers.`,
    );
  }
  return { mode, network, backend, adapter, batch: Number(values.batch), seconds: Number(values.seconds) };
}

/**
 * Gives libraries written for browsers a `navigator` with wgrad's choice of adapter behind it.
 * @returns what the adapter that the library last asked for calls itself
 */
export async function provideNavigator(task: Task): Promise<() => string> {
  const { instance } = await findAdapter(task.adapter);
  if (instance === null) throw new Error('There is no Dawn in this process.');
  let seen = 'no adapter';
  const gpu = {
    wgslLanguageFeatures: instance.wgslLanguageFeatures,
    getPreferredCanvasFormat: () => instance.getPreferredCanvasFormat(),
    async requestAdapter(options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> {
      const adapter = await instance.requestAdapter(options);
      if (adapter !== null) seen = describeAdapter(adapter.info);
      return adapter;
    },
  };
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'node', hardwareConcurrency: availableParallelism() },
    configurable: true,
    writable: true,
  });
  return () => seen;
}

/** From now on, the most bytes that all GPU buffers of this process took together. Call it before there is a device. */
export async function watchMemory(): Promise<() => number> {
  const { globals } = await import('webgpu');
  for (const [name, value] of Object.entries(globals)) {
    if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });
  }
  let bytes = 0;
  let peak = 0;
  const sizes = new WeakMap<GPUBuffer, { bytes: number }>();
  const release = (size: { bytes: number } | undefined): void => {
    if (size === undefined) return;
    bytes -= size.bytes;
    size.bytes = 0;
  };
  const collected = new FinalizationRegistry(release);
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    const size = { bytes: descriptor.size };
    sizes.set(buffer, size);
    collected.register(buffer, size);
    bytes += descriptor.size;
    peak = Math.max(peak, bytes);
    return buffer;
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    release(sizes.get(this));
    return destroy.call(this);
  };
  return () => peak;
}

/**
 * Runs awaited steps, each with its number from 1; `began` is when the model began to be made.
 * @param step resolves to the loss, or to null where it is checked elsewhere
 */
export async function measure(task: Task, began: number, step: (i: number) => Promise<number | null>): Promise<Times> {
  await step(1);
  const firstMs = performance.now() - began;
  const times: number[] = [];
  const loop = performance.now();
  for (let spent = 0; !isEnough(task, times.length, spent); spent = performance.now() - loop) {
    const start = performance.now();
    const loss = await step(times.length + 2);
    times.push(performance.now() - start);
    if (task.mode !== 'host' && loss !== null) checkLoss(loss);
  }
  const counted = times.length >= 2 * WARM_UP ? times.slice(WARM_UP) : times;
  return { firstMs, medianMs: spreadOf(counted).median, steps: counted.length };
}

/** Work that a driver refused leaves zeros behind, and takes no time. */
export function checkLoss(loss: number): void {
  if (loss > 0 && Number.isFinite(loss)) return;
  throw new Error(`The loss is ${loss}, expected a positive number: times of such steps mean nothing.`);
}

function isEnough(task: Task, steps: number, spentMs: number): boolean {
  if (steps < 2) return false;
  if (task.mode === 'fresh' || spentMs >= task.seconds * 1000) return true;
  return steps >= ENOUGH.steps && spentMs >= ENOUGH.ms;
}

/** Prints the row of a peer and ends the process, whatever the peer has left running. */
export async function report(
  task: Task,
  facts: { peer: string; version: string; adapter: string; peakBytes?: number | null; hostTogetherMs?: number },
  times: Times,
): Promise<never> {
  const stepMs = task.mode === 'steps' ? times.medianMs : null;
  const row: PeerRow = {
    peer: facts.peer,
    version: facts.version,
    adapter: facts.adapter,
    batch: task.batch,
    firstMs: task.mode === 'host' ? null : times.firstMs,
    stepMs,
    hostMs: task.mode === 'host' ? times.medianMs : null,
    hostTogetherMs: facts.hostTogetherMs ?? null,
    usPerImage: stepMs === null ? null : (stepMs * 1000) / task.batch,
    peakBytes: facts.peakBytes ?? null,
    steps: times.steps,
  };
  await new Promise<void>((resolve) => process.stdout.write(`${JSON.stringify(row)}\n`, () => resolve()));
  process.exit(0);
}

function isKey<Key extends string>(record: Record<Key, unknown>, text: string): text is Key {
  return Object.hasOwn(record, text);
}
