/** The study's command line. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { nearest } from '../../src/graph.ts';
import { ADAPTERS, type Adapter, ALL, checkSeeds, DATA, folderName, LAST_SEED, whole } from './flags.ts';
import { PLANS, type RunPlan } from './runs.ts';

export type PresetName = 'quick' | 'full';
export type Policy = 'stop' | 'warn' | 'recover';

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
  /** How many seeds every run is trained with, from `seed` on. */
  readonly seeds: number;
  readonly clip: boolean;
  readonly policy?: Policy;
  readonly adapter: Adapter;
  readonly out: string;
  readonly resume: boolean;
  /** Whether a terminal sees a chart under the progress bar. */
  readonly chart: boolean;
  /** Whether falls of the rate get a control. */
  readonly control: boolean;
}

const RUNS = Object.keys(PLANS);
const PRESETS = ['quick', 'full'] as const satisfies readonly PresetName[];
const POLICIES = ['stop', 'warn', 'recover'] as const satisfies readonly Policy[];

const MOST_SEEDS = 1000;

/** Reads the command line. Prints help, or what is wrong with a flag, and ends the process where that is called for. */
export function readFlags(argv: readonly string[]): Flags {
  const command = new Command('npm run cifar --')
    .description(
      'Trains one small network on CIFAR-10 at several learning rates and batch sizes, and compares the runs.',
    )
    .option(...DATA)
    .addOption(
      choice(
        '--preset <name>',
        'how much to train: quick or full (default: full on a GPU, quick on a software adapter)',
        PRESETS,
      ),
    )
    .option('--runs <names>', `runs to make, separated by commas, of ${RUNS.join(', ')} (default: all)`, parseRuns)
    .option('--train <n>', 'training images (default: 2,500 in quick, all in full)', whole(1, ALL.train))
    .option(
      '--test <n>',
      'validation images (default: 1,000 in quick, or as many as --train; all in full)',
      whole(1, ALL.test),
    )
    .option('--epochs <n>', 'epochs of every run but plateau (default: 5 in quick, 20 in full)', whole(1))
    .option(
      '--plateau-epochs <n>',
      'epochs of plateau (default: 3 times --epochs in quick, 15 times in full)',
      whole(1),
    )
    .option('--batch <n>', 'batch size of all chosen runs, instead of their own', whole(1))
    .option('--rate <x>', 'learning rate of all chosen runs, instead of their own', parseRate)
    .option('--seed <n>', 'seed of weights, order and dropout', whole(0, LAST_SEED), 0)
    .option(
      '--seeds <n>',
      'train every run with so many seeds, from --seed on: tables and charts then show means and how far the seeds lie apart; takes n times as long',
      whole(1, MOST_SEEDS),
      1,
    )
    .option('--clip', 'cut probabilities to [1e-7, 1 - 1e-7] in the loss, as classic Keras does', false)
    .addOption(
      choice(
        '--policy <name>',
        'what a flagged divergence does to its run: stop, warn or recover (default: warn in a run of up to 20 epochs, else stop)',
        POLICIES,
      ),
    )
    .addOption(
      choice('--adapter <name>', 'where to compute: auto, hardware, lavapipe or swiftshader', ADAPTERS).default('auto'),
    )
    .option('--out <dir>', 'where tables and charts go', folderName, 'results')
    .option(
      '--no-control',
      'no controls: else, where the rate of plateau has fallen, its weights of then are trained on at the old rate as well, for 2 epochs in quick and 5 in full a fall (about a tenth of the study), to tell what the fall did',
    )
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
  const flags = { ...command.opts<Flags>(), runs: command.getOptionValue('runs') ?? Object.values(PLANS) };
  checkSeeds(command, flags);
  return flags;
}

/** An option that takes one of several names. */
function choice(flags: string, description: string, names: readonly string[]): Option {
  return new Option(flags, description).argParser((text) => {
    if (names.includes(text)) return text;
    throw new InvalidArgumentError(`${meant(text, names)}Choose from ${names.join(', ')}.`);
  });
}

/** `Did you mean 'baseline'? `, or nothing. */
function meant(text: string, names: readonly string[]): string {
  const name = nearest(text, names);
  return name === null ? '' : `Did you mean '${name}'? `;
}

function parseRuns(text: string): RunPlan[] {
  const wanted = text.split(',').map((name) => name.trim());
  for (const name of wanted) {
    if (Object.hasOwn(PLANS, name)) continue;
    throw new InvalidArgumentError(`There is no run '${name}'. ${meant(name, RUNS)}Choose from ${RUNS.join(', ')}.`);
  }
  // In the study's order and each once, so that the baseline comes first.
  return Object.values(PLANS).filter(({ name }) => wanted.includes(name));
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (text.trim() !== '' && rate > 0 && rate < Number.POSITIVE_INFINITY) return rate;
  throw new InvalidArgumentError('Give a number above 0, such as 0.001.');
}
