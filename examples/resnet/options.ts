/** The residual network's command line. */

import { Command } from 'commander';
import { type Adapter, ALL, adapterOption, DATA, folderName, LAST_SEED, whole } from '../study/flags.ts';

export interface Flags {
  readonly data?: string;
  readonly blocks: number;
  readonly train: number;
  readonly test: number;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  readonly adapter: Adapter;
  readonly out: string;
}

/** Reads the command line. Prints help, or what is wrong with a flag, and ends the process where that is called for. */
export function readFlags(argv: readonly string[]): Flags {
  const command = new Command('npm run resnet --')
    .description('Trains a residual network (He et al. 2016) on CIFAR-10 and draws how it went.')
    .option(...DATA)
    .option('--blocks <n>', 'residual blocks in each of the three stages: 3 is ResNet-20', whole(1, 200), 3)
    .option('--train <n>', 'training images', whole(2, ALL.train), 1600)
    .option('--test <n>', 'validation images', whole(1, ALL.test), 500)
    .option('--epochs <n>', 'epochs', whole(1), 5)
    .option('--batch <n>', 'batch size', whole(2, ALL.train), 32)
    .option('--seed <n>', 'seed of weights and order', whole(0, LAST_SEED), 0)
    .addOption(adapterOption())
    .option('--out <dir>', 'where the charts go', folderName, 'results/resnet')
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)')
    .addHelpText(
      'after',
      '\nThe whole data set: --train 50000 --test 10000 --epochs 164 --batch 128, for a GPU.\n' +
        'Ctrl-C ends the training after its batch and draws what there is; a second one ends at once.',
    );
  command.parse(argv, { from: 'user' });
  return command.opts<Flags>();
}
