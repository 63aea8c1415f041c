/** The sweep's command line. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { geomspace } from '../../src/sweep/index.ts';
import { type Adapter, ALL, adapterOption, checkSeeds, DATA, folderName, LAST_SEED, whole } from '../study/flags.ts';
import { addressOf, VARIABLE } from './queueFlags.ts';

/** The command line as it was typed, with what was left out. */
export interface Flags {
  readonly data?: string;
  readonly rates: readonly number[];
  readonly batches: readonly number[];
  readonly seeds: number;
  readonly seed: number;
  readonly train: number;
  readonly test: number;
  readonly epochs: number;
  readonly halving: boolean;
  readonly parallel: number;
  /** Address of the queue; left out: no queue. */
  readonly queue?: string;
  /** Adapter that workers of the queue must have; left out: that of this machine. */
  readonly workers?: string;
  readonly target?: number;
  readonly adapter: Adapter;
  readonly open: boolean;
  readonly out: string;
}

const RATES = geomspace(1e-4, 1e-1, 7);
const BATCHES = [16, 32, 64, 128, 256, 512];

/** Epochs after which a batch size's rates are compared for the first time. */
export const FIRST_RUNG = 2;

/** Reads the command line. Prints help, or what is wrong with a flag, and ends the process where that is called for. */
export function readFlags(argv: readonly string[]): Flags {
  const command = new Command('npm run sweep --')
    .description(
      'Trains one small network on CIFAR-10 at every learning rate and batch size, and maps what came of it.',
    )
    .option(...DATA)
    .addOption(listOf('--rates <list>', 'learning rates, separated by commas', RATES, parseRate))
    .addOption(listOf('--batches <list>', 'batch sizes, separated by commas', BATCHES, whole(1, ALL.train)))
    .option('--seeds <n>', 'train every point with so many seeds, from --seed on', whole(1, 1000), 1)
    .option('--seed <n>', 'the first seed of weights, order and dropout', whole(0, LAST_SEED), 0)
    .option('--train <n>', 'training images', whole(1, ALL.train), 2500)
    .option('--test <n>', 'validation images', whole(1, ALL.test), 1000)
    .option('--epochs <n>', 'epochs of a trial that is not stopped', whole(1), 6)
    .option(
      '--no-halving',
      `train all trials to the end: else, of a batch size’s rates, the best third goes on after ${FIRST_RUNG} epochs, a third of those after ${3 * FIRST_RUNG}, and so on`,
    )
    .option('--parallel <n>', 'train in so many processes at a time', whole(1, 1024), 1)
    .option(
      '--queue [url]',
      `have workers on any machines train (npm run sweep:worker), by a queue on Redis such as redis://host:6379; without an address that in ${VARIABLE}`,
    )
    .option(
      '--workers <adapter>',
      'with --queue: the adapter that workers must have, by the name that a sweep prints (default: that of this machine)',
    )
    .option(
      '--target <share>',
      'validation accuracy whose steps are counted, such as 0.4 (default: the highest that every batch size reached)',
      parseShare,
    )
    .addOption(adapterOption())
    .option('--open', 'serve the report on localhost while the sweep runs, and print its address', false)
    .option('--out <dir>', 'where numbers and charts go', folderName, 'results/sweep')
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)')
    .addHelpText(
      'after',
      '\nA sweep that was interrupted goes on when it is started again with the same flags, within a trial after its last whole epoch.\n' +
        'Ctrl-C ends it after the batch under way and writes what there is; a second Ctrl-C ends at once.\n' +
        'Exit code: 0 when all is done, 1 after an error, 130 after Ctrl-C.',
    );
  command.parse(argv, { from: 'user' });
  const { queue, ...given } = command.opts<Omit<Flags, 'queue'> & { readonly queue?: string | true }>();
  const flags: Flags = queue === undefined ? given : { ...given, queue: addressOf(command, queue) };
  if (queue === undefined && flags.workers !== undefined)
    command.error('error: --workers asks something of the workers of a queue. Give --queue, too, or leave it out.');
  if (queue !== undefined && flags.parallel > 1)
    command.error('error: --parallel is of this machine alone. With --queue, start as many npm run sweep:worker.');
  const largest = Math.max(...flags.batches);
  if (largest > flags.train)
    command.error(
      `error: a batch of ${largest} is larger than --train ${flags.train}. Give more images, or smaller batches.`,
    );
  checkSeeds(command, flags);
  return flags;
}

function listOf(flags: string, description: string, usual: readonly number[], parse: (text: string) => number): Option {
  return new Option(flags, description)
    .default(usual, usual.map((value) => Number(value.toPrecision(3))).join(','))
    .argParser((text) => {
      const values = text.split(',').map((one) => parse(one.trim()));
      if (new Set(values).size < values.length)
        throw new InvalidArgumentError('A value stands twice in it. Leave one out.');
      return values.sort((a, b) => a - b);
    });
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (text !== '' && rate > 0 && rate < Number.POSITIVE_INFINITY) return rate;
  throw new InvalidArgumentError(
    `'${text}' is no rate. Give numbers above 0, such as 0.001: a rate of 0 trains nothing.`,
  );
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share > 0 && share < 1) return share;
  throw new InvalidArgumentError('Give a share between 0 and 1, such as 0.4.');
}
