/** Serves the sweep's page on this machine alone while the sweep runs. */

import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { bundledPage } from '../report/bundledPage.ts';
import { isOwnName } from './ownName.ts';
import type { PageData } from './page/pageData.ts';

const PAGE = fileURLToPath(new URL('./page/', import.meta.url));
/** Whoever asked so lately, in milliseconds, is still looking on. */
const LOOKING = 5000;

export interface Live {
  /** Where a browser finds the page. */
  readonly address: string;
  /** Closes when those who look on have the last state, or are gone. */
  end(): Promise<void>;
}

/** `dataNow`: what the page shows, asked for at each look. */
export async function serveLive(dataNow: () => PageData): Promise<Live> {
  const page = await bundledPage(PAGE, 'sweep-data', { ...dataNow(), live: true });
  let asked = Number.NEGATIVE_INFINITY;
  let told = (): void => {};
  let ended = false;
  const server = createServer((request, response) => {
    const { url, method, headers } = request;
    const type = url === '/' ? 'text/html; charset=utf-8' : url === '/data.json' ? 'application/json' : null;
    if (method !== 'GET' || type === null || !isOwnName(headers.host)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
    response.end(url === '/' ? page : JSON.stringify({ ...dataNow(), live: !ended }));
    if (url === '/') return;
    asked = performance.now();
    if (ended) told();
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  // A sweep that is done does not wait for it.
  server.unref();
  return {
    address: `http://127.0.0.1:${port}/`,
    async end() {
      ended = true;
      if (performance.now() - asked < LOOKING) {
        await new Promise<void>((resolve) => {
          told = resolve;
          setTimeout(resolve, LOOKING);
        });
      }
      server.close();
      server.closeIdleConnections();
    },
  };
}
