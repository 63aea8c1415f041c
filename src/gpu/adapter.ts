/** Finds an adapter: Dawn in Node, `navigator.gpu` in a browser. */

import { DeviceError } from '../errors.ts';
import { importNode, isNode } from '../node.ts';
import { setupAdvice } from './adapterAdvice.ts';
import { loadSwiftShader, restoreVulkanVariables } from './swiftShader.ts';

/**
 * Which adapter to open. `auto` takes a GPU where there is one and a software adapter where there is none; `null` is
 * Dawn's device that executes nothing, for measuring what the host costs (Node only).
 */
export type AdapterChoice = 'auto' | 'hardware' | 'lavapipe' | 'swiftshader' | 'null';

export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  /** Dawn's instance: collecting it while the device lives aborts the process. Null in a browser. */
  readonly instance: GPU | null;
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|basic render|warp/i;

/** What the adapter calls itself, as far as it says. */
export function describeAdapter(info: GPUAdapterInfo): string {
  return (
    info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'unknown adapter'
  );
}

export function isSoftware(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter === true || SOFTWARE.test(`${describeAdapter(info)} ${info.architecture} ${info.device}`)
  );
}

/** Throws a DeviceError that names the remedy where no adapter fits. */
export async function findAdapter(choice: AdapterChoice): Promise<FoundAdapter> {
  return isNode() ? findWithDawn(choice) : findInBrowser(choice);
}

async function findInBrowser(choice: AdapterChoice): Promise<FoundAdapter> {
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

async function findWithDawn(choice: AdapterChoice): Promise<FoundAdapter> {
  const { create, globals } = await importNode('webgpu').catch((cause: unknown) => {
    throw new DeviceError('The package `webgpu` (Dawn) could not be loaded. Run: npm install webgpu', { cause });
  });
  // Dawn's flag constants and classes, which browsers have as globals.
  for (const [name, value] of Object.entries(globals))
    if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });

  const request = async (flags: string[]): Promise<FoundAdapter | null> => {
    const instance = create(flags);
    const adapter = await instance.requestAdapter({ powerPreference: 'high-performance' });
    return adapter === null ? null : { adapter, instance };
  };
  if (choice === 'null') {
    const found = await request(['backend=null']);
    if (found !== null) return found;
  }
  if (choice === 'swiftshader') {
    const found = (await loadSwiftShader()) ? await request([]).finally(restoreVulkanVariables) : null;
    if (found !== null && /swiftshader/i.test(describeAdapter(found.adapter.info))) return found;
    throw new DeviceError(
      `SwiftShader could not be loaded. Run: npm install --save-dev @sparticuz/chromium@147.0.0 (Linux x64).`,
    );
  }
  const found = await request([]);
  if (found !== null) {
    const name = describeAdapter(found.adapter.info);
    if (choice === 'auto') return found;
    if (choice === 'hardware' && !isSoftware(found.adapter.info)) return found;
    if (choice === 'lavapipe' && /llvmpipe|lavapipe/i.test(name)) return found;
    throw new DeviceError(`Asked for a ${choice} adapter, but this machine offers '${name}'. ${await setupAdvice()}`);
  }
  if (choice === 'auto' && (await loadSwiftShader())) {
    const software = await request([]).finally(restoreVulkanVariables);
    if (software !== null) return software;
  }
  throw new DeviceError(`No usable WebGPU adapter was found: no Vulkan driver answers. ${await setupAdvice()}`);
}
