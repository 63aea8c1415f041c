/** What is known of adapters; finding one is the platform's part. */

/**
 * Which adapter to open. `auto` takes a GPU where there is one and a software adapter where there is none; `null` is
 * Dawn's device that executes nothing, for measuring what the host costs (Node only).
 */
export type AdapterChoice = 'auto' | 'hardware' | 'lavapipe' | 'swiftshader' | 'null';

export const ADAPTERS: readonly AdapterChoice[] = ['auto', 'hardware', 'lavapipe', 'swiftshader', 'null'];

/** Lanes of a subgroup on a CPU: floats that one of its instructions works on. */
export type Lanes = 8 | 16;

/** What else there is to ask of an adapter's driver and of Dawn, in Node. */
export interface DriverOptions {
  readonly lanes?: Lanes;
  /** Whether Dawn leaves out the checks of indices in kernels. */
  readonly unchecked?: boolean;
}

export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  /** Dawn's instance, which has to live as long as what comes from it. Null in a browser. */
  readonly instance: GPU | null;
  /** Asks the adapter for a device, and sees to it that the instance lives as long. */
  open(descriptor: GPUDeviceDescriptor): Promise<GPUDevice>;
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
