/**
 * The tests in a browser:  npm run test:browser [-- PATTERN...]
 *
 * Runs golden files and small models in a headless Chromium (chromium.ts), those whose names match one of the patterns
 * (regular expressions; none: all). An error on the page's console fails the test that caused it. The last line is
 * "N passed, N failed", with ", N skipped" when there are any.
 */

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { build, type Rollup } from 'vite';
import { goldenFiles, goldenFolder } from '../goldenCases.ts';
import { startChromium } from './chromium.ts';
import type { PageTests } from './page.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Longest time of one test, in milliseconds. */
const TIMEOUT = 60_000;

declare const wgradTests: PageTests;

/** The page's scripts by their paths. */
async function bundlePage(): Promise<Map<string, string>> {
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'sources for browsers',
        // package.json speaks of dist/; tsconfig.json says the same of src/, for Node.
        resolveId: (name, importer) =>
          name === '#platform' && importer?.startsWith(`${root}src/`) ? `${root}src/platform/browser.ts` : null,
      },
    ],
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      modulePreload: false,
      rollupOptions: { input: `${root}test/browser/page.ts`, output: { entryFileNames: 'page.js' } },
    },
  });
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput;
  return new Map(output.flatMap((file) => (file.type === 'chunk' ? [[`/${file.fileName}`, file.code]] : [])));
}

/** Serves the page, its scripts and the golden files on this machine only. */
async function serve(scripts: ReadonlyMap<string, string>, golden: readonly string[]): Promise<Server> {
  const server = createServer(({ url = '/' }, response) => {
    const script = scripts.get(url);
    const file = url.replace('/golden/', '');
    if (url === '/') response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>wgrad</title>');
    else if (script !== undefined) response.setHeader('Content-Type', 'text/javascript').end(script);
    else if (golden.includes(file)) response.end(readFileSync(goldenFolder + file));
    else response.writeHead(url === '/favicon.ico' ? 204 : 404).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}

/** Fails when `work` takes too long. */
async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not end within ${TIMEOUT / 1000} s`)), TIMEOUT);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

interface Test {
  readonly name: string;
  run(page: Page): Promise<string | null>;
}

async function testsOf(page: Page, golden: readonly string[]): Promise<Test[]> {
  const models = await page.evaluate(() => wgradTests.models);
  return [
    ...golden.map((name) => ({
      name,
      run: (on: Page) => on.evaluate((file) => wgradTests.runGolden(file), name),
    })),
    ...models.map((name) => ({ name, run: (on: Page) => on.evaluate((test) => wgradTests.runModel(test), name) })),
  ];
}

async function main(): Promise<boolean> {
  const files = goldenFiles();
  const golden = files ?? [];
  const server = await serve(await bundlePage(), golden);
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const started = await startChromium(address).finally(() => server.unref());
  if (started === null) {
    server.close();
    // Not to be skipped in silence where one was asked for.
    const named = Boolean(process.env.WGRAD_CHROMIUM);
    console.log(named ? '0 passed, 1 failed' : '0 passed, 0 failed, 1 skipped');
    return !named;
  }
  console.log(started.name);
  let passed = 0;
  let failed = 0;
  try {
    const page = await started.browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.stack ?? error.message}`));
    await page.goto(address);
    const broken = new Promise<never>((_, reject) => page.once('pageerror', reject));
    await page.addScriptTag({ url: '/page.js', type: 'module' });
    const loaded = page.waitForFunction(() => 'wgradTests' in globalThis, undefined, { timeout: TIMEOUT });
    await Promise.race([loaded, broken]);
    const patterns = process.argv.slice(2).map((pattern) => new RegExp(pattern));
    for (const { name, run } of await testsOf(page, golden)) {
      if (patterns.length > 0 && !patterns.some((pattern) => pattern.test(name))) continue;
      const began = performance.now();
      const problem = await within(run(page)).catch(String);
      const problems = [...(problem === null ? [] : [problem]), ...complaints.splice(0)];
      if (problems.length === 0) passed++;
      else failed++;
      console.log(
        `${problems.length === 0 ? 'ok' : 'FAIL'} ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`,
      );
      for (const text of problems) console.log(`  ${text.replaceAll('\n', '\n  ')}`);
    }
  } finally {
    await started.close();
    server.close();
  }
  console.log(`${passed} passed, ${failed} failed${files === null ? ', 1 skipped' : ''}`);
  return failed === 0 && passed > 0;
}

process.exitCode = (await main()) ? 0 : 1;
