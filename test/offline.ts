/** The environment of programs that must do without a network and without what a user has downloaded. */

import { shaderCache } from './shaderCache.ts';

/** A module that takes the network away from a process. */
const module = `data:text/javascript,${encodeURIComponent(
  'globalThis.fetch = async () => { throw new TypeError("fetch failed", { cause: Object.assign(new Error("no network"), { code: "ENETUNREACH" }) }); };',
)}`;

/** @param cache a folder that is the cache of all but Mesa, which has compiled the same kernels in earlier runs */
export function offline(cache: string): NodeJS.ProcessEnv {
  const env = { XDG_CACHE_HOME: cache, MESA_SHADER_CACHE_DIR: shaderCache(), NODE_OPTIONS: `--import ${module}` };
  return { ...process.env, ...env };
}
