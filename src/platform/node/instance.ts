/**
 * Keeps Dawn's instance as long as Dawn reads it. Its binding looks for answers in a callback of the event loop, which knows the
 * instance by a bare pointer: where it is collected before that callback has run, the process crashes.
 */

/** The turn in which what is under way gets its answers, the one that finds nothing more under way, and one to spare. */
const TURNS = 3;

/** Keeps the instance for the next turns of the event loop. */
function keep(instance: GPU, turns = TURNS): void {
  if (turns > 0) setImmediate(keep, instance, turns - 1);
}

/** Asks for an adapter; null where there is none. */
export async function adapterOf(instance: GPU): Promise<GPUAdapter | null> {
  try {
    return await instance.requestAdapter({ powerPreference: 'high-performance' });
  } finally {
    keep(instance);
  }
}

/** Asks for a device; the instance is kept until the device is lost or closed, and all its work has been answered. */
export async function deviceOf(
  instance: GPU,
  adapter: GPUAdapter,
  descriptor: GPUDeviceDescriptor,
): Promise<GPUDevice> {
  try {
    const device = await adapter.requestDevice(descriptor);
    void device.lost.then(() => keep(instance));
    return device;
  } finally {
    keep(instance);
  }
}
