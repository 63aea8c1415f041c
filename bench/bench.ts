/**
 * The bench:  npm run bench [-- FLAGS]   (npm run bench -- --help; what it measures and how is in bench/README.md)
 *
 * Runs its parts one after the other, prints each number as it comes, and writes bench.json and throughput.png.
 */

import { outliveReaders, reportError } from '../examples/study/reportError.ts';
import { makeFolder, onDisk } from '../src/graph.ts';
import { ArgumentError, type Device, OutOfMemoryError, openDevice } from '../src/index.ts';
import { type Ceilings, measureCeilings } from './ceilings.ts';
import { loadImages, measureEpochs } from './epochs.ts';
import { type KernelCase, kernelCases } from './kernels.ts';
import { timeKernel } from './kernelTimes.ts';
import { readSettings, type Settings } from './options.ts';
import { profileRows, profileStudy } from './profile.ts';
import { EpochTable, KernelTable, printCeilings, type Row, type Skipped, StepTable, writeFiles } from './report.ts';
import { forecast } from './statistics.ts';
import { LEAST_STEP_RUNS, measureStep, type StepRow } from './steps.ts';

/** Seconds for one number. */
const BUDGET = { software: 3, hardware: 10 };
/** A whole step may take this many times as long: there are few of them, and they matter most. */
const STEP_BUDGET = 5;
/** How long the kernels of a step are measured. */
const PROFILE_MS = 2000;
/** Images of an epoch. */
const IMAGES = { software: 2560, hardware: 51_200 };

class Bench {
  readonly #settings: Settings;
  readonly #device: Device;
  readonly #rows: Row[] = [];
  readonly #budgetMs: number;
  /** With --json, stdout is for the rows alone. */
  readonly #print: (line: string) => void;

  constructor(settings: Settings, device: Device) {
    this.#settings = settings;
    this.#device = device;
    this.#budgetMs = settings.budgetMs ?? (device.info.software ? BUDGET.software : BUDGET.hardware) * 1000;
    this.#print = settings.json ? console.error : console.log;
  }

  async run(): Promise<void> {
    const { parts, out } = this.#settings;
    const { name, software, subgroupSize } = this.#device.info;
    const how = [
      ...(software ? ['software'] : []),
      ...(subgroupSize > 0 ? [`${subgroupSize} lanes`] : []),
      ...(process.env.WGRAD_CHECKS === 'off' ? ['checks off'] : []),
    ];
    await onDisk('bench', out, () => makeFolder(out));
    this.#print(
      `${name}${how.length > 0 ? ` (${how.join(', ')})` : ''}, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    );
    try {
      if (parts.has('ceilings') || parts.has('kernels')) {
        const ceilings = await measureCeilings(this.#device, this.#settings.sampleMs);
        this.#keep(ceilings);
        printCeilings(this.#print, ceilings);
        if (parts.has('kernels')) await this.#kernels(ceilings);
      }
      if (parts.has('steps')) await this.#steps();
      if (parts.has('epochs')) await this.#epochs();
    } finally {
      // What there is, also after an error.
      if (this.#rows.length > 0) {
        this.#print('');
        for (const path of await writeFiles(out, this.#device, this.#rows)) this.#print(`Wrote ${path}`);
      }
    }
  }

  #keep(row: Row): void {
    this.#rows.push(row);
    if (this.#settings.json) console.log(JSON.stringify(row));
  }

  async #kernels(ceilings: Ceilings): Promise<void> {
    const { batches, samples, sampleMs } = this.#settings;
    const cases = chosenCases(this.#settings);
    const table = new KernelTable(this.#print, cases);
    const options = { samples, sampleMs, budgetMs: this.#budgetMs };
    for (const one of cases) {
      for await (const row of timeKernel(this.#device, one, batches.kernels, ceilings, options)) {
        this.#keep(row);
        table.row(row);
      }
    }
    table.end(this.#budgetMs);
  }

  async #steps(): Promise<void> {
    const { batches, steps, profile } = this.#settings;
    const table = new StepTable(this.#print);
    const budgetMs = this.#budgetMs * STEP_BUDGET;
    const measured: StepRow[] = [];
    for (const batch of batches.steps) {
      const row: StepRow | Skipped = await this.#stepOrReason(batch, measured, { steps, budgetMs });
      table.row(row);
      if ('skipped' in row) continue;
      this.#keep(row);
      measured.push(row);
    }
    table.end(budgetMs);
    if (!profile) return;
    for (const { batch } of measured) {
      const report = await this.#onFreshDevice((device) => profileStudy(device, batch, PROFILE_MS));
      for (const row of profileRows(report, batch)) this.#keep(row);
      this.#print(`\n${report}`);
    }
  }

  async #stepOrReason(
    batch: number,
    measured: readonly StepRow[],
    options: { steps: number; budgetMs: number },
  ): Promise<StepRow | Skipped> {
    const known = measured.map((row) => ({ batch: row.batch, ms: row.stepMs }));
    if (forecast(known, batch) * LEAST_STEP_RUNS > options.budgetMs) return { batch, skipped: 'too slow' };
    try {
      return await this.#onFreshDevice((device) => measureStep(device, batch, options));
    } catch (error) {
      if (error instanceof OutOfMemoryError) return { batch, skipped: 'does not fit' };
      throw error;
    }
  }

  async #epochs(): Promise<void> {
    const { batches, epochs, data, images } = this.#settings;
    const wanted = images ?? (this.#device.info.software ? IMAGES.software : IMAGES.hardware);
    const set = await loadImages(data, wanted);
    const steps = this.#rows.filter((row) => row.part === 'steps');
    const table = new EpochTable(this.#print, set.name, set.train.labels.length, steps);
    for (const batch of batches.epochs) {
      const row = await this.#onFreshDevice((device) => measureEpochs(device, set, batch, epochs));
      this.#keep(row);
      table.row(row);
    }
  }

  /** A device that has compiled nothing yet: every batch's first step is a cold one. */
  async #onFreshDevice<T>(work: (device: Device) => Promise<T>): Promise<T> {
    const device = await openDevice({ adapter: this.#settings.adapter });
    try {
      return await work(device);
    } finally {
      device.close();
    }
  }
}

/** The kernels that were asked for. */
function chosenCases({ networks, pattern }: Settings): KernelCase[] {
  const all = kernelCases().filter(({ network }) => networks.includes(network));
  const chosen = all.filter(({ kernel, direction }) => pattern === null || pattern.test(`${kernel} ${direction}`));
  if (chosen.length > 0) return chosen;
  const names = new Set(all.map(({ kernel }) => kernel));
  const directions = new Set(all.map(({ direction }) => direction));
  throw new ArgumentError(
    `--kernels: expected a pattern that matches a kernel and its direction, such as 'conv.*kernel grad', got ${String(pattern)}. ` +
      `Kernels of ${networks.join(' and ')}: ${[...names].join('; ')}. Directions: ${[...directions].join(', ')}.`,
  );
}

async function main(): Promise<void> {
  // The library's own defaults are measured; WGRAD_TUNING=on measures with this machine's winners.
  process.env.WGRAD_TUNING ??= 'off';
  const settings = readSettings(process.argv.slice(2));
  outliveReaders(settings.out);
  if (settings.parts.has('kernels')) chosenCases(settings);
  const device = await openDevice({ adapter: settings.adapter });
  try {
    await new Bench(settings, device).run();
  } finally {
    device.close();
  }
}

try {
  await main();
} catch (error) {
  reportError(error);
}
