/** Packages that only pictures need, and that wgrad does not bring along. */

import { StateError } from '../base/errors.ts';

/** Loads one. */
export async function peer<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    throw missing(name, cause);
  }
}

export const missing = (name: string, cause: unknown): StateError =>
  new StateError(`wgrad/pictures: the package ${name} could not be loaded. Run: npm install ${name}`, { cause });
