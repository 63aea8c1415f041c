/** Finds an adapter through Dawn. */

import { DeviceError } from '../errors.ts';
import { type AdapterChoice, describeAdapter, type FoundAdapter, isSoftware } from '../gpu/adapter.ts';
import { setupAdvice } from './adapterAdvice.ts';
import { loadSwiftShader, restoreVulkanVariables } from './swiftShader.ts';

/** Throws a DeviceError that names the remedy where no adapter fits. */
export async function findAdapter(choice: AdapterChoice): Promise<FoundAdapter> {
  const { create, globals } = await import('webgpu').catch((cause: unknown) => {
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
    const found = loadSwiftShader() ? await request([]).finally(restoreVulkanVariables) : null;
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
    throw new DeviceError(`Asked for a ${choice} adapter, but this machine offers '${name}'. ${setupAdvice()}`);
  }
  if (choice === 'auto' && loadSwiftShader()) {
    const software = await request([]).finally(restoreVulkanVariables);
    if (software !== null) return software;
  }
  throw new DeviceError(`No usable WebGPU adapter was found: no Vulkan driver answers. ${setupAdvice()}`);
}
