/** What a download tells of itself. */

import { DataError } from '../base/errors.ts';

/** Why a transfer gave nothing usable. */
export type NetworkFailure = 'unreachable' | 'stalled' | 'status' | 'broken';

/**
 * A file could not be fetched. `reason` is `unreachable` (no network, no such host, connection refused), `stalled` (the
 * connection yielded nothing for too long), `status` (the server refused) or `broken` (every try broke off). A file that
 * did come but is corrupt is a plain DataError.
 */
export class NetworkError extends DataError {
  /** @internal */
  static override readonly name: string = 'NetworkError';
  constructor(
    message: string,
    /** Why the transfer gave nothing usable. */
    readonly reason: NetworkFailure,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** How far a download has come. */
export interface DownloadProgress {
  /** Bytes on disk, those of an earlier, broken-off run included. */
  readonly received: number;
  /** Bytes of the whole file, or null where the server does not say. */
  readonly total: number | null;
  /** Mean rate since this run began to receive. */
  readonly bytesPerSecond: number;
}
