/** CIFAR-10's batch files, in a folder or in the archive as its authors give it. */

import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { DataError } from '../../base/errors.ts';
import { codeOf } from '../../platform/node/codeOf.ts';
import { readBeginning } from '../../platform/node/readWhole.ts';
import { archiveBytes, batchBytes } from '../cifarFormat.ts';
import { readTar } from '../tar.ts';
import { onDisk } from './download.ts';

export const archiveName = 'cifar-10-binary.tar.gz';
export const folderName = 'cifar-10-batches-bin';
export const trainNames: readonly string[] = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);
export const testName = 'test_batch.bin';
export const batchNames: readonly string[] = [...trainNames, testName];

/** A batch file on disk or in memory. */
export interface BatchFile {
  /** What errors call it. */
  readonly name: string;
  readonly size: number;
  /** Its first `bytes` bytes. */
  read(bytes: number): Promise<Uint8Array>;
}

/** Batch files by their bare names. */
export interface Batches {
  readonly files: ReadonlyMap<string, BatchFile>;
  close(): Promise<void>;
}

/**
 * Opens the batch files in a folder; none where there is no such folder. Once open they stay what they are, also where
 * somebody replaces the folder.
 */
export async function openFolder(folder: string): Promise<Batches> {
  const files = new Map<string, BatchFile>();
  const opened: FileHandle[] = [];
  const close = async (): Promise<void> => {
    for (const file of opened) await file.close();
  };
  try {
    for (const name of batchNames) {
      const path = join(folder, name);
      const file = await openIfThere(path);
      if (file === null) continue;
      opened.push(file);
      const { size } = await file.stat();
      files.set(name, { name: path, size, read: (bytes) => onDisk(path, () => readBeginning(file, bytes), 'read') });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { files, close };
}

/** The batch files of an archive, in memory. */
export async function openArchive(archive: string, remedy: string): Promise<Batches> {
  const files = new Map<string, BatchFile>();
  const file = await onDisk(archive, () => open(archive), 'read');
  try {
    for await (const { name, bytes } of batchesInArchive(file, archive, remedy)) {
      const read = async (count: number): Promise<Uint8Array> => bytes.subarray(0, count);
      files.set(name, { name: `${name} in ${archive}`, size: bytes.length, read });
    }
  } finally {
    await file.close();
  }
  return { files, close: async () => {} };
}

/** The batch files of a `.tar.gz`, by their bare names. */
export async function* batchesInArchive(
  file: FileHandle,
  archive: string,
  remedy: string,
): AsyncGenerator<{ name: string; bytes: Uint8Array }> {
  const unzip = createGunzip();
  // A failing read surfaces in the loop below, since `pipeline` destroys `unzip` with its error.
  const fed = pipeline(file.createReadStream({ start: 0, autoClose: false }), unzip).catch(() => {});
  const limits = {
    wanted: (path: string) => batchNames.includes(bareName(path)),
    fileBytes: batchBytes,
    archiveBytes,
  };
  try {
    for await (const { path, bytes } of readTar(unzip, archive, remedy, limits)) yield { name: bareName(path), bytes };
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`${archive}: not a sound gzip file (${reason}). ${remedy}`, { cause: error });
  } finally {
    unzip.destroy();
    await fed;
  }
}

/** What is at a path; null for nothing, and for what is neither a file nor a folder. */
export async function kindOf(path: string): Promise<'file' | 'folder' | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  if (found.isDirectory()) return 'folder';
  return found.isFile() ? 'file' : null;
}

const bareName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

async function openIfThere(path: string): Promise<FileHandle | null> {
  if ((await kindOf(path)) !== 'file') return null;
  return onDisk(
    path,
    () =>
      open(path).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return null;
        throw error;
      }),
    'read',
  );
}
