/**
 * Fetching one large file into a folder: resumed where it broke off, checked before it takes its place. Any number may do so
 * at once: each has a draft of its own.
 */

import { createHash, randomBytes } from 'node:crypto';
import { constants, copyFile, type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ArgumentError, DataError } from '../../base/errors.ts';
import { linkedAbort } from '../../base/linkedAbort.ts';
import { type DownloadProgress, NetworkError } from '../download.ts';

export interface DownloadOptions {
  readonly url: string;
  /** The file's MD5 sum in hexadecimal, small letters. */
  readonly md5: string;
  /** Where the file goes. */
  readonly path: string;
  /** The most that it may hold; a server may send without end. */
  readonly maxBytes: number;
  /** What errors tell the user to do instead. */
  readonly remedy: string;
  /** Longest silence of the connection, in seconds. */
  readonly idleTimeout: number;
  /** Wait before the first retry, in seconds; it doubles each time. */
  readonly retryDelay: number;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

/** Tries in a row that may fail without a byte gained. */
const tries = 4;

/** Bytes a second below which a connection counts as silent. */
const leastRate = 1024;

/** What a socket reports when the other side went away in the middle, as opposed to never having been there. */
const brokenCodes = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

/**
 * Fetches `url` into `path`. An older file at `path` is replaced only by one whose checksum holds.
 *
 * @throws {NetworkError} where the file cannot be fetched; what came stays in `<path>.part` for the next run.
 * @throws {DataError} where what came fails the checksum or is too much (it is deleted), or cannot be written.
 * @throws {ArgumentError} where `url` is not an http or https address.
 * @throws the signal's reason once it is aborted.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { url, path, signal } = options;
  if (!/^https?:$/.test(protocolOf(url))) {
    throw new ArgumentError(`url is ${JSON.stringify(url)}; pass an address that begins with https:// or http://.`);
  }
  const draft = `${path}.${randomBytes(6).toString('hex')}.part`;
  await takeLeftOver(path, draft, options.maxBytes);
  try {
    // 'a' makes the file where there is none; 'r+' then allows writing anywhere in it.
    await (await onDisk(draft, () => open(draft, 'a'))).close();
    const file = await onDisk(draft, () => open(draft, 'r+'));
    try {
      await receiveSound(options, file, draft);
      await onDisk(draft, () => file.sync());
    } finally {
      await file.close();
    }
    signal?.throwIfAborted();
    await onDisk(path, () => rename(draft, path));
  } catch (error) {
    const useless = error instanceof DataError && !(error instanceof NetworkError);
    await (useless ? rm(draft, { force: true }) : leaveOver(path, draft)).catch(() => {});
    throw error;
  }
  await rm(`${path}.part`, { force: true }).catch(() => {});
}

/** Whether a file beside `path` is what a download of it left: one that failed, or one that was killed or is under way. */
export function isLeftOver(name: string, path: string): boolean {
  const archive = basename(path);
  return name.startsWith(archive) && /^(\.[0-9a-f]{12})?\.part$/.test(name.slice(archive.length));
}

/** Makes the most that an earlier download left the beginning of the draft. */
async function takeLeftOver(path: string, draft: string, most: number): Promise<void> {
  const found: { name: string; size: number }[] = [];
  for (const name of await readdir(dirname(path)).catch(() => [])) {
    if (!isLeftOver(name, path)) continue;
    const size = (await stat(join(dirname(path), name)).catch(() => null))?.size ?? 0;
    if (size > 0 && size <= most) found.push({ name, size });
  }
  found.sort((a, b) => b.size - a.size);
  for (const { name } of found) {
    const from = join(dirname(path), name);
    try {
      // Nobody writes to `<path>.part`, and of those who rename it one succeeds. Any other draft may be under way, and its
      // owner would write into the file under whatever name: only a copy is safe.
      if (from === `${path}.part`) await rename(from, draft);
      else await copyFile(from, draft, constants.COPYFILE_FICLONE);
      return;
    } catch {
      await rm(draft, { force: true }).catch(() => {});
    }
  }
}

/** Keeps what came for the next download, unless more is kept already. */
async function leaveOver(path: string, draft: string): Promise<void> {
  const sizeOf = async (name: string): Promise<number> => (await stat(name).catch(() => null))?.size ?? 0;
  const part = `${path}.part`;
  if ((await sizeOf(draft)) > (await sizeOf(part))) await rename(draft, part);
  else await rm(draft, { force: true });
}

/** Receives until the file is whole and its checksum holds. */
async function receiveSound(options: DownloadOptions, file: FileHandle, draft: string): Promise<void> {
  const { url, md5, remedy } = options;
  let resumed = (await file.stat()).size > 0;
  for (;;) {
    await receiveAll(options, file, draft);
    const sum = await onDisk(draft, () => md5Of(file), 'read');
    if (sum === md5) return;
    if (!resumed) {
      throw new DataError(`${url}: expected a file with MD5 ${md5}, got one with ${sum}; it was deleted. ${remedy}`);
    }
    // What was there already may be of another address, or damaged: once more, from the beginning.
    resumed = false;
    await onDisk(draft, () => file.truncate(0));
  }
}

/** The MD5 sum of a file in hexadecimal. */
export async function md5Of(file: FileHandle): Promise<string> {
  const hash = createHash('md5');
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) hash.update(chunk);
  return hash.digest('hex');
}

/** One write may take only a part, such as what is left of a disk. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : '';
}

/** Receives until the file is whole, resuming and retrying. */
async function receiveAll(options: DownloadOptions, file: FileHandle, part: string): Promise<void> {
  const { retryDelay, signal } = options;
  const received = new Progress(options.onProgress);
  let furthest = (await file.stat()).size;
  let failures = 0;
  for (;;) {
    try {
      if (await receive(options, file, part, received)) return;
      // The server took no part of what there was; it is gone, and the next round begins at byte 0.
      continue;
    } catch (error) {
      const { size } = await file.stat();
      // A file that grew past its best length is progress, however often the connection breaks; one that the server
      // always sends from the beginning is not.
      failures = size > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, size);
      if (!(error instanceof Retryable)) throw error;
      if (failures >= tries) throw error.final;
    }
    await pause(retryDelay * 2 ** (failures - 1), signal);
  }
}

/** Carries an error that another try may cure. */
class Retryable extends Error {
  constructor(readonly final: NetworkError) {
    super(final.message);
  }
}

/** One request. True when the file is whole, false when the part on disk was dropped because it could not be resumed. */
async function receive(options: DownloadOptions, file: FileHandle, part: string, progress: Progress): Promise<boolean> {
  const { url, remedy, maxBytes, idleTimeout, signal } = options;
  signal?.throwIfAborted();
  const { controller: abort, release } = linkedAbort(signal);

  /** Waits for the network, but not for longer than it may be silent. */
  const network = async <T>(wait: () => Promise<T>, failed: (error: unknown) => Error): Promise<T> => {
    const timer = setTimeout(() => {
      const message = `${url} yielded nothing for ${idleTimeout} s. Try again later: what came is kept. ${remedy}`;
      abort.abort(new NetworkError(message, 'stalled'));
    }, idleTimeout * 1000);
    try {
      return await wait();
    } catch (error) {
      throw abort.signal.aborted ? abort.signal.reason : failed(error);
    } finally {
      clearTimeout(timer);
    }
  };

  try {
    const { size } = await file.stat();
    // A compressed reply would be unpacked on the way and fail the checksum.
    const headers: Record<string, string> = { 'Accept-Encoding': 'identity' };
    if (size > 0) headers.Range = `bytes=${size}-`;
    const response = await network(
      () => fetch(url, { headers, signal: abort.signal }),
      (error) => connectionError(url, remedy, error),
    );
    const start = startOfReply(response, size);
    if (start === null) {
      await response.body?.cancel();
      if (size > 0 && (response.status === 416 || response.ok)) {
        await onDisk(part, () => file.truncate(0));
        return false;
      }
      throw statusError(url, remedy, response);
    }
    if (start === 0) await onDisk(part, () => file.truncate(0));
    const total = totalOf(response, start);
    if (total !== null && total > maxBytes) throw tooMuch(url, `${total} bytes`, maxBytes, remedy);
    const pace = new Pace(idleTimeout);
    let position = start;
    progress.report(position, total);
    const reader = response.body?.getReader();
    while (reader) {
      const asked = performance.now();
      const { done, value } = await network(
        () => reader.read(),
        (error) => brokenOff(url, remedy, position, total, error),
      );
      if (done) break;
      if (position + value.length > maxBytes) throw tooMuch(url, `more than ${maxBytes} bytes`, maxBytes, remedy);
      if (pace.isTooSlow(value.length, performance.now() - asked)) {
        const message =
          `${url} yielded less than ${leastRate} bytes a second for ${idleTimeout} s. Try again later: what came is kept. ` +
          remedy;
        throw new NetworkError(message, 'stalled');
      }
      await onDisk(part, () => writeAll(file, value, position));
      position += value.length;
      progress.report(position, total);
    }
    if (total !== null && position < total) throw brokenOff(url, remedy, position, total);
    return true;
  } finally {
    release();
    // Ends a transfer that a full disk or an error left half read.
    abort.abort();
  }
}

/** Byte of the file at which the reply's body begins; null where the reply holds no part of the file that fits. */
function startOfReply(response: Response, size: number): number | null {
  if (response.status === 200) return 0;
  if (response.status !== 206) return null;
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  return start !== undefined && Number(start) === size ? size : null;
}

function totalOf(response: Response, start: number): number | null {
  const length = response.headers.get('content-length');
  return length === null ? null : start + Number(length);
}

function tooMuch(url: string, came: string, most: number, remedy: string): DataError {
  return new DataError(`${url}: expected a file of at most ${most} bytes, got ${came}; it was deleted. ${remedy}`);
}

function connectionError(url: string, remedy: string, error: unknown): Error {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : code || String(error);
  if (brokenCodes.has(code)) {
    const message = `${url}: the connection broke before an answer came (${reason}). Try again later. ${remedy}`;
    return new Retryable(new NetworkError(message, 'broken', { cause: error }));
  }
  const message = `${url} could not be reached (${reason}). Check the network connection. ${remedy}`;
  return new NetworkError(message, 'unreachable', { cause: error });
}

function brokenOff(url: string, remedy: string, position: number, total: number | null, cause?: unknown): Retryable {
  const whole = total === null ? 'the whole file' : `${total} bytes`;
  const message =
    `${url}: expected ${whole}, the connection broke off after ${position} bytes, and again on each of ${tries} tries. ` +
    `Try again later: what came is kept. ${remedy}`;
  return new Retryable(new NetworkError(message, 'broken', { cause }));
}

function statusError(url: string, remedy: string, { status, statusText }: Response): Error {
  const message = `${url}: expected the file, the server answered ${status} ${statusText}. ${remedy}`;
  const error = new NetworkError(message, 'status');
  return status >= 500 || status === 429 || status === 408 ? new Retryable(error) : error;
}

/** Tells a connection that is slow from one that only seems to be there. */
class Pace {
  readonly #window: number;
  #waited = 0;
  #gained = 0;

  /** @param seconds over which the rate is looked at */
  constructor(seconds: number) {
    this.#window = seconds * 1000;
  }

  /** @param waited milliseconds for these bytes */
  isTooSlow(bytes: number, waited: number): boolean {
    this.#gained += bytes;
    this.#waited += waited;
    if (this.#waited < this.#window) return false;
    const slow = this.#gained < (leastRate * this.#waited) / 1000;
    this.#waited = 0;
    this.#gained = 0;
    return slow;
  }
}

/** Counts what this run received, over all its requests, and tells the user. */
class Progress {
  #begun: number | null = null;
  #gained = 0;
  #last = Number.POSITIVE_INFINITY; // so that an earlier run's bytes count as no gain

  constructor(readonly listener: DownloadOptions['onProgress']) {}

  report(position: number, total: number | null): void {
    const now = performance.now();
    this.#begun ??= now;
    this.#gained += Math.max(0, position - this.#last);
    this.#last = position;
    const seconds = (now - this.#begun) / 1000;
    this.listener?.({ received: position, total, bytesPerSecond: seconds > 0 ? this.#gained / seconds : 0 });
  }
}

/** Runs a file operation; its failure is a DataError that names the path. */
export async function onDisk<T>(path: string, operation: () => Promise<T>, done = 'written'): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const remedy = 'Make room or change the permissions there, or pass another cacheDir.';
    throw new DataError(`${path} could not be ${done} (${reason}). ${remedy}`, { cause: error });
  }
}

function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
}
