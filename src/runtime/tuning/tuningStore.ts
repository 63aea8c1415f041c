/**
 * Where the winners of measurements stay from run to run: a JSON file in the user's cache folder, one for each adapter and
 * version of wgrad; in a browser, local storage. The environment variable WGRAD_TUNING=off leaves it alone.
 */

import { environment, tuningShelf } from '#platform';
import { FileError } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import type { Shelf } from '../../platform/contract.ts';
import { onDisk } from '../../platform/files.ts';

/** Which variant is fastest, by the key of an operation and its shapes. */
export type Choices = ReadonlyMap<string, string>;

const FORMAT = 'wgrad tuning';
const REMEDY = 'Delete it, or measure anew with openDevice({ tune: true }).';

const isOff = (): boolean => environment('WGRAD_TUNING') === 'off';

/** What is kept for an adapter; empty where there is nothing. What cannot be used is ignored, with a warning. */
export async function readChoices(adapter: string): Promise<Choices> {
  if (isOff()) return new Map();
  const shelf = tuningShelf(adapter);
  try {
    return usable(shelf, await shelf.read(), adapter);
  } catch (error) {
    return ignored(shelf, error);
  }
}

/**
 * Keeps winners beside those that are kept already, also by others at the same time.
 * @returns where; null where they could not be kept, which is warned of, or shall not be
 */
export async function writeChoices(adapter: string, choices: Choices): Promise<string | null> {
  if (isOff()) return null;
  const shelf = tuningShelf(adapter);
  try {
    const add = (text: string | null): string => {
      const all = new Map([...usable(shelf, text, adapter), ...choices]);
      const sorted = Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
      return `${JSON.stringify({ format: FORMAT, version: VERSION, adapter, choices: sorted }, null, 2)}\n`;
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

/** The choices in a text, which may be damaged. */
function usable(shelf: Shelf, text: string | null, adapter: string): Choices {
  try {
    return text === null ? new Map() : parseChoices(text, adapter);
  } catch (error) {
    return ignored(shelf, error);
  }
}

function ignored({ name }: Shelf, error: unknown): Choices {
  console.warn(`wgrad: ${name} is ignored: ${messageOf(error)}. ${REMEDY}`);
  return new Map();
}

/** Reads what `writeChoices` wrote for this adapter and version; throws on anything else. */
function parseChoices(text: string, adapter: string): Choices {
  const content: unknown = JSON.parse(text);
  if (!isRecord(content) || content.format !== FORMAT) throw new Error('it is no tuning file of wgrad');
  if (content.version !== VERSION || content.adapter !== adapter) {
    throw new Error(
      `it is of wgrad ${String(content.version)} on '${String(content.adapter)}', expected wgrad ${VERSION} on '${adapter}'`,
    );
  }
  if (!isRecord(content.choices)) throw new Error("its 'choices' are missing");
  const choices = new Map<string, string>();
  for (const [key, name] of Object.entries(content.choices)) {
    if (typeof name !== 'string') throw new Error(`its choice for '${key}' is not a name`);
    choices.set(key, name);
  }
  return choices;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
