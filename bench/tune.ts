/**
 * Measures which kernels are fastest on this machine and keeps the winners, which every device opened later uses:
 * npm run tune [-- FLAGS]   (npm run tune -- --help)
 */

import { Command, InvalidArgumentError, Option } from 'commander';
import { reportError } from '../examples/study/reportError.ts';
import { type Tuned, type Tuning, tuneNodes } from '../src/graph.ts';
import { type Device, openDevice } from '../src/index.ts';
import { StudyStep } from './steps.ts';
import { PrintedTable, short } from './table.ts';

const ADAPTERS = ['auto', 'hardware', 'lavapipe', 'swiftshader'] as const;
const NETWORKS = ['study'] as const;

interface Flags {
  readonly adapter: (typeof ADAPTERS)[number];
  readonly batches: readonly number[];
  readonly network: (typeof NETWORKS)[number];
}

function readFlags(argv: readonly string[]): Flags {
  return new Command('npm run tune --')
    .description('Measures every way to compute a network’s products and convolutions, and keeps the fastest.')
    .addOption(new Option('--adapter <name>', 'where to compute').choices(ADAPTERS).default('auto'))
    .option('--batches <sizes>', 'batch sizes, separated by commas', sizes, [32, 128])
    .addOption(new Option('--network <name>', 'whose shapes').choices(NETWORKS).default('study'))
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)')
    .parse(argv, { from: 'user' })
    .opts<Flags>();
}

function sizes(text: string): number[] {
  return text.split(',').map((word) => {
    if (/^ *[1-9]\d{0,8} *$/.test(word)) return Number(word);
    throw new InvalidArgumentError(`Expected whole numbers of at least 1, such as 32,128, got '${text}'.`);
  });
}

async function tuneNetwork(device: Device, { batches }: Flags): Promise<Tuning> {
  const table = new PrintedTable(console.log, [
    { head: 'shape', least: 44 },
    { head: 'variant', least: 18 },
    { head: 'ms', least: 7, right: true },
    { head: '', least: 14 },
  ]);
  const shapes: Tuned[] = [];
  let keptIn: string | null = null;
  for (const batch of batches) {
    const step = await StudyStep.of(device, batch);
    const nodes = step.plan.schedule.tunable;
    step.dispose();
    const tuning = await tuneNodes(device, nodes, { again: true, report: (tuned) => printTuned(table, tuned) });
    shapes.push(...tuning.shapes);
    keptIn = tuning.keptIn ?? keptIn;
  }
  return { shapes, keptIn };
}

/** One row a candidate; the shape stands on the first. */
function printTuned(table: PrintedTable, { key, candidates, winner, gain }: Tuned): void {
  candidates.forEach(({ name, ms, refusal }, at) => {
    const default_ = at === 0 ? ', default' : '';
    const verdict = name === winner ? `winner${gain > 1 ? `, ${short(gain)}×` : default_}` : default_.slice(2);
    table.row([at === 0 ? key : '', name, ms === null ? (refusal === null ? 'slow' : 'refused') : short(ms), verdict]);
  });
}

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2));
  const device = await openDevice({ adapter: flags.adapter });
  try {
    const { name, subgroupSize } = device.info;
    console.log(
      `${name}${subgroupSize > 0 ? `, ${subgroupSize} lanes` : ''}, training of the ${flags.network}'s network, batches of ${flags.batches.join(', ')}\n`,
    );
    const { shapes, keptIn } = await tuneNetwork(device, flags);
    const better = shapes.filter(({ gain }) => gain > 1).length;
    console.log(`\n${better} of ${shapes.length} shapes are faster than with the default.`);
    if (keptIn !== null) console.log(`Kept in ${keptIn}; WGRAD_TUNING=off ignores it.`);
    else console.log(`Nothing was kept${process.env.WGRAD_TUNING === 'off' ? ': WGRAD_TUNING is off' : ''}.`);
  } finally {
    device.close();
  }
}

try {
  await main();
} catch (error) {
  reportError(error);
}
