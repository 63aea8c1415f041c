/** Where and how a study was made, for its report: nothing in it tells whose machine that was or where files lie on it. */
import { arch, cpus, homedir, release, type } from 'node:os';
import { type DeviceInfo, VERSION } from '../../src/index.ts';
import type { StudyFacts } from './results.ts';

/** Names and values in the order in which a person reads them. */
export type Environment = readonly (readonly [name: string, value: string])[];

export interface Surroundings {
  readonly facts: StudyFacts;
  readonly device: DeviceInfo;
  /** Where the images came from. */
  readonly source: string;
  /** The command line after the script. */
  readonly argv: readonly string[];
  readonly date?: Date;
}

export function environmentOf({ facts, device, source, argv, date = new Date() }: Surroundings): Environment {
  const processors = cpus();
  const mebibytes = (bytes: number): string => `${Math.floor(bytes / 2 ** 20).toLocaleString('en-US')} MiB`;
  return [
    ['date', date.toISOString()],
    ['command', commandLine(argv)],
    ['wgrad', VERSION],
    ['Node', process.versions.node],
    ['operating system', `${type()} ${release()}, ${arch()}`],
    ['processor', processors.length === 0 ? 'unknown' : `${processors.length} × ${processors[0].model.trim()}`],
    ['adapter', facts.adapter],
    ['software adapter', facts.software ? 'yes' : 'no'],
    ['device features', device.features.join(', ') || 'none'],
    ['lanes of a subgroup', device.subgroupSize === 0 ? 'not fixed' : String(device.subgroupSize)],
    ['largest buffer', mebibytes(device.maxBufferBytes)],
    ['largest binding', mebibytes(device.maxBindingBytes)],
    ['preset', facts.preset],
    ['seed', String(facts.seed)],
    ['data', facts.data],
    ['data source', withoutFolders(source)],
  ];
}

/** As it would be typed again, but for the folders. */
export function commandLine(argv: readonly string[]): string {
  const words = argv
    .map((word) => withoutFolders(word))
    .map((word) => (/^[\w./:=,@%+~…-]+$/.test(word) ? word : quoted(word)));
  return ['npm run cifar', ...(words.length === 0 ? [] : ['--', ...words])].join(' ');
}

/** An absolute path at the end of a text keeps its last name only: `read from /data/cifar` becomes `read from …/cifar`. */
export function withoutFolders(text: string): string {
  return text.replace(/(^|[\s=])((?:[A-Za-z]:)?[\\/].*)$/s, (_, before: string, path: string) => {
    const bare = path.replace(/[\\/]+$/, '');
    return `${before}${bare === homedir() ? '~' : `…/${bare.split(/[\\/]/).at(-1)}`}`;
  });
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
