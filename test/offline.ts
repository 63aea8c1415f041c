/** The environment of programs that must do without a network and without what a user has downloaded. */

import { homedir } from 'node:os';
import { join } from 'node:path';

/** A module that takes the network away from a process. */
const module = `data:text/javascript,${encodeURIComponent(
  'globalThis.fetch = async () => { throw new TypeError("fetch failed", { cause: Object.assign(new Error("no network"), { code: "ENETUNREACH" }) }); };',
)}`;

/** @param cache a folder that is the cache of all but Mesa, which has compiled the same kernels in earlier runs */
export function offline(cache: string): NodeJS.ProcessEnv {
  const { XDG_CACHE_HOME, MESA_SHADER_CACHE_DIR = XDG_CACHE_HOME || join(homedir(), '.cache') } = process.env;
  return { ...process.env, XDG_CACHE_HOME: cache, MESA_SHADER_CACHE_DIR, NODE_OPTIONS: `--import ${module}` };
}
