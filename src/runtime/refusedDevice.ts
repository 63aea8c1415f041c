/** What a person reads where a device is not to be had, does not answer, or holds more than the host can take. */

import { formatBytes } from '../base/dtype.ts';
import { ArgumentError, DeviceError, OutOfMemoryError } from '../base/errors.ts';
import { nearest } from '../base/optionNames.ts';
import { ADAPTERS, describeAdapter } from '../platform/adapter.ts';

/** How long the news of a loss may take after the loss itself was felt, in milliseconds. */
const NEWS_MS = 1000;

/** Of an adapter that does not exist; `option` is what `openDevice` was given. */
export function noAdapter(name: unknown, option: unknown): ArgumentError {
  const near = nearest(String(name), ADAPTERS);
  return new ArgumentError(
    `${option === 'auto' ? 'WGRAD_ADAPTER' : 'openDevice'}: there is no adapter '${String(name).slice(0, 40)}'.` +
      `${near === null ? '' : ` Did you mean '${near}'?`} Use one of ${ADAPTERS.join(', ')}.`,
  );
}

const reasonOf = (cause: unknown): string =>
  cause instanceof Error && cause.message !== '' ? cause.message.split('\n', 1)[0] : 'no reason was given';

/** Of an adapter that was found but does not open. */
export const noDevice = (info: GPUAdapterInfo, cause: unknown): DeviceError =>
  new DeviceError(
    `'${describeAdapter(info)}' gives no device: ${reasonOf(cause)}. Close devices that are no longer used, or update the driver.`,
    { cause },
  );

/** A device as far as this module needs it. */
export interface Waiting {
  readonly gpu: GPUDevice;
  readonly info: { readonly name: string };
  /** Throws what has gone wrong on it. */
  check(): void;
}

/** What broke a promise: the loss of the device or its closing, as a rule, whose news may come later. */
export async function noAnswer(device: Waiting, cause: unknown): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, NEWS_MS);
  });
  await Promise.race([device.gpu.lost, late]);
  clearTimeout(timer);
  try {
    device.check();
  } catch (known) {
    return known;
  }
  return new DeviceError(
    `Waiting for '${device.info.name}' failed: ${reasonOf(cause)}. Close the device and open a new one with openDevice().`,
    { cause },
  );
}

/** Of host memory for what is read back. */
export const noHostMemory = (bytes: number, cause: unknown): OutOfMemoryError =>
  new OutOfMemoryError(
    `The host has no memory for reading back ${formatBytes(bytes)}. Read it in parts, for example with slice().`,
    { cause },
  );
