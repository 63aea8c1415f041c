/** Packages that only a part of wgrad needs, and that it does not bring along. */

import { StateError } from './errors.ts';

/** Loads one; `who`: the entry that needs it. */
export async function peer<Module>(who: string, name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    throw missing(who, name, cause);
  }
}

export const missing = (who: string, name: string, cause: unknown): StateError =>
  new StateError(`${who}: the package ${name} could not be loaded. Run: npm install ${name}`, { cause });
