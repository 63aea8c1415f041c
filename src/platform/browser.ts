/** What differs between Node and browsers, as browsers have it; see contract.ts. */

import { DeviceError, StateError } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import { type AdapterChoice, type FoundAdapter, isSoftware } from './adapter.ts';
import type { Platform, Shelf } from './contract.ts';

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
  if (typeof navigator === 'undefined' || navigator.gpu === undefined) {
    throw new DeviceError(
      'This browser offers no WebGPU (navigator.gpu is missing). Use a browser with WebGPU on a secure page (https or ' +
        'localhost), or enable it in the browser’s settings.',
    );
  }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null || (choice === 'hardware' && isSoftware(adapter.info))) {
    throw new DeviceError(
      `The browser offers WebGPU but no ${choice === 'hardware' ? 'GPU' : 'adapter'} for it. Update the graphics driver, or ` +
        'allow hardware acceleration in the browser’s settings.',
    );
  }
  return { adapter, instance: null };
}
