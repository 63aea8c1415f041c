/** The bench's command line, and what follows from it. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { AdapterChoice } from '../src/index.ts';
import { NETWORKS, type NetworkName } from './kernels.ts';

export const PARTS = ['ceilings', 'kernels', 'steps', 'epochs'] as const;
export type Part = (typeof PARTS)[number];

const ADAPTERS = ['auto', 'hardware', 'lavapipe', 'swiftshader'] as const satisfies readonly AdapterChoice[];

/** The command line as it was typed; what was left out is undefined. */
interface Flags {
  readonly parts?: readonly Part[];
  readonly network?: NetworkName;
  readonly kernels?: RegExp;
  readonly batches?: readonly number[];
  readonly quick: boolean;
  readonly profile: boolean;
  readonly budget?: number;
  readonly samples?: number;
  readonly steps?: number;
  readonly images?: number;
  readonly epochs?: number;
  readonly data?: string;
  readonly adapter: (typeof ADAPTERS)[number];
  readonly json: boolean;
  readonly out: string;
}

export interface Settings {
  readonly parts: ReadonlySet<Part>;
  readonly networks: readonly NetworkName[];
  readonly pattern: RegExp | null;
  readonly batches: {
    readonly kernels: readonly number[];
    readonly steps: readonly number[];
    readonly epochs: readonly number[];
  };
  readonly profile: boolean;
  /** Longest time for one number; null: by the adapter. */
  readonly budgetMs: number | null;
  readonly samples: number;
  readonly sampleMs: number;
  readonly steps: number;
  /** Images of an epoch; null: by the adapter. */
  readonly images: number | null;
  readonly epochs: number;
  readonly data: string | undefined;
  readonly adapter: (typeof ADAPTERS)[number];
  readonly json: boolean;
  readonly out: string;
}

/** Reads the command line. Prints help, or what is wrong with a flag, and ends the process where that is called for. */
export function readSettings(argv: readonly string[]): Settings {
  const command = new Command('npm run bench --')
    .description('Measures what the adapter can do, every kernel, whole training steps, and epochs with their data.')
    .option(
      '--parts <names>',
      `parts to run, separated by commas, of ${PARTS.join(', ')} (default: all; kernels with --network or --kernels, steps with --profile)`,
      list('part', PARTS),
    )
    .addOption(new Option('--network <name>', 'kernels of one network only').choices(NETWORKS))
    .option('--kernels <pattern>', 'kernels whose name and direction match a regular expression', pattern)
    .option(
      '--batches <sizes>',
      'batch sizes of all parts, separated by commas (default: 1 to 2048; epochs and --profile: 32,128)',
      sizes,
    )
    .option('--quick', 'fewer batches, kernels and samples: under a minute on two cores', false)
    .option('--profile', 'also print what every kernel takes within a training step', false)
    .option(
      '--budget <seconds>',
      'longest time for a kernel’s number; a step has five times that (default: 3 on a software adapter, 10 on a GPU)',
      seconds,
    )
    .option('--samples <n>', 'samples of each kernel (default: 7, or 3 with --quick)', whole)
    .option('--steps <n>', 'training steps that are timed (default: 11, or 5 with --quick)', whole)
    .option('--images <n>', 'images of an epoch (default: 2,560 on a software adapter, 51,200 on a GPU)', whole)
    .option('--epochs <n>', 'epochs that are timed (default: 3, or 1 with --quick)', whole)
    .option('--data <dir>', 'folder or archive with CIFAR-10 for the epochs (default: drawn images)')
    .addOption(new Option('--adapter <name>', 'where to compute').choices(ADAPTERS).default('auto'))
    .option('--json', 'one JSON object a line on stdout, the tables on stderr', false)
    .option('--out <dir>', 'where bench.json and throughput.png go', 'results/bench')
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)');
  command.parse(argv, { from: 'user' });
  return settingsOf(command.opts<Flags>());
}

export function settingsOf(flags: Flags): Settings {
  const { quick, profile, batches } = flags;
  const all = quick ? [1, 8, 32, 128] : [1, 8, 32, 128, 512, 2048];
  return {
    parts: new Set(flags.parts ?? partsOf(flags)),
    networks: flags.network === undefined ? (quick ? ['study'] : NETWORKS) : [flags.network],
    pattern: flags.kernels ?? null,
    batches: {
      kernels: batches ?? (quick ? [8, 128] : all),
      steps: batches ?? (profile ? [32, 128] : all),
      epochs: batches ?? [32, 128],
    },
    profile,
    budgetMs: flags.budget === undefined ? (quick ? 2000 : null) : flags.budget * 1000,
    samples: flags.samples ?? (quick ? 3 : 7),
    sampleMs: quick ? 20 : 50,
    steps: flags.steps ?? (quick ? 5 : 11),
    images: flags.images ?? (quick ? 1024 : null),
    epochs: flags.epochs ?? (quick ? 1 : 3),
    data: flags.data,
    adapter: flags.adapter,
    json: flags.json,
    out: flags.out,
  };
}

function partsOf({ network, kernels, profile }: Flags): readonly Part[] {
  if (profile) return ['steps'];
  return network !== undefined || kernels !== undefined ? ['kernels'] : PARTS;
}

function list<Name extends string>(what: string, names: readonly Name[]): (text: string) => Name[] {
  return (text) =>
    text.split(',').map((word) => {
      const name = names.find((one) => one === word.trim());
      if (name !== undefined) return name;
      throw new InvalidArgumentError(`There is no ${what} '${word}'. Choose from ${names.join(', ')}.`);
    });
}

function sizes(text: string): number[] {
  return [...new Set(text.split(',').map((word) => whole(word.trim())))].sort((a, b) => a - b);
}

function whole(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value < 2 ** 31) return value;
  throw new InvalidArgumentError(`Expected a whole number of at least 1, got '${text}'.`);
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new InvalidArgumentError(`Expected seconds above 0, such as 3, got '${text}'.`);
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch (cause) {
    throw new InvalidArgumentError(
      `Expected a regular expression, such as 'conv.*grad', got '${text}': ${String(cause)}.`,
    );
  }
}
