/** A small CIFAR-10: batches, their archive, and a server of it. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import type { ImageDataset } from '../src/datasets/imageDataset.ts';

export const recordBytes = 3073;
export const imageBytes = 3072;
export const folderName = 'cifar-10-batches-bin';
export const archiveName = 'cifar-10-binary.tar.gz';

/** A batch file whose bytes all differ enough that a swapped channel, row or record shows; hard to compress. */
export function makeBatch(records: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(records * recordBytes);
  let state = seed + 1;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = i % recordBytes === 0 ? (seed + i / recordBytes) % 10 : state >>> 24;
  }
  return bytes;
}

export const batches = {
  'data_batch_1.bin': makeBatch(4, 1),
  'data_batch_2.bin': makeBatch(3, 2),
  'test_batch.bin': makeBatch(2, 7),
};

/** A tar header as GNU tar writes it. */
export function tarHeader(path: string, size: number, kind: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write('0000644\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(kind, 156);
  header.write('ustar  \0', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

export function makeTar(files: Record<string, Uint8Array> = batches): Buffer {
  const parts = [tarHeader(`${folderName}/`, 0, '5')];
  for (const [name, bytes] of Object.entries({ ...files, 'readme.html': Buffer.from('<p>hello') })) {
    const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
    parts.push(tarHeader(`${folderName}/${name}`, bytes.length, '0'), Buffer.from(bytes), padding);
  }
  // A link is no file, whatever its name.
  parts.push(tarHeader('links/data_batch_1.bin', 0, '2'));
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

export const archive = gzipSync(makeTar());
export const md5Of = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

/** Checks a data set against the batches, pixel by pixel. */
export function assertSound(set: ImageDataset): void {
  const records = (names: (keyof typeof batches)[]) => Buffer.concat(names.map((name) => batches[name]));
  for (const [part, expected] of [
    [set.train, records(['data_batch_1.bin', 'data_batch_2.bin'])],
    [set.test, records(['test_batch.bin'])],
  ] as const) {
    const count = expected.length / recordBytes;
    assert.equal(part.shape, [count, 32, 32, 3]);
    assert.is(part.images.length, count * imageBytes);
    assert.is(part.labels.length, count);
    for (let n = 0; n < count; n++) {
      assert.is(part.labels[n], expected[n * recordBytes]);
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          for (let c = 0; c < 3; c++) {
            const got = part.images[((n * 32 + y) * 32 + x) * 3 + c];
            const want = expected[n * recordBytes + 1 + c * 1024 + y * 32 + x];
            if (got !== want) assert.is(got, want, `image ${n}, row ${y}, column ${x}, channel ${c}`);
          }
        }
      }
    }
  }
}

/** What the server is asked, and how it answers request `n`, from 0. */
export interface Served {
  readonly url: string;
  readonly ranges: (string | undefined)[];
}
export type Answer = (response: ServerResponse, request: IncomingMessage, n: number) => void;

export async function serving(answer: Answer, use: (served: Served) => Promise<void>): Promise<void> {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(response, request, ranges.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  try {
    await use({ url: `http://127.0.0.1:${address.port}/${archiveName}`, ranges });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Sends the archive whole. */
export const whole: Answer = (response) => {
  response.writeHead(200, { 'Content-Length': archive.length }).end(archive);
};

/** Sends what the Range header asks for, else everything. */
export const ranged: Answer = (response, request, n) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN);
  if (Number.isNaN(start)) return whole(response, request, n);
  if (start >= archive.length) {
    response.writeHead(416, { 'Content-Range': `bytes */${archive.length}` }).end();
    return;
  }
  const headers = {
    'Content-Length': archive.length - start,
    'Content-Range': `bytes ${start}-${archive.length - 1}/${archive.length}`,
  };
  response.writeHead(206, headers).end(archive.subarray(start));
};
