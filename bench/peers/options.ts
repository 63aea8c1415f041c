/** The command line of `npm run bench:peers`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { AdapterChoice } from '../../src/index.ts';
import { NETWORKS, type NetworkName } from './networks.ts';
import { PEERS, type Peer } from './registry.ts';

export interface PeerFlags {
  readonly network: NetworkName;
  readonly batches: readonly number[];
  readonly peers: readonly Peer[];
  readonly adapter: AdapterChoice;
  readonly rounds: number;
  readonly seconds: number;
  readonly timeout: number;
  /** Which Python has torch. */
  readonly python?: string;
  readonly all: boolean;
  readonly cold: boolean;
  readonly json: boolean;
  readonly out: string;
}

const names = PEERS.map(({ name }) => name).join(', ');
const adapters = ['auto', 'hardware', 'lavapipe', 'swiftshader'] satisfies AdapterChoice[];

/** Reads the command line. Prints help, or what is wrong with a flag, and ends the process where that is called for. */
export function readPeerFlags(argv: readonly string[]): PeerFlags {
  const command = new Command('npm run bench:peers --')
    .description(
      'Trains a network with wgrad and with its peers, on one adapter, each in processes of its own, one after the other. ' +
        'The peers’ packages are installed on the first run.',
    )
    .addOption(
      new Option(
        '--network <name>',
        Object.entries(NETWORKS)
          .map((entry) => entry.join(': '))
          .join('; '),
      )
        .choices(Object.keys(NETWORKS))
        .default('study'),
    )
    .addOption(
      new Option('--batches <list>', 'batch sizes, separated by commas')
        .argParser(parseBatches)
        .default([32, 128], '32,128'),
    )
    .option('--peers <names>', `peers, separated by commas, of ${names} (default: all)`, parsePeers)
    .addOption(
      new Option('--adapter <name>', 'the adapter of all peers on WebGPU')
        .choices(adapters)
        .default('auto')
        .env('WGRAD_ADAPTER'),
    )
    .option('--rounds <n>', 'times that all peers take turns; results are medians of them', whole, 3)
    .option('--seconds <n>', 'what the steps of one process may take; two after the first are always made', whole, 20)
    .option('--timeout <n>', 'seconds after which a process is ended', whole, 300)
    .option('--python <path>', 'the Python whose torch is measured (default: python3, where it has torch)')
    .option('--all', 'measure slow peers in every round and at every batch, not only once at the smallest', false)
    .option('--cold', 'also time first steps without the shaders that drivers keep on disk', false)
    .option('--json', 'print one JSON object instead of the table', false)
    .option('--out <dir>', 'where peers.json and peers.png go', 'results/bench')
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists all flags)');
  command.parse(argv, { from: 'user' });
  return { ...command.opts<PeerFlags>(), peers: command.getOptionValue('peers') ?? PEERS };
}

function parsePeers(text: string): readonly Peer[] {
  const wanted = text.split(',').map((name) => name.trim());
  for (const name of wanted) {
    if (PEERS.some((peer) => peer.name === name)) continue;
    throw new InvalidArgumentError(`There is no peer '${name}'. Choose from ${names}.`);
  }
  return PEERS.filter(({ name }) => wanted.includes(name));
}

/** Each once, the smallest first: it tells which peers are slow. */
function parseBatches(text: string): readonly number[] {
  return [...new Set(text.split(',').map((word) => whole(word.trim())))].sort((a, b) => a - b);
}

function whole(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 2 ** 20) return value;
  throw new InvalidArgumentError('Give whole numbers above 0.');
}
