/** The lines of memory that a training step touches: planned for a GPU, run on the adapter at hand by kernels that note accesses. */
import { type Device, openDevice } from '../../src/index.ts';
import { STEPS, type StepNetworkName } from '../networks.ts';
import { StudyStep } from '../steps.ts';
import { PrintedTable, short } from '../table.ts';
import { EveryPlan, planForGpu, roomFor } from './everyPlan.ts';
import { LINE, type Requests, ratioOf, requestsOf, sumOf } from './lines.ts';
import { lineProbe } from './probe.ts';

/** Which step, and how it is looked at. */
export interface TracedStep {
  readonly network: StepNetworkName;
  readonly batch: number;
  /** Lanes of a subgroup that it is planned for; null: it has none. */
  readonly subgroups: number | null;
  /** Only workgroups that are looked at run. */
  readonly sampled: boolean;
}

/** What is asked for over all accesses, and of each. */
const GOAL = { all: 1.25, each: 4 };

/** An access of a kernel's text. */
export interface LinesRow extends Requests {
  readonly part: 'lines';
  readonly network: StepNetworkName;
  readonly batch: number;
  /** Its place in the plan. */
  readonly at: number;
  readonly kernel: string;
  readonly array: string;
  readonly access: string;
  readonly index: string;
  readonly bytes: number;
  readonly ratio: number;
}

/** Runs a step and gives each of its accesses. */
export async function traceStep(step: TracedStep): Promise<LinesRow[]> {
  process.env.WGRAD_TUNING = 'off';
  const device = await openDevice();
  try {
    roomFor(device);
    planForGpu(device, step.subgroups);
    return await rowsOf(device, step);
  } finally {
    device.close();
  }
}

async function rowsOf(device: Device, { network, batch, sampled }: TracedStep): Promise<LinesRow[]> {
  const plans = new EveryPlan(lineProbe(!sampled));
  try {
    const { layers, task } = STEPS[network];
    const step = await StudyStep.of(device, batch, { layers: layers(), task });
    step.run();
    await device.finish();
    // Else the loss is that of a few workgroups, or none.
    if (!sampled) await step.check();
    const rows: LinesRow[] = [];
    let at = 0;
    for await (const traced of plans.read()) {
      for (const one of traced) {
        const { array, access, index, bytes } = one.site;
        const requests = requestsOf(one);
        if (requests.executions === 0) continue;
        const ratio = ratioOf(requests);
        const named = { at, kernel: one.kernel, array, access, index: index.replace(/\s+/g, ' '), bytes };
        rows.push({ part: 'lines', network, batch, ...named, ...requests, ratio });
      }
      at++;
    }
    step.dispose();
    return rows;
  } finally {
    plans.stop();
  }
}

const kilo = (value: number): string => short(value / 1000);

/** Lines that are touched beyond those needed: what mending an access would save. */
const excessOf = ({ lines, needed }: Requests): number => lines - needed;

/** Prints the `top` worst accesses, then all kernels, then the step. */
export function printLines(
  print: (line: string) => void,
  rows: readonly LinesRow[],
  { network, batch }: TracedStep,
  top: number,
): void {
  const all = sumOf(rows);
  const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
  print(
    `Training step of '${network}', batch ${batch}: lines of ${LINE} bytes that 32 neighbouring threads touch at once.\n`,
  );
  const sites = new PrintedTable(print, [
    { head: 'kernel', least: 44 },
    { head: 'access', least: 6 },
    { head: 'lines', least: 6, right: true },
    { head: 'fewest', least: 6, right: true },
    { head: 'ratio', least: 6, right: true },
    { head: 'thousand', least: 9, right: true },
    { head: 'of', least: 60 },
  ]);
  const worst = [...rows].sort((a, b) => b.ratio - a.ratio || excessOf(b) - excessOf(a));
  for (const row of worst.slice(0, top)) {
    const { at, kernel, access, array, index, executions, lines, needed, ratio } = row;
    sites.row([
      cut(`${at} ${kernel}`, 44),
      access,
      short(lines / executions),
      short(needed / executions),
      short(ratio),
      kilo(lines),
      cut(`${array}[${index}]`, 60),
    ]);
  }
  print('');
  const kernels = new PrintedTable(print, [
    { head: 'kernel', least: 60 },
    { head: 'accesses', least: 8, right: true },
    { head: 'thousand lines', least: 14, right: true },
    { head: 'fewest', least: 9, right: true },
    { head: 'ratio', least: 6, right: true },
    { head: 'worst', least: 6, right: true },
  ]);
  const places = [...new Set(rows.map(({ at }) => at))];
  const sums = places.map((place) => rows.filter(({ at }) => at === place)).map((own) => ({ own, sum: sumOf(own) }));
  for (const { own, sum } of sums.sort((a, b) => excessOf(b.sum) - excessOf(a.sum))) {
    const [{ at, kernel }] = own;
    const most = Math.max(...own.map(({ ratio }) => ratio));
    kernels.row([
      cut(`${at} ${kernel}`, 60),
      String(own.length),
      kilo(sum.lines),
      kilo(sum.needed),
      short(ratioOf(sum)),
      short(most),
    ]);
  }
  const above = rows.filter(({ ratio }) => ratio > GOAL.each).length;
  print(
    `\nThe step: ${kilo(all.lines)} thousand lines for ${kilo(all.needed)} thousand, ${short(ratioOf(all))} × (goal: ${GOAL.all}); ` +
      `${above} of ${rows.length} accesses above ${GOAL.each} × (goal: none).`,
  );
}
