/** Tests of what a visitor does with runs on the live page once there are some: none of these trains. */

import { readFile } from 'node:fs/promises';
import type { Locator, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { findsNothing, reachable } from './accessible.ts';
import { button, cifarBatch, kept, type LivePage, type LiveTest, open, PHONE, run, shot } from './live.ts';
import { madeUpRuns, storeRuns } from './madeUpRuns.ts';

const LONG = 'a name of a run that is far too long for the place beside the chart';
const NARROWEST = { width: 320, height: 640 };

export function handlingTests(live: LivePage): LiveTest[] {
  const test = (name: string, body: (page: Page) => Promise<void>): LiveTest => ({
    name: `live page: ${name}`,
    run: body,
  });

  async function openWith(page: Page, names: readonly string[]): Promise<void> {
    await open(page, live.address);
    await storeRuns(page, madeUpRuns(names));
    await page.reload();
    await run(page, names[0]).waitFor();
    await button(page, 'Run all six').and(page.locator(':enabled')).waitFor();
  }

  return [
    test('what was removed can be put back, also in the browser’s database, and the focus stays', async (page) => {
      await openWith(page, ['one', 'two', 'three']);
      await button(page, 'remove two').click();
      await page.getByText('two was removed.').waitFor();
      await focusIsOn(page, 'look at the network of three');
      await button(page, 'Undo').click();
      await run(page, 'two').waitFor();
      await textsAre(() => names(page), ['one', 'two', 'three']);
      await page.locator('.undo').waitFor({ state: 'detached' });

      await button(page, 'Remove all').click();
      await page.getByText('3 runs were removed.').waitFor();
      await focusIsOn(page, 'Undo');
      await page.keyboard.press('Enter');
      await run(page, 'three').waitFor();
      while ((await kept(page)).length < 3) await page.waitForTimeout(20);
      await page.reload();
      await run(page, 'three').waitFor();
      await textsAre(() => names(page), ['one', 'two', 'three']);

      // Nothing under the hand: it is gone after a while.
      await button(page, 'remove three').click();
      // The last one: the one above.
      await focusIsOn(page, 'look at the network of two');
      await page.clock.install();
      await button(page, 'remove two').click();
      await page.getByText('2 runs were removed.').waitFor();
      await page.clock.runFor(10_000);
      await page.locator('.undo').waitFor();
      await page.clock.runFor(3000);
      await page.locator('.undo').waitFor({ state: 'detached' });
    }),

    test('files may be dropped anywhere, and what cannot be used is told instead of opened', async (page) => {
      await open(page, live.address);
      const address = page.url();
      await drag(page, 'dragenter', 'footer', []);
      await page.locator('.drop-anywhere').waitFor();
      await shot(page, '8-drop');
      assert.ok(await drag(page, 'drop', 'footer', [['cat.jpg', 4]]), 'the browser does not open it');
      await page.locator('.drop-anywhere').waitFor({ state: 'detached' });
      await page.getByText('cat.jpg: this is neither a .bin file nor a .tar.gz archive').waitFor();
      await drag(page, 'drop', '.adapter', [['weights.safetensors', 3]]);
      await page.locator('.status.error').getByText('weights.safetensors: ').waitFor();
      await drag(page, 'drop', 'h1', [
        ['a.safetensors', 3],
        ['b.safetensors', 3],
      ]);
      await page.getByText('a.safetensors and b.safetensors: a run begins with one model').waitFor();
      await drag(page, 'drop', '.gauges', [['data_batch_1.bin', 3073 * 30]]);
      await page.locator('.data').getByText('CIFAR-10, 24 + 6 images').waitFor();
      assert.is(page.url(), address);
    }),

    test('the chart is zoomed into by mouse, keys and buttons, read by keys, and saved', async (page) => {
      await openWith(page, ['one', 'two', LONG]);
      const chart = page.locator('.curve-canvas');
      const all = button(page, 'Show all');
      assert.ok(await all.isDisabled());
      const box = await chart.boundingBox();
      assert.ok(box !== null);
      await page.mouse.move(box.x + 200, box.y + 100);
      await page.mouse.down();
      await page.mouse.move(box.x + 350, box.y + 120, { steps: 4 });
      await page.mouse.up();
      await all.and(page.locator(':enabled')).waitFor();
      await page.mouse.dblclick(box.x + 300, box.y + 100);
      await all.and(page.locator(':disabled')).waitFor();
      await button(page, 'zoom in').click();
      await all.click();
      await all.and(page.locator(':disabled')).waitFor();

      await chart.focus();
      await page.keyboard.press('End');
      const said = page.locator('.curve-chart [role="status"]');
      await says(said, /^epoch 3\.0\. .*one: validation 33\.8 %, training .*two: .*, ended at epoch 2\.$/);
      await page.keyboard.press('Home');
      await says(said, /^epoch 0\.0\. .*one: validation no number/);
      await page.keyboard.press('+');
      await all.and(page.locator(':enabled')).waitFor();
      await page.keyboard.press('Escape');
      await all.and(page.locator(':disabled')).waitFor();

      // A name without room is told in full.
      await page.mouse.move(box.x + box.width - 60, box.y + 20);
      const titles = new Set<string | null>();
      for (let y = 10; y < 200; y += 6) {
        await page.mouse.move(box.x + box.width - 60, box.y + y);
        titles.add(await chart.getAttribute('title'));
      }
      assert.ok(titles.has(LONG), [...titles].join());

      const [picture] = await Promise.all([
        page.waitForEvent('download'),
        button(page, 'save the chart as PNG').click(),
      ]);
      assert.is(picture.suggestedFilename(), 'accuracy by epoch.png');
      const bytes = await readFile(await picture.path());
      assert.is(bytes.subarray(1, 4).toString(), 'PNG');
      assert.ok(bytes.readUInt32BE(16) > box.width && bytes.readUInt32BE(20) > box.height, 'with title and legend');
    }),

    test('runs are put in order, compared and saved as tables; a tap on one shows its network', async (page) => {
      await openWith(page, ['run 10', 'run 2', 'run 3']);
      const order = page.getByLabel('order of the runs');
      await order.selectOption('name');
      await textsAre(() => names(page), ['run 2', 'run 3', 'run 10']);
      await order.selectOption('accuracy');
      await textsAre(() => names(page), ['run 3', 'run 10', 'run 2']);
      await order.selectOption('begun');
      await button(page, 'Compare').click();
      const differing = page.locator('.comparison .differs th');
      await textsAre(() => differing.allTextContents(), ['learning rate', 'batch size']);
      await page.getByLabel('show run 2').uncheck();
      await page.locator('.comparison thead th').nth(2).waitFor({ state: 'detached' });
      await textsAre(() => differing.allTextContents(), ['learning rate']);
      await button(page, 'Compare').click();

      const [csv] = await Promise.all([page.waitForEvent('download'), button(page, 'save the runs as CSV').click()]);
      assert.is(csv.suggestedFilename(), 'wgrad runs.csv');
      assert.is(
        (await readFile(await csv.path(), 'utf8')).trim().split('\r\n').length,
        1 + 3 + 2 + 3,
        'a row an epoch',
      );
      const [json] = await Promise.all([page.waitForEvent('download'), button(page, 'save the runs as JSON').click()]);
      assert.is(JSON.parse(await readFile(await json.path(), 'utf8')).runs.length, 3);

      await page.setViewportSize(PHONE);
      await run(page, 'run 10').locator('.facts').click();
      await page.getByRole('heading', { name: 'First filters of run 10' }).waitFor();
      await page.locator('[aria-pressed="true"][aria-label="look at the network of run 10"]').waitFor();
    }),

    test('on a phone all is there and large enough; nothing is amiss for who does not see it', async (page) => {
      await openWith(page, ['one', 'two', LONG, 'three']);
      await findsNothing(page, 'with runs');
      await button(page, 'Compare').click();
      await button(page, 'remove one').click();
      await page
        .getByLabel('model file')
        .setInputFiles([{ name: 'no.txt', mimeType: 'text/plain', buffer: cifarBatch(1) }]);
      await page.locator('.status.error').waitFor();
      await page.getByLabel('Theme').selectOption('dark');
      await findsNothing(page, 'dark, with notices and a comparison');
      await page.setViewportSize(PHONE);
      await findsNothing(page, 'dark, on a phone');
      await reachable(page);
      await page.getByLabel('Theme').selectOption('light');
      await page.setViewportSize(NARROWEST);
      await reachable(page);
      await shot(page, '9-narrowest');
      await button(page, 'Remove all').click();
      await findsNothing(page, 'without runs');
    }),
  ];
}

const names = (page: Page): Promise<(string | null)[]> =>
  page.locator('.run').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-name')));

const focused = (page: Page): Promise<string | null> =>
  page.evaluate(() => {
    const { activeElement } = document;
    return activeElement?.getAttribute('aria-label') ?? activeElement?.textContent ?? null;
  });

/** Asks until the answer is right, or for ten seconds: some things a page does behind its next drawing. Returns the last answer. */
async function eventually<T>(ask: () => Promise<T>, right: (answer: T) => boolean): Promise<T> {
  const until = performance.now() + 10_000;
  let answer = await ask();
  while (!right(answer) && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer = await ask();
  }
  return answer;
}

async function focusIsOn(page: Page, name: string): Promise<void> {
  const found = await eventually(
    () => focused(page),
    (one) => one === name,
  );
  assert.is(found?.slice(0, 100), name);
}

async function says(element: Locator, pattern: RegExp): Promise<void> {
  const text = await eventually(
    async () => (await element.textContent()) ?? '',
    (one) => pattern.test(one),
  );
  assert.match(text, pattern);
}

async function textsAre(ask: () => Promise<(string | null)[]>, expected: readonly string[]): Promise<void> {
  assert.equal(await eventually(ask, (found) => found.join('\n') === expected.join('\n')), [...expected]);
}

/** Drags files of some length over a part of the page; true: the page has taken care of it. */
const drag = (page: Page, kind: string, target: string, files: readonly (readonly [name: string, bytes: number])[]) =>
  page.locator(target).evaluate(
    (element, [type, all]) => {
      const transfer = new DataTransfer();
      for (const [name, length] of all) transfer.items.add(new File([new Uint8Array(length)], name));
      if (all.length === 0) transfer.items.add(new File([], 'any'));
      return !element.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
    },
    [kind, files] as const,
  );
