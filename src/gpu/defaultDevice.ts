/**
 * The device that tensors and models use when none is named. This is the library's one piece of module state: tensors are
 * made by free functions, before any device is asked for, and a program has one device. It is the oldest device that is
 * still open; where there is none, the first use opens one.
 */

import { createDevice } from './createDevice.ts';
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
    return await opening;
  } catch (error) {
    devices.splice(devices.indexOf(opening), 1);
    throw error;
  }
}

async function open(options: DeviceOptions): Promise<Device> {
  const device = await createDevice(options);
  if (options.tune) {
    // Few programs measure: the others do not load it.
    const { tuneAsNeeded } = await device.seldom();
    tuneAsNeeded(device);
  }
  return device;
}

/** The oldest open device, opened now if there is none. */
export async function defaultDevice(): Promise<Device> {
  while (devices.length > 0) {
    const device = await devices[0];
    if (!device.closed) return device;
    devices.shift();
  }
  return openDevice();
}
