/**
 * Where the kernels of a training step access memory:  npm run bench:lines -- [--network vgg] [--batch 32] [--bounds [FILES...]]
 *
 * The step is planned for a GPU and run on the adapter at hand, by kernels that note their accesses (probe.ts). Prints each access
 * with the lines of memory that 32 neighbouring threads touch at once, against the fewest that could hold what they need.
 * `--bounds` runs files of the tests instead and lists accesses outside of arrays (sweep.ts).
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { reportError } from '../../examples/study/reportError.ts';
import { type Device, openDevice } from '../../src/index.ts';
import { NETWORKS, type NetworkName } from '../kernels.ts';
import { LAYERS } from '../networks.ts';
import { StudyStep } from '../steps.ts';
import { PrintedTable, short } from '../table.ts';
import { EveryPlan, planForGpu, roomFor } from './everyPlan.ts';
import { LINE, type Requests, ratioOf, requestsOf, sumOf } from './lines.ts';
import { lineProbe } from './probe.ts';
import { SWEPT, sweep } from './sweep.ts';

interface Flags {
  readonly network: NetworkName;
  readonly batch: number;
  readonly subgroups: number | null;
  readonly sampled: boolean;
  readonly top: number;
  readonly json: boolean;
  readonly bounds?: boolean | string[];
}

/** What is asked for over all accesses, and of each. */
const GOAL = { all: 1.25, each: 4 };

interface Row extends Requests {
  readonly part: 'lines';
  readonly network: NetworkName;
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

const whole =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}, got '${text}'.`);
  };

const lanes = (text: string): number | null => (text === 'none' ? null : whole(1)(text));

function readFlags(argv: readonly string[]): Flags {
  return new Command('npm run bench:lines --')
    .description(
      'Counts the lines of memory that neighbouring threads touch together, in every kernel of a training step.',
    )
    .addOption(new Option('--network <name>', 'whose training step').choices(NETWORKS).default('study'))
    .option('--batch <size>', 'images of the step', whole(1), 32)
    .option('--subgroups <lanes>', 'lanes of a subgroup that the step is planned for, or none', lanes, 32)
    .option('--sampled', 'run only the workgroups that are looked at: for steps that would take too long', false)
    .option('--top <n>', 'accesses that are listed, the worst first', whole(1), 40)
    .option('--json', 'one JSON object a line for every access on stdout, the tables on stderr', false)
    .option(
      '--bounds [files...]',
      `run these files of the tests, planned for the CPU and for a GPU, and list accesses outside of arrays (default: ${SWEPT.join(', ')})`,
    )
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)')
    .parse(argv, { from: 'user' })
    .opts<Flags>();
}

/** Runs a step and gives each of its accesses. */
async function traceStep(device: Device, { network, batch, sampled }: Flags): Promise<Row[]> {
  const plans = new EveryPlan(lineProbe(!sampled));
  try {
    const step = await StudyStep.of(device, batch, { layers: LAYERS[network]() });
    step.run();
    await device.finish();
    await step.check();
    const rows: Row[] = [];
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

function printRows(print: (line: string) => void, rows: readonly Row[], { network, batch, top }: Flags): void {
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

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2));
  if (flags.bounds !== undefined) {
    process.exitCode = await sweep(Array.isArray(flags.bounds) ? flags.bounds : SWEPT, flags.json);
    return;
  }
  process.env.WGRAD_TUNING = 'off';
  const device = await openDevice();
  try {
    roomFor(device);
    planForGpu(device, flags.subgroups);
    const rows = await traceStep(device, flags);
    if (flags.json) for (const row of rows) console.log(JSON.stringify(row));
    printRows(flags.json ? console.error : console.log, rows, flags);
  } finally {
    device.close();
  }
}

try {
  await main();
} catch (error) {
  reportError(error);
}
