/** How a device is waited for. The declarations of the package reach this file, so it names nothing of Node. */

/** Awaits promises of WebGPU. */
export interface Waiter {
  wait<T>(promise: Promise<T>): Promise<T>;
}
