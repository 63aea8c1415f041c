/** What differs between Node and browsers, as browsers have it; see contract.ts. */

import { DeviceError, StateError } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import { type AdapterChoice, type FoundAdapter, isSoftware } from './adapter.ts';
import type { Platform, Shelf } from './contract.ts';
import type { Waiter } from './waiter.ts';

const advice = () => import('./browserAdvice.ts');

export const isNode: Platform['isNode'] = false;

export const environment: Platform['environment'] = (name) => Reflect.get(globalThis, name);

export const files: Platform['files'] = (who, instead) => {
  throw new StateError(`${who}: a browser has no files. ${instead}`);
};

const noFile = async (path: string): Promise<never> => {
  throw new StateError(`A browser has no files, '${path}' cannot be used. Keep the bytes yourself.`);
};

export const writeWhole: Platform['writeWhole'] = noFile;
export const readWhole: Platform['readWhole'] = noFile;
export const makeFolder: Platform['makeFolder'] = noFile;

const atOnce: Waiter = { wait: (promise) => promise };

export const waiter: Platform['waiter'] = () => atOnce;

export const tuningShelf: Platform['tuningShelf'] = (adapter): Shelf => {
  const name = `wgrad tuning ${VERSION} ${adapter}`;
  const stored = (): string | null => globalThis.localStorage?.getItem(name) ?? null;
  return {
    name: `local storage's '${name}'`,
    read: async () => stored(),
    async update(change) {
      globalThis.localStorage?.setItem(name, change(stored()));
    },
  };
};

export async function findAdapter(choice: AdapterChoice): Promise<FoundAdapter> {
  const adapter = await webGpu()?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter || (choice === 'hardware' && isSoftware(adapter.info))) {
    throw new DeviceError((await advice()).noAdapterFor(choice, webGpu()));
  }
  return { adapter, instance: null, open: (descriptor) => adapter.requestDevice(descriptor) };
}

/** Undefined where the browser has none, or has no navigator at all. */
const webGpu = (): GPU | undefined => globalThis.navigator?.gpu;
