/**
 * Where the winners of measurements stay from run to run: a JSON file in the user's cache folder, one for each adapter and
 * version of wgrad; in a browser, local storage. The environment variable WGRAD_TUNING=off leaves it alone.
 */

import { environment, tuningShelf } from '#platform';
import { FileError } from '../../base/errors.ts';
import { isRecord } from '../../base/isRecord.ts';
import { VERSION } from '../../base/version.ts';
import type { Shelf } from '../../platform/contract.ts';
import { onDisk } from '../../platform/files.ts';
import type { DeviceInfo } from '../capabilities.ts';

/** Which variant is fastest, by the key of an operation and its shapes. */
export type Choices = ReadonlyMap<string, string>;

/** What winners hold for: a driver on the CPU has as many lanes as this CPU offers, under the same name. */
export type MeasuredOn = Pick<DeviceInfo, 'name' | 'subgroupSize'>;

/** The choices of everything that a file is about, by `placeOf`. */
type Kept = ReadonlyMap<string, Choices>;

const FORMAT = 'wgrad tuning';
/** Of the file. Before 2, all that was measured was the default. */
const FORMAT_VERSION = 2;
const REMEDY = 'Delete it, or measure anew with openDevice({ tune: true }).';

const isOff = (): boolean => environment('WGRAD_TUNING') === 'off';

const placeOf = ({ name, subgroupSize }: MeasuredOn): string =>
  subgroupSize > 0 ? `${name}, ${subgroupSize} lanes` : name;

/**
 * What is kept for an adapter; empty where there is nothing. What cannot be used is ignored, with a warning unless it is
 * of an older format.
 */
export async function readChoices(on: MeasuredOn): Promise<Choices> {
  if (isOff()) return new Map();
  const shelf = tuningShelf(on.name);
  let text: string | null;
  try {
    text = await shelf.read();
  } catch (error) {
    warn(shelf, error);
    return new Map();
  }
  return usable(shelf, text).get(placeOf(on)) ?? new Map();
}

/**
 * Keeps winners beside those that are kept already, also by others at the same time.
 * @returns where; null where they could not be kept, which is warned of, or shall not be
 */
export async function writeChoices(on: MeasuredOn, choices: Choices): Promise<string | null> {
  if (isOff()) return null;
  const shelf = tuningShelf(on.name);
  try {
    const add = (text: string | null): string => {
      const kept = usable(shelf, text);
      const place = placeOf(on);
      const mine = new Map([...(kept.get(place) ?? []), ...choices]);
      return textOf(new Map([...kept, [place, mine]]));
    };
    await onDisk('tuning', shelf.name, () => shelf.update(add));
    return shelf.name;
  } catch (error) {
    // A FileError names the place and the remedy.
    const why =
      error instanceof FileError
        ? error.message
        : `${shelf.name}: ${messageOf(error)}. Make room or change the permissions.`;
    console.warn(`wgrad: what was measured could not be kept. ${why}`);
    return null;
  }
}

function textOf(kept: Kept): string {
  const choices = Object.fromEntries([...kept].map(([place, of]) => [place, Object.fromEntries([...of].sort(byKey))]));
  return `${JSON.stringify({ format: FORMAT, version: FORMAT_VERSION, wgrad: VERSION, choices }, null, 2)}\n`;
}

const byKey = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1);

/** What a text holds, which may be damaged. */
function usable(shelf: Shelf, text: string | null): Kept {
  try {
    return text === null ? new Map() : parse(text);
  } catch (error) {
    warn(shelf, error);
    return new Map();
  }
}

function warn({ name }: Shelf, error: unknown): void {
  console.warn(`wgrad: ${name} is ignored: ${messageOf(error)}. ${REMEDY}`);
}

/** Reads what `textOf` wrote for this version of wgrad; nothing from older formats; throws on anything else. */
function parse(text: string): Kept {
  const content: unknown = JSON.parse(text);
  if (!isRecord(content) || content.format !== FORMAT) throw new Error('it is no tuning file of wgrad');
  if (isOlder(content.version)) return new Map();
  if (content.version !== FORMAT_VERSION) {
    throw new Error(`its format is ${String(content.version)}, expected ${FORMAT_VERSION}`);
  }
  if (content.wgrad !== VERSION) throw new Error(`it is of wgrad ${String(content.wgrad)}, expected ${VERSION}`);
  return new Map(entriesOf(content.choices, 'choices').map(([place, choices]) => [place, choicesOf(place, choices)]));
}

/** Before formats had a number, the version of wgrad stood there. */
const isOlder = (version: unknown): boolean =>
  typeof version === 'string' || (typeof version === 'number' && version < FORMAT_VERSION);

function choicesOf(place: string, content: unknown): Choices {
  return new Map(
    entriesOf(content, `choices of ${place}`).map(([key, name]) => {
      if (typeof name !== 'string') throw new Error(`its choice for '${key}' is not a name`);
      return [key, name];
    }),
  );
}

function entriesOf(content: unknown, what: string): [string, unknown][] {
  if (!isRecord(content)) throw new Error(`its '${what}' are missing`);
  return Object.entries(content);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
