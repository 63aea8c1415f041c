/** Mesa's cache of compiled kernels, for what tests start or do with caches of their own: nothing is compiled anew for those. */

import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder that this process has it in. */
export function shaderCache(): string {
  const { MESA_SHADER_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  return MESA_SHADER_CACHE_DIR || XDG_CACHE_HOME || join(homedir(), '.cache');
}
