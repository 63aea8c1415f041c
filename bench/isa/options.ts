/** The command line of `npm run bench:isa`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { STEP_NETWORKS, type StepNetworkName } from '../networks.ts';
import { FAMILY_NAMES, type FamilyName } from './families.ts';

/** Where a run is kept that later ones are compared with. */
export const KEPT = 'bench/isa/kept.jsonl';

export interface IsaFlags {
  readonly networks: readonly StepNetworkName[];
  readonly batches: readonly number[];
  readonly families: readonly FamilyName[];
  readonly peers: boolean;
  /** Also the lines of memory that the steps touch. */
  readonly lines: boolean;
  /** A folder whose .wgsl files are looked at instead. */
  readonly wgsl: string | null;
  /** Kernels of which the machine code is printed. */
  readonly isa: RegExp | null;
  readonly json: string | null;
  readonly keep: string | null;
  readonly compare: string | null;
}

/** The command line as it was typed. */
interface Typed {
  readonly network?: StepNetworkName;
  readonly batch: readonly number[];
  readonly family?: readonly FamilyName[];
  readonly peers: boolean;
  readonly lines: boolean;
  readonly wgsl?: string;
  readonly isa?: RegExp;
  readonly json?: string;
  readonly keep?: string | true;
  readonly compare?: string | true;
}

/** Reads the command line. Prints help, or what is wrong with a flag, and ends the process where that is called for. */
export function readIsaFlags(argv: readonly string[]): IsaFlags {
  const command = new Command('npm run bench:isa --')
    .description(
      'Compiles every kernel of a training step for GPUs that are not there, with the compiler of a real driver, and tells ' +
        'registers, waves and the largest share of the arithmetic peak that the code allows.',
    )
    .addOption(new Option('--network <name>', 'one network only').choices(STEP_NETWORKS))
    .addOption(
      new Option('--batch <sizes>', 'batch sizes, separated by commas')
        .argParser(sizes)
        .default([1, 32, 128, 512], '1,32,128,512'),
    )
    .option('--family <names>', `GPUs, separated by commas, of ${FAMILY_NAMES.join(', ')} (default: all)`, familiesIn)
    .option('--peers', 'also the kernels of TensorFlow.js and jax-js, in a step of the study’s network', false)
    .addOption(
      new Option(
        '--lines',
        'also run the steps on the adapter at hand, and count the lines of memory that neighbouring threads touch: minutes a step',
      )
        .default(false)
        .conflicts('wgsl'),
    )
    .option('--wgsl <dir>', 'the .wgsl files of a folder instead of the networks’ kernels')
    .option('--isa <pattern>', 'also print the machine code of the kernels whose names match', pattern)
    .option('--json <file>', 'write all rows to a file, an object a line')
    .option(
      '--keep [file]',
      `keep the rows for later runs to compare with, beside those of other networks, batches and GPUs (default: ${KEPT})`,
    )
    .option('--compare [file]', `tell what is different from kept rows (default: ${KEPT})`)
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)');
  command.parse(argv, { from: 'user' });
  const { network, batch, family, peers, lines, wgsl, isa, json, keep, compare } = command.opts<Typed>();
  const pathOf = (given: string | true | undefined): string | null => (given === true ? KEPT : (given ?? null));
  return {
    networks: network === undefined ? STEP_NETWORKS : [network],
    batches: batch,
    families: family ?? FAMILY_NAMES,
    peers,
    lines,
    wgsl: wgsl ?? null,
    isa: isa ?? null,
    json: json ?? null,
    keep: pathOf(keep),
    compare: pathOf(compare),
  };
}

function familiesIn(text: string): readonly FamilyName[] {
  return text.split(',').map((word) => {
    const found = FAMILY_NAMES.find((name) => name === word.trim());
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`There is no family '${word}'. Choose from ${FAMILY_NAMES.join(', ')}.`);
  });
}

function sizes(text: string): readonly number[] {
  const values = text.split(',').map((word) => {
    const value = Number(word.trim());
    if (/^\d+$/.test(word.trim()) && value >= 1 && value <= 2 ** 16) return value;
    throw new InvalidArgumentError(`Expected whole numbers from 1 to 65536, got '${word}'.`);
  });
  return [...new Set(values)].sort((a, b) => a - b);
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch (cause) {
    throw new InvalidArgumentError(`Expected a regular expression, such as 'matmul', got '${text}': ${String(cause)}.`);
  }
}
