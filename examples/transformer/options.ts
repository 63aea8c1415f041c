/** The transformer's command line. */

import { Command } from 'commander';
import { type Adapter, adapterOption, folderName, LAST_SEED, whole } from '../study/flags.ts';

export interface Flags {
  readonly train: number;
  readonly test: number;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  readonly adapter: Adapter;
  readonly out: string;
}

/** Pairs of numbers of two digits. */
const ALL = 8100;

/** Reads the command line. Prints help, or what is wrong with a flag, and ends the process where that is called for. */
export function readFlags(argv: readonly string[]): Flags {
  const command = new Command('npm run transformer --')
    .description('Trains a small causal transformer to add numbers of two digits, character by character.')
    .option('--train <n>', 'sums to learn from', whole(1, ALL - 1), 4000)
    .option('--test <n>', 'other sums, to be asked for', whole(1, ALL - 1), 500)
    .option('--epochs <n>', 'epochs', whole(1), 12)
    .option('--batch <n>', 'batch size', whole(1, ALL), 64)
    .option('--seed <n>', 'seed of the sums, of weights and of order', whole(0, LAST_SEED), 0)
    .addOption(adapterOption())
    .option('--out <dir>', 'where the chart goes', folderName, 'results/transformer')
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)')
    .addHelpText(
      'after',
      '\nCtrl-C ends the training after its batch and shows what there is; a second one ends at once.',
    );
  command.parse(argv, { from: 'user' });
  const flags = command.opts<Flags>();
  if (flags.train + flags.test > ALL)
    command.error(`error: --train and --test ask for more than all ${ALL} sums. Give smaller numbers.`);
  return flags;
}
