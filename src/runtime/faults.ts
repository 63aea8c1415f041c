/**
 * What has gone wrong on a device. WebGPU tells of it late: by error scopes, by an event, by the loss of the device. Here all
 * of it becomes one typed error, the first one, which stays.
 */

import { DeviceError, OutOfMemoryError } from '../base/errors.ts';

/** What WebGPU may answer with, the likeliest cause first. */
const ERROR_KINDS: readonly GPUErrorFilter[] = ['out-of-memory', 'internal', 'validation'];
const UNUSABLE = ' Its memory is now undefined: close the device and open a new one with openDevice().';

export class Faults {
  readonly #gpu: GPUDevice;
  #first: DeviceError | null = null;
  /** Settles when the error scopes opened so far have answered. */
  #answered: Promise<unknown> = Promise.resolve();

  /** `name`: of the device. */
  constructor(gpu: GPUDevice, name: string) {
    this.#gpu = gpu;
    gpu.addEventListener('uncapturederror', this.#onUncaptured);
    void gpu.lost.then(({ reason, message }) => {
      this.#note(
        new DeviceError(
          `The device '${name}' was lost (${reason}): ${message || 'the driver gave no reason'}. Close it and open a new one ` +
            'with openDevice(); if it happens again, use a smaller batch or update the driver.',
        ),
      );
    });
  }

  readonly #onUncaptured = (event: GPUUncapturedErrorEvent): void => {
    event.preventDefault();
    this.#note(errorOf(event.error, 'a command', UNUSABLE));
  };

  /** To be called before the device is destroyed: one that is listened to is never freed, nor are its threads. */
  close(): void {
    this.#gpu.removeEventListener('uncapturederror', this.#onUncaptured);
  }

  #note(error: DeviceError): void {
    this.#first ??= error;
  }

  /** Throws the first error, the same one every time. */
  check(): void {
    if (this.#first !== null) throw this.#first;
  }

  /** Resolves when WebGPU has answered for all that was watched so far. */
  async answered(): Promise<void> {
    await this.#answered;
  }

  /** Runs commands. What WebGPU refuses of them is from then on the error of this device, and names `what`. */
  watch<T>(what: string | ((error: GPUError) => Promise<string>), commands: () => T): T {
    const { result, refused } = this.scoped(commands);
    const noted = refused.then(async (error) => {
      if (error === null) return;
      this.#note(errorOf(error, typeof what === 'string' ? what : await what(error), UNUSABLE));
    });
    // Without their values, which would hold each other for ever.
    this.#answered = Promise.all([this.#answered, noted]).then(() => undefined);
    return result;
  }

  /** Runs commands in error scopes. What is refused is the caller's to tell. */
  scoped<T>(commands: () => T): { readonly result: T; readonly refused: Promise<GPUError | null> } {
    for (const kind of ERROR_KINDS) this.#gpu.pushErrorScope(kind);
    let result: T;
    try {
      result = commands();
    } catch (error) {
      void this.#popScopes();
      throw error;
    }
    return { result, refused: this.#popScopes() };
  }

  /** Closes the scopes: the likeliest cause of what was refused in them. A lost device answers nothing. */
  async #popScopes(): Promise<GPUError | null> {
    const answers = await Promise.all(ERROR_KINDS.map(() => this.#gpu.popErrorScope().catch(() => null)));
    // The innermost scope, the last kind, answers first.
    return answers.reverse().find((error) => error !== null) ?? null;
  }
}

/** What a person needs to know of an error of WebGPU; `after` adds what has become of the device. */
export function errorOf(error: GPUError, what: string, after = ''): DeviceError {
  const reason = error.message.trim().replace(/\s*\n\s*/g, ' ');
  if (error.constructor.name === 'GPUOutOfMemoryError') {
    return new OutOfMemoryError(
      `The device ran out of memory for ${what}: ${reason}. Use a smaller batch, or free tensors with dispose() first.${after}`,
    );
  }
  return new DeviceError(
    `WebGPU refused ${what}: ${reason}. This is a fault of wgrad, or of an operation of your own: if it is wgrad's, please report it with this text.${after}`,
  );
}
