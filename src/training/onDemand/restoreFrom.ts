import { DataError, WgradError } from '../../base/errors.ts';

/**
 * Restores from a file; whatever does not fit is an error that names the file and the remedy.
 * @throws DataError
 */
export async function restoreFrom<T>(source: string, restore: () => T | Promise<T>): Promise<T> {
  try {
    return await restore();
  } catch (cause) {
    if (!(cause instanceof WgradError)) throw cause;
    // The messages of file formats are one sentence that ends in the remedy, without a full stop.
    const problem = cause.message.endsWith('.') ? cause.message : `${cause.message}.`;
    throw new DataError(`Training cannot go on from '${source}': ${problem} Or delete the file to begin anew.`, {
      cause,
    });
  }
}
