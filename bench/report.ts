/** What was measured, as tables on the terminal and as files. */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { writeFile } from '../examples/study/files.ts';
import { type Column, formatBytes } from '../src/graph.ts';
import type { Device } from '../src/index.ts';
import type { Ceilings } from './ceilings.ts';
import { throughputChart } from './chart.ts';
import type { EpochRow } from './epochs.ts';
import type { KernelCase } from './kernels.ts';
import type { KernelRow, Reason } from './kernelTimes.ts';
import type { ProfileRow } from './profile.ts';
import type { StepRow } from './steps.ts';
import { PrintedTable, percent, range, short } from './table.ts';

export type Row = Ceilings | KernelRow | StepRow | ProfileRow | EpochRow;

type Print = (line: string) => void;

/** A batch that was left out. */
export interface Skipped {
  readonly batch: number;
  readonly skipped: Reason;
}

export function printCeilings(print: Print, ceilings: Ceilings): void {
  const { gflops, form, gbs, copyMiB, dispatchUs, encodeUs } = ceilings;
  print('\nCeilings of the adapter');
  print(`  arithmetic  ${short(gflops)} GFLOP/s in registers (best of several forms: ${form})`);
  print(`  memory      ${short(gbs)} GB/s, read plus written, by a copy of ${copyMiB} MiB`);
  print(`  dispatch    ${short(dispatchUs)} µs each, ${short(encodeUs)} of them to encode it on the host`);
}

/** The table of kernels; rows are printed as they come. */
export class KernelTable {
  readonly #table: PrintedTable;
  readonly #print: Print;
  readonly #reasons = new Map<Reason, number>();
  #previous = '';

  constructor(print: Print, cases: readonly KernelCase[]) {
    const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length));
    print('\nKernels (quartiles after the median; % of the ceiling that the work would meet first)');
    this.#print = print;
    this.#table = new PrintedTable(print, [
      { head: 'network', least: 5 },
      { head: 'kernel', least: longest(cases.map(({ kernel }) => kernel)) },
      { head: 'direction', least: longest(cases.map(({ direction }) => direction)) },
      { head: 'batch', least: 5, right: true },
      { head: 'ms', least: 7, right: true },
      { head: 'quartiles', least: 13, right: true },
      { head: 'GFLOP/s', least: 7, right: true },
      { head: 'GB/s', least: 5, right: true },
      { head: 'ceiling', least: 7, right: true },
      { head: 'of', least: 10 },
    ]);
  }

  row(row: KernelRow): void {
    const names = [row.network, row.kernel, row.direction];
    const name = names.join();
    const head = name === this.#previous ? ['', '', ''] : names;
    this.#previous = name;
    const batch = row.batch === null ? 'any' : String(row.batch);
    if (row.ms === null) {
      this.#reasons.set(row.skipped, (this.#reasons.get(row.skipped) ?? 0) + 1);
      this.#table.row([...head, batch, '–', '', '', '', '', row.skipped]);
      return;
    }
    const { ms, lowMs, highMs, gflops, gbs, share, bound } = row;
    const rate = gflops === 0 ? '' : short(gflops);
    this.#table.row([...head, batch, short(ms), range(lowMs, highMs), rate, short(gbs), percent(share), bound]);
  }

  end(budgetMs: number): void {
    for (const note of footnotes(this.#reasons, budgetMs)) this.#print(note);
  }
}

/** One line a reason, with how often it came up. */
export function footnotes(reasons: ReadonlyMap<Reason, number>, budgetMs: number): string[] {
  const texts: Readonly<Record<Reason, string>> = {
    'does not fit': 'larger than the adapter binds in one buffer, or than the memory that is free',
    'too slow': `expected to take more than ${short(budgetMs / 1000)} s (--budget changes that)`,
    'lost in noise': 'shorter than the noise of the pass that must run before it',
  };
  return [...reasons].map(
    ([reason, times]) => `– ${reason}, ${times} ${times === 1 ? 'cell' : 'cells'}: ${texts[reason]}`,
  );
}

const STEP_COLUMNS: readonly Column[] = [
  { head: 'batch', least: 5, right: true },
  { head: 'images/s', least: 9, right: true },
  { head: 'µs/image', least: 8, right: true },
  { head: 'step ms', least: 7, right: true },
  { head: 'quartiles', least: 13, right: true },
  { head: 'queued ms', least: 9, right: true },
  { head: 'host ms', least: 7, right: true },
  { head: 'first ms', least: 8, right: true },
  { head: 'peak memory', least: 11, right: true },
  { head: '÷ alive', least: 7, right: true },
];

export class StepTable {
  readonly #table: PrintedTable;
  readonly #print: Print;
  readonly #reasons = new Map<Reason, number>();

  constructor(print: Print) {
    print('\nTraining steps of the study’s network (each awaited; “queued”: many awaited together)');
    this.#print = print;
    this.#table = new PrintedTable(print, STEP_COLUMNS);
  }

  row(row: StepRow | Skipped): void {
    if ('skipped' in row) {
      this.#reasons.set(row.skipped, (this.#reasons.get(row.skipped) ?? 0) + 1);
      this.#table.row([String(row.batch), '–', row.skipped]);
      return;
    }
    this.#table.row([
      String(row.batch),
      short(row.imagesPerSecond),
      short(row.usPerImage),
      short(row.stepMs),
      range(row.stepLowMs, row.stepHighMs),
      short(row.queuedMs),
      short(row.hostMs),
      short(row.firstMs),
      formatBytes(row.peakBytes),
      `${row.peakRatio.toFixed(2)}×`,
    ]);
  }

  end(budgetMs: number): void {
    for (const note of footnotes(this.#reasons, budgetMs)) this.#print(note);
  }
}

/** The table of epochs; `steps` are for comparison with the bare step. */
export class EpochTable {
  readonly #table: PrintedTable;
  readonly #steps: readonly StepRow[];

  constructor(print: Print, data: string, images: number, steps: readonly StepRow[]) {
    print(`\nEpochs of model.fit with ${images.toLocaleString('en-US')} images (${data}), after one to warm up`);
    this.#steps = steps;
    this.#table = new PrintedTable(print, [
      { head: 'batch', least: 5, right: true },
      { head: 'images/s', least: 9, right: true },
      { head: 'µs/image', least: 8, right: true },
      { head: 'epoch ms', least: 8, right: true },
      { head: 'quartiles', least: 15, right: true },
      { head: 'of bare steps', least: 13, right: true },
    ]);
  }

  row(row: EpochRow): void {
    const bare = this.#steps.find(({ batch }) => batch === row.batch);
    this.#table.row([
      String(row.batch),
      short(row.imagesPerSecond),
      short(row.usPerImage),
      short(row.epochMs),
      range(row.epochLowMs, row.epochHighMs),
      bare === undefined ? '–' : percent(row.imagesPerSecond / bare.imagesPerSecond),
    ]);
  }
}

/** Writes bench.json and, where steps were measured, throughput.png. Returns the paths. */
export async function writeFiles(folder: string, device: Device, rows: readonly Row[]): Promise<string[]> {
  const of = <Part extends Row['part']>(part: Part) =>
    rows.filter((row): row is Extract<Row, { part: Part }> => row.part === part);
  const date = new Date();
  const results = {
    date: date.toISOString(),
    adapter: device.info.name,
    software: device.info.software,
    lanes: device.info.subgroupSize,
    checks: process.env.WGRAD_CHECKS === 'off' ? 'off' : 'on',
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    ceilings: of('ceilings')[0] ?? null,
    kernels: of('kernels'),
    steps: of('steps'),
    profile: of('profile'),
    epochs: of('epochs'),
  };
  const path = join(folder, 'bench.json');
  await writeFile(path, `${JSON.stringify(results, null, 1)}\n`);
  const steps = of('steps');
  if (steps.length === 0) return [path];
  const chart = join(folder, 'throughput.png');
  const picture = await throughputChart(steps, date);
  await writeFile(chart, await picture.png());
  return [path, chart];
}
