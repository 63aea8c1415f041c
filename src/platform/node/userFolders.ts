/** The folders of the user that runs this process. There may be none: in a container, as a service, under a bare user id. */

import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** XDG_CACHE_HOME; null where it is not set, or relative, which its specification says to ignore. */
export function xdgCache(): string | null {
  const { XDG_CACHE_HOME } = process.env;
  return XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : null;
}

/** A folder in the user's home; null where the user has none, or where HOME is empty or relative. */
export function inHome(...names: readonly string[]): string | null {
  let home: string;
  try {
    home = homedir();
  } catch {
    return null; // Neither HOME nor the system's list of users has it.
  }
  return isAbsolute(home) ? join(home, ...names) : null;
}
