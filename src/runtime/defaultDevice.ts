/**
 * The device that tensors and models use when none is named. This is the library's one piece of module state: tensors are
 * made by free functions, before any device is asked for, and a program has one device. It is the oldest device that is
 * still open; where there is none, the first use opens one.
 */

import { createDevice, onDemand } from './createDevice.ts';
import type { Device, DeviceOptions } from './device.ts';

const devices: Promise<Device>[] = [];

/**
 * Opens a device. The first one that is open becomes the default of tensors and models.
 * @throws DeviceError where no adapter is usable; the message names the remedy.
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  // As they are now: the adapter takes its time.
  const opening = open({ ...options, limits: options.limits && { ...options.limits } });
  devices.push(opening);
  try {
    const device = await opening;
    device.onClose = () => forget(opening);
    return device;
  } catch (error) {
    forget(opening);
    throw error;
  }
}

async function open(options: DeviceOptions): Promise<Device> {
  const device = await createDevice(options);
  if (options.tune) {
    // Few programs measure: the others do not load it.
    const { tuneAsNeeded } = await onDemand();
    tuneAsNeeded(device);
  }
  return device;
}

/** A device that is closed, or was never open, is nobody's default and free to be collected. */
function forget(opening: Promise<Device>): void {
  const at = devices.indexOf(opening);
  if (at >= 0) devices.splice(at, 1);
}

/** The oldest open device, opened now if there is none. */
export async function defaultDevice(): Promise<Device> {
  while (devices.length > 0) {
    const [oldest] = devices;
    const device = await oldest;
    if (!device.closed) return device;
    forget(oldest);
  }
  return openDevice();
}
