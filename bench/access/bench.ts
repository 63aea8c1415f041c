/**
 * Where the kernels of a training step access memory:  npm run bench:lines -- [--network vgg] [--batch 32] [--bounds [FILES...]]
 *
 * The step is planned for a GPU and run on the adapter at hand, by kernels that note their accesses (probe.ts). Prints each access
 * with the lines of memory that 32 neighbouring threads touch at once, against the fewest that could hold what they need.
 * `--bounds` runs files of the tests instead and lists accesses outside of arrays (sweep.ts).
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { reportError } from '../../examples/study/reportError.ts';
import { STEP_NETWORKS } from '../networks.ts';
import { printLines, type TracedStep, traceStep } from './step.ts';
import { SWEPT, sweep } from './sweep.ts';

interface Flags extends TracedStep {
  readonly top: number;
  readonly json: boolean;
  readonly bounds?: boolean | string[];
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
    .addOption(new Option('--network <name>', 'whose training step').choices(STEP_NETWORKS).default('study'))
    .option('--batch <size>', 'examples of the step', whole(1), 32)
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

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2));
  if (flags.bounds !== undefined) {
    process.exitCode = await sweep(Array.isArray(flags.bounds) ? flags.bounds : SWEPT, flags.json);
    return;
  }
  const rows = await traceStep(flags);
  if (flags.json) for (const row of rows) console.log(JSON.stringify(row));
  printLines(flags.json ? console.error : console.log, rows, flags, flags.top);
}

try {
  await main();
} catch (error) {
  reportError(error);
}
