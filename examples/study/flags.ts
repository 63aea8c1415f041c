/** What the command lines of the study and of the sweep have in common. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AdapterChoice } from '../../src/index.ts';

export type Adapter = (typeof ADAPTERS)[number];

export const ADAPTERS = ['auto', 'hardware', 'lavapipe', 'swiftshader'] as const satisfies readonly AdapterChoice[];
/** Images that CIFAR-10 has. */
export const ALL = { train: 50_000, test: 10_000 } as const;
export const LAST_SEED = 2 ** 32 - 1;

/** `--data`. */
export const DATA = [
  '--data <dir>',
  'folder or archive with CIFAR-10’s binary batches (default: the cache, else a download)',
  folderName,
] as const;

/** `--adapter`. */
export const adapterOption = (): Option =>
  new Option('--adapter <name>', 'where to compute: auto, hardware, lavapipe or swiftshader')
    .choices(ADAPTERS)
    .default('auto');

/** Ends the process where there are not so many seeds. */
export function checkSeeds(command: Command, { seed, seeds }: { readonly seed: number; readonly seeds: number }): void {
  if (seed + seeds - 1 > LAST_SEED)
    command.error(`error: --seeds ${seeds} from --seed ${seed} on goes beyond the last seed, ${LAST_SEED}.`);
}

export function folderName(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError("Give a folder's name; the one that you are in is '.'.");
}

export function whole(least: number, most = 2 ** 31 - 1): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
  };
}
