/** Finds an adapter through Dawn. */

import { DeviceError } from '../../base/errors.ts';
import { type AdapterChoice, type DriverOptions, describeAdapter, type FoundAdapter, isSoftware } from '../adapter.ts';
import { driverAdvice, setupAdvice } from './adapterAdvice.ts';
import { codeOf } from './codeOf.ts';
import { adapterOf, deviceOf } from './instance.ts';
import { settleLanes } from './lanes.ts';
import { withSwiftShader } from './swiftShader.ts';
import { untold } from './untold.ts';

/** Timestamps are rounded to a tenth of a millisecond for the sake of browsers' secrets: most kernels are shorter. */
const EXACT_TIMES = 'disable-dawn-features=timestamp_quantization';
/** Has Dawn not keep kernels from reading and writing beyond their arrays. Commands are checked all the same: that costs 4 µs a step. */
const UNCHECKED = 'enable-dawn-features=disable_robustness';

/** Throws a DeviceError that names the remedy where no adapter fits, or where it cannot be had like that. */
export async function findAdapter(
  choice: AdapterChoice,
  { lanes, unchecked = false }: DriverOptions = {},
): Promise<FoundAdapter> {
  settleLanes(lanes);
  const { create, globals } = await import('webgpu').catch((cause: unknown) => {
    throw notLoaded(cause);
  });
  // Dawn's flag constants and classes, which browsers have as globals.
  for (const [name, value] of Object.entries(globals))
    if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });

  const ask = async (flags: string[]): Promise<FoundAdapter | null> => {
    const instance = create([...flags, EXACT_TIMES, ...(unchecked ? [UNCHECKED] : [])]);
    const adapter = await adapterOf(instance);
    if (adapter === null) return null;
    return { adapter, instance, open: (descriptor) => deviceOf(instance, adapter, descriptor) };
  };
  const request = (flags: string[]): Promise<FoundAdapter | null> => untold(() => ask(flags));
  const requestSwiftShader = (): Promise<FoundAdapter | null> => untold(async () => withSwiftShader(() => ask([])));
  if (choice === 'null') {
    const found = await request(['backend=null']);
    if (found !== null) return found;
  }
  if (choice === 'swiftshader') {
    const found = await requestSwiftShader();
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
    throw new DeviceError(`Asked for a ${choice} adapter, but this machine offers '${name}'. ${adviceFor(choice)}`);
  }
  if (choice === 'auto') {
    const software = await requestSwiftShader();
    if (software !== null) return software;
  }
  throw new DeviceError(`No usable WebGPU adapter was found: no Vulkan driver answers. ${adviceFor(choice)}`);
}

/** A software adapter is no remedy for who wants a graphics card. */
const adviceFor = (choice: AdapterChoice): string => (choice === 'hardware' ? driverAdvice() : setupAdvice());

/** Dawn is missing, or is there and broken: then the reason says what it lacks. */
function notLoaded(cause: unknown): DeviceError {
  if (codeOf(cause) === 'ERR_MODULE_NOT_FOUND') {
    return new DeviceError('The package `webgpu` (Dawn) is not installed. Run: npm install webgpu', { cause });
  }
  const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0].replace(/\.$/, '');
  return new DeviceError(
    `The package \`webgpu\` (Dawn) is installed but could not be loaded: ${reason}. Give the system what it names, or, where ` +
      'the file is missing or damaged, run: npm install --force webgpu',
    { cause },
  );
}
