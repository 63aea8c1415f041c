/** The study's command line. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { PLANS, type RunPlan } from './runs.ts';

export type PresetName = 'quick' | 'full';
export type Policy = 'stop' | 'warn' | 'recover';
export type Adapter = 'auto' | 'hardware' | 'lavapipe' | 'swiftshader';

/** The command line as it was typed; what was left out is undefined. */
export interface Flags {
  readonly data?: string;
  readonly preset?: PresetName;
  readonly runs: readonly RunPlan[];
  readonly train?: number;
  readonly test?: number;
  readonly epochs?: number;
  readonly plateauEpochs?: number;
  readonly batch?: number;
  readonly rate?: number;
  readonly seed: number;
  readonly clip: boolean;
  readonly policy?: Policy;
  readonly adapter: Adapter;
  readonly out: string;
  readonly resume: boolean;
  /** Whether a terminal sees a chart under the progress bar. */
  readonly chart: boolean;
}

const names = Object.keys(PLANS).join(', ');

/** Reads the command line. Prints help, or what is wrong with a flag, and ends the process where that is called for. */
export function readFlags(argv: readonly string[]): Flags {
  const command = new Command('npm run cifar --')
    .description(
      'Trains one small network on CIFAR-10 at several learning rates and batch sizes, and compares the runs.',
    )
    .option('--data <dir>', 'folder or archive with CIFAR-10’s binary batches (default: the cache, else a download)')
    .addOption(
      new Option('--preset <name>', 'how much to train (default: full on a GPU, quick on a software adapter)').choices([
        'quick',
        'full',
      ] satisfies PresetName[]),
    )
    .option('--runs <names>', `runs to make, separated by commas, of ${names} (default: all)`, parseRuns)
    .option('--train <n>', 'training images (default: 2,500 in quick, all in full)', whole(1))
    .option('--test <n>', 'validation images (default: 1,000 in quick, or as many as --train; all in full)', whole(1))
    .option('--epochs <n>', 'epochs of every run but plateau (default: 5 in quick, 20 in full)', whole(1))
    .option(
      '--plateau-epochs <n>',
      'epochs of plateau (default: 3 times --epochs in quick, 15 times in full)',
      whole(1),
    )
    .option('--batch <n>', 'batch size of all chosen runs, instead of their own', whole(1))
    .option('--rate <x>', 'learning rate of all chosen runs, instead of their own', parseRate)
    .option('--seed <n>', 'seed of weights, order and dropout', whole(0, 2 ** 32 - 1), 0)
    .option('--clip', 'cut probabilities to [1e-7, 1 - 1e-7] in the loss, as classic Keras does', false)
    .addOption(
      new Option(
        '--policy <name>',
        'what a flagged divergence does to its run (default: warn in a run of up to 20 epochs, else stop)',
      ).choices(['stop', 'warn', 'recover'] satisfies Policy[]),
    )
    .addOption(
      new Option('--adapter <name>', 'where to compute')
        .choices(['auto', 'hardware', 'lavapipe', 'swiftshader'] satisfies Adapter[])
        .default('auto'),
    )
    .option('--out <dir>', 'where tables and charts go', 'results')
    .option('--no-chart', 'no live chart under the progress bar (there is one only in a terminal)')
    .option('--resume', 'go on with the study that was interrupted in --out; give the same flags as then', false)
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)')
    .addHelpText(
      'after',
      '\nCtrl-C ends the run under way after its batch, validates, skips the other runs and writes what there is;\n' +
        'a second Ctrl-C ends at once. Either way --resume goes on with the last whole epoch. Exit code: 0 when all is done, 1 after an error, 130 after Ctrl-C.',
    );
  command.parse(argv, { from: 'user' });
  return { ...command.opts<Flags>(), runs: command.getOptionValue('runs') ?? Object.values(PLANS) };
}

function parseRuns(text: string): RunPlan[] {
  const wanted = text.split(',').map((name) => name.trim());
  for (const name of wanted) {
    if (Object.hasOwn(PLANS, name)) continue;
    throw new InvalidArgumentError(`There is no run '${name}'. Choose from ${names}.`);
  }
  // In the study's order and each once, so that the baseline comes first.
  return Object.values(PLANS).filter(({ name }) => wanted.includes(name));
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (text.trim() !== '' && rate > 0 && rate < Number.POSITIVE_INFINITY) return rate;
  throw new InvalidArgumentError('Give a number above 0, such as 0.001.');
}

function whole(least: number, most = 2 ** 31 - 1): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
  };
}
