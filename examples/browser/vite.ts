/**
 * How the live page is served and built:  npm run web [-- --port N --host]   npm run build:web
 *
 * The build in site/ is a handful of files with relative addresses: any host can serve them, from any folder.
 */

import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { build, createServer, type InlineConfig, type Plugin } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What differs between Node and browsers. */
const PARTS: Readonly<Record<string, string>> = {
  '#datasets': 'datasets/browser.ts',
  '#platform': 'platform/browser.ts',
  '#raster': 'pictures/raster/browser.ts',
};

/** package.json speaks of dist/, tsconfig.json of src/ as Node has it: a page is made of src/ as browsers have it. */
export const sourcesForBrowsers: Plugin = {
  name: 'sources for browsers',
  // Vite's own resolver would take what package.json says.
  enforce: 'pre',
  resolveId: (name, importer) =>
    name in PARTS && importer?.startsWith(`${root}src/`) ? `${root}src/${PARTS[name]}` : null,
};

/**
 * Nothing that the built page loads, sends or submits can reach a host once it has loaded, whatever it is told: the browser sees
 * to it. Only leaving the page for another one (a link, `location`, a new window) is not a policy's to forbid. The same holds for
 * its Worker, because that is part of the page's own script: one with an address of its own would have a policy of its own.
 */
export const POLICY = [
  "default-src 'self'",
  "connect-src 'none'",
  // These two do not fall back to default-src.
  "form-action 'none'",
  "base-uri 'none'",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
  'worker-src blob:',
].join('; ');

const policy: Plugin = {
  name: 'content security policy',
  apply: 'build',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
  ],
};

/** Of the page; `outDir`: where a build goes. */
export function pageConfig(outDir = `${root}site`): InlineConfig {
  // All of the Worker in one file: what the library loads late must not be a request.
  const whole = { codeSplitting: false } as const;
  return {
    configFile: false,
    root: `${root}examples/browser`,
    base: './',
    publicDir: false,
    plugins: [sourcesForBrowsers, policy],
    worker: { format: 'es', plugins: () => [sourcesForBrowsers], rolldownOptions: { output: whole } },
    build: { outDir, emptyOutDir: true, target: 'es2022', modulePreload: false },
    server: { fs: { allow: [root] } },
  };
}

interface Flags {
  readonly build: boolean;
  readonly port: string;
  readonly host: boolean;
}

async function main(): Promise<void> {
  const flags = new Command('npm run web --')
    .description('Serves the page that trains in a browser, or builds it.')
    .option('--build', 'write static files into site/ instead', false)
    .option('--port <n>', 'port to serve on; the next free one where it is taken', '5173')
    .option('--host', 'let other machines reach it (browsers offer WebGPU on https and localhost only)', false)
    .parse()
    .opts<Flags>();
  const config = pageConfig();
  if (flags.build) {
    await build(config);
    return;
  }
  const server = await createServer({
    ...config,
    server: { ...config.server, port: Number(flags.port), host: flags.host },
  });
  await server.listen();
  server.printUrls();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
