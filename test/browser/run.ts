/**
 * The tests in a browser:  npm run test:browser [-- PATTERN...]
 *
 * Runs golden files, small models and the live page in a headless Chromium (chromium.ts), those whose names match one of the patterns
 * (regular expressions; none: all). An error on the page's console fails the test that caused it. The last line is
 * "N passed, N failed", with ", N skipped" when there are any.
 */

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { Assertion } from 'uvu/assert';
import { build, type Rollup } from 'vite';
import { sourcesForBrowsers } from '../../examples/browser/vite.ts';
import { goldenFiles, goldenFolder } from '../goldenCases.ts';
import { startChromium } from './chromium.ts';
import { handlingTests } from './handling.ts';
import { keptRunTests } from './keptRuns.ts';
import { LivePage, liveTests } from './live.ts';
import type { PageTests } from './page.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Longest time of one test, in milliseconds; those of the live page train for a while. */
const TIMEOUT = 60_000;
const LIVE_TIMEOUT = 240_000;

declare const wgradTests: PageTests;

/** The page's scripts by their paths. */
async function bundlePage(): Promise<Map<string, string>> {
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [sourcesForBrowsers],
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
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not end within ${milliseconds / 1000} s`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

interface Test {
  readonly name: string;
  readonly timeout: number;
  /** What went wrong; null where nothing did. */
  run(): Promise<string | null>;
}

/** Those of the page that holds the library. */
async function libraryTests(page: Page, golden: readonly string[]): Promise<Test[]> {
  const models = await page.evaluate(() => wgradTests.models);
  const test = (name: string, run: Test['run']): Test => ({ name, timeout: TIMEOUT, run });
  return [
    ...golden.map((name) => test(name, () => page.evaluate((file) => wgradTests.runGolden(file), name))),
    ...models.map((name) => test(name, () => page.evaluate((model) => wgradTests.runModel(model), name))),
  ];
}

/** Those of the live page, each with a window of its own. */
function testsOfLivePage(live: LivePage, complaints: string[]): Test[] {
  return [...liveTests(live), ...handlingTests(live), ...keptRunTests(live)].map(({ name, run }) => ({
    name,
    timeout: LIVE_TIMEOUT,
    async run() {
      const page = await live.visit();
      listen(page, complaints);
      try {
        await run(page);
        return null;
      } catch (error) {
        // What was expected and what came is told apart from the message.
        const details = error instanceof Assertion ? `\n${error.details}` : '';
        return `${error instanceof Error ? (error.stack ?? error.message) : error}${details}`;
      } finally {
        await page.context().close();
      }
    },
  }));
}

/** Notes what a page complains of. */
function listen(page: Page, complaints: string[]): void {
  page.on('console', (message) => message.type() === 'error' && complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.stack ?? error.message}`));
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
  const live = await LivePage.make(started.browser);
  try {
    const page = await started.browser.newPage();
    const complaints: string[] = [];
    listen(page, complaints);
    await page.goto(address);
    const broken = new Promise<never>((_, reject) => page.once('pageerror', reject));
    await page.addScriptTag({ url: '/page.js', type: 'module' });
    const loaded = page.waitForFunction(() => 'wgradTests' in globalThis, undefined, { timeout: TIMEOUT });
    await Promise.race([loaded, broken]);
    const patterns = process.argv.slice(2).map((pattern) => new RegExp(pattern));
    for (const { name, timeout, run } of [
      ...(await libraryTests(page, golden)),
      ...testsOfLivePage(live, complaints),
    ]) {
      if (patterns.length > 0 && !patterns.some((pattern) => pattern.test(name))) continue;
      const began = performance.now();
      const problem = await within(timeout, run()).catch(String);
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
    await live.close();
    server.close();
  }
  console.log(`${passed} passed, ${failed} failed${files === null ? ', 1 skipped' : ''}`);
  return failed === 0 && passed > 0;
}

process.exitCode = (await main()) ? 0 : 1;
