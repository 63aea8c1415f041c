/** Tests of what becomes of the live page's runs when the page is left, its device is lost, or it is open twice. */

import { join } from 'node:path';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { ARTEFACTS } from './artefacts.ts';
import { button, ended, kept, type LivePage, type LiveTest, open, PATIENCE, PHONE, run, set } from './live.ts';

const shot = (page: Page, name: string) => page.screenshot({ path: join(ARTEFACTS, `${name}.png`) });
const strip = (page: Page) => page.locator('.status');

/** Starts a run with the present settings, once it can be seen to train. */
async function begin(page: Page): Promise<void> {
  await button(page, 'Start').click();
  await page.locator('.run[data-state="training"]').waitFor({ timeout: PATIENCE });
}

/** Waits until the run under way has had `epochs` epochs, and pauses it. */
async function pauseBehind(page: Page, epochs: number): Promise<void> {
  await strip(page)
    .getByText(new RegExp(`epoch ${epochs + 1} of`))
    .waitFor({ timeout: PATIENCE });
  await button(page, 'Pause').click();
  await page.locator('.run[data-state="paused"]').waitFor({ timeout: PATIENCE });
}

/** Puts a line in front of the Worker's script. */
const inWorker = (page: Page, script: string) =>
  page.addInitScript((line) => {
    const Whole = Blob;
    globalThis.Blob = class extends Whole {
      constructor(parts: BlobPart[] = [], options?: BlobPropertyBag) {
        super([line, ...parts], options);
      }
    };
  }, script);

export function keptRunTests(live: LivePage): LiveTest[] {
  const test = (name: string, body: (page: Page) => Promise<void>): LiveTest => ({
    name: `live page: ${name}`,
    run: body,
  });
  return [
    test('a run that a reload cut off goes on with the same bits, and those that waited behind it', async (page) => {
      const dialogs: string[] = [];
      page.on('dialog', (dialog) => {
        dialogs.push(dialog.type());
        void dialog.accept();
      });
      await open(page, live.address);
      await set(page, 'Images', 100);
      await set(page, 'Epochs', 4);
      await begin(page);
      await button(page, 'Start next').click();
      await button(page, 'Start next').click();
      await pauseBehind(page, 1);
      await page.reload();
      const [first, second, third] = ['', ' (2)', ' (3)'].map((suffix) => `rate 0.001, batch 32${suffix}`);
      await strip(page).getByText('2 runs wait behind it').waitFor({ timeout: PATIENCE });
      const text = (await strip(page).textContent()) ?? '';
      assert.match(text, /was interrupted (in epoch \d of 4 \(step \d+ of 16\)|after epoch \d of 4)/);
      assert.match(text, /Nothing of it is lost/);
      assert.is(await run(page, first).locator('.verdict').textContent(), 'interrupted');
      assert.not.match((await run(page, first).textContent()) ?? '', /ends at/);
      assert.is(await run(page, second).locator('.verdict').textContent(), 'waiting');
      await shot(page, '8-cut-off');
      await page.setViewportSize(PHONE);
      await shot(page, '8-cut-off-phone');
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= PHONE.width, `the page is ${width} pixels wide`);
      await page.setViewportSize({ width: 1280, height: 1000 });

      await button(page, 'Go on').click();
      await ended(page, second, 'done');
      await page.locator('.run[data-state="training"]').waitFor({ timeout: PATIENCE });
      await button(page, 'Pause').click();
      await page.locator('.run[data-state="paused"]').waitFor({ timeout: PATIENCE });
      // Cut off once more, and left so.
      await page.reload();
      await button(page, 'Leave it').click();
      await page.locator('.status:not(.cut-off)').waitFor({ timeout: PATIENCE });
      const [goneOn, straight] = await kept(page);
      assert.is(goneOn.state, 'done');
      assert.is(goneOn.validation.loss.length, 4);
      assert.equal(goneOn.validation, { ...straight.validation, seconds: goneOn.validation.seconds });
      assert.equal(goneOn.epochs, { ...straight.epochs, seconds: goneOn.epochs.seconds });
      assert.is(await run(page, third).locator('.verdict').textContent(), 'interrupted');
      assert.equal(dialogs, [], 'nothing was lost, so nothing was asked');
    }),

    test('two tabs leave each other’s runs alone and share those that have ended; where nothing can be kept it says and asks', async (page) => {
      const dialogs: string[] = [];
      page.on('dialog', (dialog) => {
        dialogs.push(dialog.type());
        void dialog.accept();
      });
      await inWorker(page, `Object.defineProperty(self, 'indexedDB', { value: undefined });`);
      await open(page, live.address);
      await set(page, 'Images', 64);
      await set(page, 'Epochs', 500);
      await begin(page);
      await page.getByText('cannot be kept').waitFor({ timeout: PATIENCE });
      const name = 'rate 0.001, batch 32';
      while ((await kept(page)).length === 0) await page.waitForTimeout(50);
      const other = await page.context().newPage();
      await other.goto(live.address);
      await other.getByText('None yet').waitFor();
      await page.bringToFront();
      await button(page, 'Stop').click();
      await ended(page, name, 'stopped');
      await ended(other, name, 'stopped');
      await other.getByRole('button', { name: `remove ${name}` }).click();
      await page.getByText('None yet').waitFor();
      await other.close();
      assert.equal(await kept(page), []);

      await begin(page);
      await page.reload();
      assert.equal(dialogs, ['beforeunload']);
      await strip(page).getByText('Nothing of its training was kept').waitFor();
      await page.reload();
      // Told once.
      await run(page, name).waitFor();
      await page.locator('.status:not(.cut-off)').waitFor();
      assert.is(dialogs.length, 1);
    }),

    test('where the device is lost it says so, opens another one and goes on', async (page) => {
      await inWorker(
        page,
        `const { requestDevice } = GPUAdapter.prototype;
        GPUAdapter.prototype.requestDevice = async function (...given) {
          const device = await requestDevice.apply(this, given);
          new BroadcastChannel('lose').onmessage = () => device.destroy();
          return device;
        };`,
      );
      await open(page, live.address);
      await set(page, 'Images', 100);
      await set(page, 'Epochs', 3);
      await begin(page);
      await strip(page).getByText('epoch 2 of 3').waitFor({ timeout: PATIENCE });
      // A run that is paused is kept at once.
      await button(page, 'Pause').click();
      await button(page, 'Resume').waitFor({ timeout: PATIENCE });
      await page.waitForTimeout(1000);
      await page.evaluate(() => new BroadcastChannel('lose').postMessage('now'));
      await strip(page).getByText('The GPU was lost').waitFor({ timeout: PATIENCE });
      await button(page, 'Go on').and(page.locator(':enabled')).waitFor({ timeout: PATIENCE });
      await shot(page, '8-lost');
      assert.is(await page.getByLabel('Epochs', { exact: true }).inputValue(), '3', 'settings stay');
      await button(page, 'Go on').click();
      await ended(page, 'rate 0.001, batch 32', 'done');
      const [{ validation }] = await kept(page);
      assert.equal(validation.epoch, [1, 2, 3]);
    }),
  ];
}
