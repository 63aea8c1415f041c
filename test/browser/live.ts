/**
 * Tests of the live page: its static build, used as a visitor uses it, and of the study's report. They leave screenshots in
 * artifacts/browser/.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { build } from 'vite';
import { pageConfig } from '../../examples/browser/vite.ts';
import { writeReport } from '../../examples/report/writeReport.ts';
import type { Track } from '../../examples/ui/curve.ts';
import { findings } from '../reportFindings.ts';
import { findsNothing, reachable } from './accessible.ts';
import { ARTEFACTS } from './artefacts.ts';
import { watchMainThread } from './mainThread.ts';
import { reportShowsAll } from './report.ts';
import { type Served, serveFolder } from './serveFolder.ts';

export interface LiveTest {
  readonly name: string;
  run(page: Page): Promise<void>;
}

export const DESKTOP = { width: 1280, height: 1000 };
export const PHONE = { width: 390, height: 844 };
/** Longest wait for something that a software adapter computes, in milliseconds. */
export const PATIENCE = 120_000;
/** Most of the window that may jump in all: nothing that anybody sees. */
const MOST_SHIFT = 0.02;
/** Longest task of the main thread while it trains, in milliseconds of the processor. */
const LONGEST_TASK = 50;

declare global {
  /** How much of the window has jumped so far, kept by a script that runs before the page's own. */
  var shift: number;
}

export class LivePage {
  readonly browser: Browser;
  readonly #served: Served;
  readonly #folder: string;

  private constructor(browser: Browser, served: Served, folder: string) {
    this.browser = browser;
    this.#served = served;
    this.#folder = folder;
  }

  /** Builds the page and serves it from a folder of the host, not from its root. */
  static async make(browser: Browser): Promise<LivePage> {
    const folder = await mkdtemp(join(tmpdir(), 'wgrad-live-'));
    await build({ ...pageConfig(folder), logLevel: 'error' });
    await mkdir(ARTEFACTS, { recursive: true });
    return new LivePage(browser, await serveFolder(folder, '/deep/down/'), folder);
  }

  /** A visitor's window, with nothing kept of others. */
  async visit(): Promise<Page> {
    const context = await this.browser.newContext({ viewport: DESKTOP });
    const page = await context.newPage();
    await page.addInitScript(() => {
      globalThis.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          // What follows a click is expected.
          if ('value' in entry && 'hadRecentInput' in entry && !entry.hadRecentInput) {
            globalThis.shift += Number(entry.value);
          }
        }
      }).observe({ type: 'layout-shift' });
    });
    return page;
  }

  /** A folder of this test run's own. */
  get folder(): string {
    return this.#folder;
  }

  get address(): string {
    return this.#served.address;
  }

  async close(): Promise<void> {
    this.#served.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
export const run = (page: Page, name: string) => page.locator(`.run[data-name="${name}"]`);
export const shot = (page: Page, name: string) =>
  page.screenshot({ path: join(ARTEFACTS, `${name}.png`), fullPage: true });

export async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await button(page, 'Run all six').and(page.locator(':enabled')).waitFor({ timeout: PATIENCE });
}

export const ended = (page: Page, name: string, state: string) =>
  page.locator(`.run[data-name="${name}"][data-state="${state}"]`).waitFor({ timeout: PATIENCE });

/** The runs as the browser's database keeps them. */
export const kept = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<StoredRun[]>((resolve, reject) => {
        const opening = indexedDB.open('wgrad live');
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const reading = opening.result.transaction('runs').objectStore('runs').getAll();
          reading.onsuccess = () => {
            opening.result.close();
            resolve(reading.result);
          };
        };
      }),
  );

interface StoredRun {
  readonly name: string;
  readonly state: string;
  /** Trainings with other seeds, before the last one. */
  readonly earlier: readonly unknown[];
  readonly epochs: Track;
  readonly validation: Track;
  readonly training: { readonly step: number[]; readonly loss: number[]; readonly learning_rate: number[] };
}

export async function set(page: Page, field: string, value: number): Promise<void> {
  await page.getByLabel(field, { exact: true }).fill(String(value));
  await page.getByLabel(field, { exact: true }).press('Tab');
}

/** Bytes of CIFAR-10's format: a label and 3072 bytes an image. */
export function cifarBatch(images: number, label = (image: number) => image % 10): Buffer {
  const bytes = Buffer.alloc(images * 3073);
  for (let image = 0; image < images; image++) {
    bytes[image * 3073] = label(image);
    bytes.fill((image * 37) % 256, image * 3073 + 1, (image + 1) * 3073);
  }
  return bytes;
}

export const file = (name: string, buffer: Buffer) => ({ name, mimeType: 'application/octet-stream', buffer });

export function liveTests(live: LivePage): LiveTest[] {
  const test = (name: string, body: (page: Page) => Promise<void>): LiveTest => ({
    name: `live page: ${name}`,
    run: body,
  });
  return [
    test('baseline and high-lr tell their story; nothing is fetched, freezes or jumps', async (page) => {
      await open(page, live.address);
      await set(page, 'Images', 700);
      await shot(page, '1-before');
      const requests: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      const begun = performance.now();
      const { tasks, longestCpuMs, longestWallMs } = await watchMainThread(live.browser, page, async () => {
        await button(page, /^baseline/).click();
        await button(page, /^high-lr/).click();
        await page.locator('.run[data-state="training"]').waitFor({ timeout: PATIENCE });
        await ended(page, 'baseline', 'done');
        await page.locator('.status.diverged').waitFor({ timeout: PATIENCE });
      });
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      console.log(
        `  both had told it after ${seconds} s; longest of ${tasks} tasks of the main thread: ` +
          `${longestCpuMs.toFixed(1)} ms of the processor, ${longestWallMs.toFixed(1)} ms by the clock`,
      );
      await shot(page, '2-diverged');

      const [baseline] = await kept(page);
      const { loss } = baseline.training;
      assert.ok(mean(loss.slice(-10)) < 0.95 * mean(loss.slice(0, 5)), `the loss went ${loss.join(', ')}`);
      assert.match((await run(page, 'baseline').locator('.verdict').textContent()) ?? '', /learns/);
      assert.is(await run(page, 'high-lr').locator('.verdict').textContent(), 'diverged');
      const report = (await page.locator('.status.diverged').textContent()) ?? '';
      assert.match(report, /learning rate 0\.1 is likely too high: try 0\.01/);

      assert.ok(tasks > 100, 'tasks were seen');
      assert.ok(longestCpuMs < LONGEST_TASK, `a task of the main thread took ${longestCpuMs} ms`);
      const shift = await page.evaluate(() => globalThis.shift);
      assert.ok(shift < MOST_SHIFT, `layout shifted by ${shift}`);
      assert.equal(requests, [], 'no request after loading');

      await findsNothing(page, 'diverged');

      await button(page, 'Restart with 0.01').click();
      await run(page, 'high-lr at 0.01').getByText('rate 0.01, batch 32').waitFor();
      await page.locator('.status:not(.diverged)').waitFor();
      await button(page, 'Stop').click();
      await ended(page, 'high-lr at 0.01', 'stopped');
    }),

    test('pauses, takes single steps, changes the rate at the next step, goes on, stops', async (page) => {
      await open(page, live.address);
      await button(page, 'Start').click();
      await page.locator('.run[data-state="training"]').waitFor({ timeout: PATIENCE });
      await button(page, 'Pause').click();
      await page.locator('.run[data-state="paused"]').waitFor({ timeout: PATIENCE });
      const step = page.locator('[data-gauge="step"] dd');
      const at = Number(await step.textContent());
      await page.waitForTimeout(1000);
      assert.is(Number(await step.textContent()), at, 'it stands still');
      await findsNothing(page, 'paused');

      await page.locator('.controls').getByLabel('Learning rate').focus();
      for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowRight');
      for (const next of [at + 1, at + 2]) {
        await button(page, 'Step').click();
        await page.getByText(new RegExp(`paused after step ${next}$`)).waitFor();
      }
      await page.waitForTimeout(1200);
      const [{ training }] = await kept(page);
      assert.equal(training.step.slice(-3), [at, at + 1, at + 2], 'a reading a step');
      const rates = training.learning_rate.slice(-3).map((rate) => Number(rate.toPrecision(3)));
      assert.equal(rates, [0.001, 0.01, 0.01]);
      // The list and the name say so.
      await run(page, 'rate 0.001→0.01, batch 32').getByText(`rate 0.001 → 0.01 by hand at step ${at}`).waitFor();

      await button(page, 'Resume').click();
      await page.waitForFunction(
        (before) => Number(document.querySelector('[data-gauge="step"] dd')?.textContent) > before + 2,
        at,
      );
      await button(page, 'Stop').click();
      await page.locator('.run[data-state="stopped"]').waitFor({ timeout: PATIENCE });
      const row = page.locator('.run', { hasText: 'interrupted in epoch 1 of 4' });
      assert.match((await row.textContent()) ?? '', /\(step \d+ of 188\)/);
    }),

    test('a reload keeps runs, and says which was cut off', async (page) => {
      await open(page, live.address);
      await set(page, 'Images', 64);
      await set(page, 'Epochs', 1);
      await button(page, 'Start').click();
      const name = page.locator('.run .name').first();
      await page.locator('.run[data-state="done"]').waitFor({ timeout: PATIENCE });
      await name.fill('my first run');
      await name.press('Enter');
      await set(page, 'Epochs', 500);
      await button(page, 'Start').click();
      await page.locator('.run[data-state="training"]').waitFor({ timeout: PATIENCE });
      await page.waitForTimeout(1500);
      await page.reload();
      await page.locator('.run').nth(1).waitFor();
      const states = await page
        .locator('.run')
        .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-state')));
      assert.equal(states, ['done', 'interrupted']);
      assert.is(await page.locator('.run .name').first().inputValue(), 'my first run');
      await page.getByRole('button', { name: 'Remove all' }).click();
      await page.getByText('None yet').waitFor();
      while ((await kept(page)).length > 0) await page.waitForTimeout(20);
      await page.reload();
      await page.getByText('None yet').waitFor();
    }),

    test('reads CIFAR-10’s files, dropped or chosen, and refuses others with the reason', async (page) => {
      await open(page, live.address);
      const files = page.getByLabel('CIFAR-10 files');
      await files.setInputFiles([file('data_batch_1.bin', cifarBatch(40).subarray(0, -1))]);
      await page.getByText(/^data_batch_1\.bin: expected a whole number of 3073-byte records/).waitFor();
      await shot(page, '3-refused');
      await files.setInputFiles([
        file(
          'data_batch_1.bin',
          cifarBatch(10, () => 12),
        ),
      ]);
      await page.getByText('expected labels from 0 to 9, got 12 at record 0').waitFor();
      await files.setInputFiles([file('cat.jpg', Buffer.from('meow'))]);
      await page.getByText('cat.jpg: this is neither a .bin file nor a .tar.gz archive').waitFor();
      await files.setInputFiles([file('cifar-10-binary.tar.gz', Buffer.from('no archive'))]);
      await page.getByText('cannot be unpacked as gzip').waitFor();

      await page.locator('.drop').evaluate(
        (target, bytes) => {
          const transfer = new DataTransfer();
          for (const [name, length] of [
            ['data_batch_1.bin', 60],
            ['test_batch.bin', 20],
          ] as const) {
            transfer.items.add(new File([new Uint8Array(bytes.slice(0, length * 3073))], name));
          }
          target.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: transfer }));
        },
        [...cifarBatch(60)],
      );
      await page.locator('.data').getByText('CIFAR-10, 60 + 20 images').waitFor();
      assert.is(await page.locator('.samples li').count(), 20);
      await set(page, 'Epochs', 1);
      await button(page, 'Start').click();
      await page.locator('.run[data-state="done"]').waitFor({ timeout: PATIENCE });
    }),

    test('a model goes out as safetensors and comes back', async (page) => {
      await open(page, live.address);
      await set(page, 'Images', 320);
      await set(page, 'Epochs', 2);
      await button(page, 'Start').click();
      await page.locator('.run[data-state="done"]').waitFor({ timeout: PATIENCE });
      const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Save model').click()]);
      assert.is(download.suggestedFilename(), 'rate 0.001, batch 32.safetensors');
      const path = await download.path();
      const load = page.getByLabel('model file');
      await load.setInputFiles(path);
      await page.getByText('The next run begins with its weights').waitFor();
      await button(page, 'Start').click();
      await ended(page, 'rate 0.001, batch 32 (2)', 'done');
      const [fresh, goneOn] = await kept(page);
      const [before, after] = [fresh.training.loss[0], goneOn.training.loss[0]];
      assert.ok(after < before - 0.1, `it begins at a loss of ${after}, fresh weights at ${before}`);
      await load.setInputFiles([file('bad.safetensors', Buffer.from('nothing'))]);
      await page.locator('.status.error').waitFor();
      assert.match((await page.locator('.status.error').textContent()) ?? '', /^bad\.safetensors: /);
    }),

    test('settings come from a link, are kept, checked beside their fields, copied and reset', async (page) => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await open(page, `${live.address}#rate=0.01&batch=64&blocks=0&dense=0&bogus=1`);
      await page.getByText('“bogus” is no setting.').waitFor();
      assert.is(new URL(page.url()).hash, '');
      const controls = page.locator('.controls');
      const rate = controls.getByLabel('exact rate');
      assert.is(await rate.inputValue(), '0.01');
      await controls.getByText('30,730 parameters').waitFor();

      const epochs = page.getByLabel('Epochs', { exact: true });
      for (const wrong of ['0', '2.5', '', '1001']) {
        await epochs.fill(wrong);
        await controls.getByRole('alert').getByText('A whole number, 1 to 1,000. 4 stays.').waitFor();
      }
      await epochs.fill('6');
      assert.is(await controls.getByRole('alert').count(), 0);
      await epochs.hover();
      await page.locator('.hints').getByText('How many times it goes through all training images.').waitFor();

      await controls.locator('summary', { hasText: 'More settings' }).click();
      await controls.getByLabel('Optimizer').selectOption('sgd');
      assert.is(await controls.getByLabel('Beta 1').count(), 0);
      await set(page, 'Momentum', 0.9);
      await controls.getByLabel('Schedule').selectOption('cosine');
      await page.reload();
      await button(page, 'Run all six').and(page.locator(':enabled')).waitFor({ timeout: PATIENCE });
      await button(page, 'Copy link').click();
      await button(page, 'Copied').waitFor();
      const own = 'rate=0.01&batch=64&optimizer=sgd&epochs=6&blocks=0&dense=0&momentum=0.9&schedule=cosine';
      assert.is(await page.evaluate(() => navigator.clipboard.readText()), `${live.address}#${own}`);
      await button(page, 'Reset settings').click();
      assert.is(await rate.inputValue(), '0.001');
      await controls.getByText('821,206 parameters').waitFor();
      await page.evaluate((link) => {
        location.hash = link;
      }, own);
      await page.getByText('The settings are those of the link.').waitFor();
      assert.is(await epochs.inputValue(), '6');
    }),

    test('several seeds are one run; its confusion, its layers and each image’s probabilities can be seen', async (page) => {
      await open(page, `${live.address}#images=64&epochs=2&blocks=0&dense=0&repeats=2`);
      await button(page, 'Start').click();
      await page.locator('.run[data-state="done"]').waitFor({ timeout: PATIENCE });
      assert.is(await page.locator('.run').count(), 1);
      assert.match((await page.locator('.run .accuracy').textContent()) ?? '', /^\d+\.\d ± \d+\.\d %$/);
      const [{ name, earlier }] = await kept(page);
      assert.equal([name, earlier.length], ['rate 0.001, batch 32, no convolution, no dense layer', 1]);
      await page.getByText('400 validation images after epoch 2.').waitFor();
      const counts = await page.locator('.confusion tbody td').allTextContents();
      assert.is(
        counts.map(Number).reduce((a, b) => a + b),
        400,
      );
      assert.equal(await page.locator('.layers h3').allTextContents(), ['dense']);
      await page.getByText('Gradient: Adam’s running mean, over about the last 10 steps.').waitFor();
      assert.match((await page.locator('.layers figcaption').nth(3).textContent()) ?? '', /^gradient norm \d/);

      await page.getByLabel('mistakes first').check();
      assert.match((await page.locator('.samples li').first().getAttribute('class')) ?? '', /wrong/);
      const image = page.locator('.samples button').nth(2);
      await image.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      const shares = await dialog.locator('.bars td:last-child').allTextContents();
      assert.is(shares.length, 10);
      assert.ok(Math.abs(shares.map(Number.parseFloat).reduce((a, b) => a + b) - 100) < 1, shares.join());
      await findsNothing(page, 'an image with its probabilities');
      const title = await dialog.getByRole('heading').textContent();
      await page.keyboard.press('ArrowRight');
      await page.waitForFunction((before) => document.querySelector('dialog h2')?.textContent !== before, title);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      assert.ok(await image.evaluate((element) => element === document.activeElement), 'the focus is back');

      const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Save model').click()]);
      const path = await download.path();
      await button(page, 'Reset settings').click();
      await page.getByLabel('model file').setInputFiles(path);
      await page.getByText('the network is set to the file’s: no convolution, no hidden dense layer').waitFor();
      for (const fold of await page.locator('.fold > summary').all()) await fold.click();
      await set(page, 'Seed', -1);
      for (const theme of ['dark', 'light']) {
        await page.getByLabel('Theme').selectOption(theme);
        await findsNothing(page, `all settings, ${theme}`);
      }
      await page.setViewportSize(PHONE);
      await reachable(page);
      await shot(page, '8-settings-phone');
    }),

    test('the six runs in turn, each with its verdict; dark, on a phone, by keyboard', async (page) => {
      await open(page, live.address);
      await set(page, 'Images', 256);
      await set(page, 'Epochs', 2);
      await page.getByLabel('Theme').selectOption('dark');
      await button(page, 'Run all six').focus();
      await page.keyboard.press('Enter');
      await ended(page, 'plateau', 'done');
      const verdicts = await page
        .locator('.run')
        .evaluateAll((rows) =>
          rows.map((row) => [row.getAttribute('data-name'), row.querySelector('.verdict')?.textContent]),
        );
      console.log(`  ${verdicts.map((one) => one.join(': ')).join('; ')}`);
      assert.is(verdicts.length, 6);
      for (const [name, verdict] of verdicts) {
        assert.not.match(verdict ?? '', /^(queued|training|compiling|failed)?$/, `${name} has a verdict`);
      }
      assert.match(
        (await run(page, 'high-lr').locator('.verdict').textContent()) ?? '',
        /diverged|never learns|not yet/,
      );
      await shot(page, '4-six-dark');
      // The arrow keys read values off the chart.
      await page.locator('.curve-canvas').focus();
      await page.keyboard.press('ArrowLeft');
      await page.locator('.curve-reading thead').getByText('epoch').waitFor();
      for (const metric of ['Loss', 'Learning rate']) {
        await page.locator('.curve-choice').getByLabel(metric, { exact: true }).check();
        await shot(page, `5-${metric.toLowerCase().replace(' ', '-')}`);
      }
      await page.setViewportSize(PHONE);
      await page.waitForTimeout(300);
      await shot(page, '6-phone');
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= PHONE.width, `the page is ${width} pixels wide`);
    }),

    {
      name: 'the study’s report shows all, fetches nothing and fits on paper',
      run: (page) => reportShowsAll(page, live.folder),
    },

    test('it and the report come up where the system has no locale, and say without JavaScript what they need', async (page) => {
      const report = pathToFileURL(await writeReport(live.folder, findings)).href;
      // What a browser says under LANG=C, whatever system this is.
      await page.addInitScript(
        "Object.defineProperty(Navigator.prototype, 'language', { get: () => 'en-US@posix', configurable: true })",
      );
      await page.goto(report);
      await page.locator('section .curve-canvas canvas').waitFor();
      await page.goto(live.address);
      await page.locator('section .curve-canvas canvas').waitFor();
      const context = await live.browser.newContext({ viewport: PHONE, javaScriptEnabled: false });
      try {
        const still = await context.newPage();
        await still.goto(live.address);
        await still.locator('noscript h1').waitFor();
        assert.match((await still.locator('noscript').textContent()) ?? '', 'needs JavaScript, which is off here');
        await still.goto(report);
        await still.locator('noscript h1').waitFor();
        assert.match((await still.locator('noscript').textContent()) ?? '', 'results.json');
        assert.ok((await still.evaluate(() => document.documentElement.scrollWidth)) <= PHONE.width);
      } finally {
        await context.close();
      }
    }),

    test('without WebGPU it says which browsers have it', async (page) => {
      await page.addInitScript(() => {
        const Whole = Blob;
        globalThis.Blob = class extends Whole {
          constructor(parts: BlobPart[] = [], options?: BlobPropertyBag) {
            // The Worker's script is the page's only blob by now.
            super(['delete WorkerNavigator.prototype.gpu;', ...parts], options);
          }
        };
      });
      await page.goto(live.address);
      await page.getByText('This browser cannot train here').waitFor();
      await page.getByText('and found none: This browser offers no WebGPU').waitFor();
      await page.getByText('chrome://flags/#enable-unsafe-webgpu').waitFor();
      await shot(page, '7-no-webgpu');
    }),
  ];
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
