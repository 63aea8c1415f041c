/** What differs between Node and browsers, as browsers have it; see node.ts. */

import { DataError, DeviceError, StateError } from '../errors.ts';
import { type AdapterChoice, type FoundAdapter, isSoftware } from '../gpu/adapter.ts';
import type { Shelf } from '../gpu/tuningStore.ts';
import { VERSION } from '../version.ts';
import type * as Node from './node.ts';

export const isNode: typeof Node.isNode = false;

export const environment: typeof Node.environment = () => undefined;

export const files: typeof Node.files = (who, instead) => {
  throw new StateError(`${who}: a browser has no files. ${instead}`);
};

const noFile = async (path: string): Promise<never> => {
  throw new StateError(`A browser has no files, '${path}' cannot be used. Keep the bytes yourself.`);
};

export const writeWhole: typeof Node.writeWhole = noFile;
export const readWhole: typeof Node.readWhole = noFile;
export const makeFolder: typeof Node.makeFolder = noFile;

export const loadCifar10: typeof Node.loadCifar10 = async () => {
  throw new DataError(
    'cifar10.load reads files and needs Node. In a browser, fetch the batch files and pass their bytes to cifar10.decode.',
  );
};

export const tuningShelf: typeof Node.tuningShelf = (adapter): Shelf => {
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
