/** Serves a folder of files on this machine only, as any host of static files would. */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

export interface Served {
  /** Ends in a slash. */
  readonly address: string;
  close(): void;
}

/** `path`: where the folder lies on the host; begins and ends with a slash. An empty page is at `address` + `blank`. */
export async function serveFolder(folder: string, path = '/'): Promise<Served> {
  const server = createServer(async ({ url = '/' }, response) => {
    const [asked] = url.split('?');
    const name = asked === path ? 'index.html' : asked.slice(path.length);
    if (name === 'blank') return response.setHeader('Content-Type', TYPES['.html']).end('<!doctype html>');
    const bytes = asked.startsWith(path) ? await readFile(join(folder, normalize(name))).catch(() => null) : null;
    if (bytes === null) return response.writeHead(404).end();
    return response.setHeader('Content-Type', TYPES[extname(name)] ?? 'application/octet-stream').end(bytes);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}${path}`, close: () => server.close() };
}
