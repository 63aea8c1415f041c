/**
 * Where the winners of measurements stay from run to run: a JSON file in the user's cache folder, one for each adapter and
 * version of wgrad; in a browser, local storage. The environment variable WGRAD_TUNING=off leaves it alone.
 */

import { importNode, isNode } from '../node.ts';
import { VERSION } from '../version.ts';

/** Which variant is fastest, by the key of an operation and its shapes. */
export type Choices = ReadonlyMap<string, string>;

const FORMAT = 'wgrad tuning';
const REMEDY = 'Delete it, or measure anew with openDevice({ tune: true }).';

const isOff = (): boolean => typeof process !== 'undefined' && process.env?.WGRAD_TUNING === 'off';

/** One place that holds a text. */
interface Shelf {
  /** Where it is, for messages. */
  readonly name: string;
  /** The text, or null where there is none. */
  read(): Promise<string | null>;
  write(text: string): Promise<void>;
}

/** The file of an adapter; Node only. */
export async function tuningPath(adapter: string): Promise<string> {
  const [os, path] = await Promise.all([importNode('node:os'), importNode('node:path')]);
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  let folder: string;
  if (XDG_CACHE_HOME !== undefined && path.isAbsolute(XDG_CACHE_HOME)) folder = XDG_CACHE_HOME;
  else if (process.platform === 'win32') folder = LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local');
  else if (process.platform === 'darwin') folder = path.join(os.homedir(), 'Library', 'Caches');
  else folder = path.join(os.homedir(), '.cache');
  const slug = adapter
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100);
  return path.join(folder, 'wgrad', `tuning-${slug}-${VERSION}.json`);
}

async function fileShelf(adapter: string): Promise<Shelf> {
  const [fs, path, name] = await Promise.all([
    importNode('node:fs/promises'),
    importNode('node:path'),
    tuningPath(adapter),
  ]);
  return {
    name,
    read: () =>
      fs.readFile(name, 'utf8').catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }),
    async write(text) {
      await fs.mkdir(path.dirname(name), { recursive: true });
      // Whoever reads meanwhile gets the old file or the new one.
      const temporary = `${name}.${process.pid}.tmp`;
      try {
        await fs.writeFile(temporary, text);
        await fs.rename(temporary, name);
      } catch (error) {
        await fs.rm(temporary, { force: true });
        throw error;
      }
    },
  };
}

function browserShelf(adapter: string): Shelf {
  const name = `${FORMAT} ${VERSION} ${adapter}`;
  return {
    name: `local storage's '${name}'`,
    read: async () => globalThis.localStorage?.getItem(name) ?? null,
    async write(text) {
      globalThis.localStorage?.setItem(name, text);
    },
  };
}

const shelfOf = async (adapter: string): Promise<Shelf> => (isNode() ? fileShelf(adapter) : browserShelf(adapter));

/** What is kept for an adapter; empty where there is nothing. What cannot be used is ignored, with a warning. */
export async function readChoices(adapter: string): Promise<Choices> {
  if (isOff()) return new Map();
  const shelf = await shelfOf(adapter);
  try {
    const text = await shelf.read();
    return text === null ? new Map() : parseChoices(text, adapter);
  } catch (error) {
    console.warn(`wgrad: ${shelf.name} is ignored: ${messageOf(error)}. ${REMEDY}`);
    return new Map();
  }
}

/**
 * Keeps winners beside those that are kept already.
 * @returns where; null where they could not be kept, which is warned of, or shall not be
 */
export async function writeChoices(adapter: string, choices: Choices): Promise<string | null> {
  if (isOff()) return null;
  const shelf = await shelfOf(adapter);
  const all = new Map([...(await readChoices(adapter)), ...choices]);
  const sorted = Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
  try {
    await shelf.write(`${JSON.stringify({ format: FORMAT, version: VERSION, adapter, choices: sorted }, null, 2)}\n`);
    return shelf.name;
  } catch (error) {
    console.warn(
      `wgrad: what was measured could not be kept in ${shelf.name}: ${messageOf(error)}. Make room or change the permissions there.`,
    );
    return null;
  }
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
