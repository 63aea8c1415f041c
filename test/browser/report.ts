/** Tests of the study's report: opened from the disk, as somebody who was sent the file opens it. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { writeReport } from '../../examples/report/writeReport.ts';
import { findings } from '../reportFindings.ts';
import { findsNothing, reachable } from './accessible.ts';
import { ARTEFACTS } from './artefacts.ts';

const DESKTOP = { width: 1280, height: 1000 };
const PHONE = { width: 390, height: 844 };
/** A4 at 96 dots an inch. */
const PAPER = { width: 794, height: 1123 };

export async function reportShowsAll(page: Page, folder: string): Promise<void> {
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  const address = pathToFileURL(await writeReport(folder, findings)).href;
  await page.goto(address);
  assert.equal(requests, [address], 'nothing is fetched');
  await page.getByRole('heading', { name: 'On synthetic shapes (not CIFAR-10): high-lr diverged' }).waitFor();
  assert.is(await page.locator('.numbers tbody tr').count(), 2);
  assert.is(await page.locator('.confusion').count(), 2);
  assert.is(await page.locator('.samples li').count(), 24);
  await page.getByText('Right about 60 of 90 test images (66.7 %)').waitFor();
  await page.getByText('npm run cifar -- --runs baseline,high-lr').waitFor();
  assert.is(await page.locator('.confusion').nth(1).getByText('no number').count(), 1);

  // The chart has colours other than the page's.
  assert.ok((await inkOf(page)) > 500, 'curves are drawn');
  await page.locator('section .curve-canvas').hover({ position: { x: 400, y: 150 } });
  assert.match(
    (await page.locator('.curve-reading').textContent()) ?? '',
    /^epoch 1\.\dvaltrainbaseline24\.0 %20\.0 %high-lr/,
  );
  await page.locator('.legend').getByLabel('baseline').uncheck();
  await page.locator('section .curve-canvas').hover({ position: { x: 410, y: 150 } });
  assert.not.match((await page.locator('.curve-reading').textContent()) ?? '', /baseline/);
  await page.locator('.legend').getByLabel('baseline').check();
  await page.mouse.move(0, 0);

  await findsNothing(page, 'report');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize(PHONE);
  await findsNothing(page, 'report, dark on a phone');
  await reachable(page);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(DESKTOP);
  // The chart is drawn anew in its new size.
  await page.waitForTimeout(300);

  await mkdir(ARTEFACTS, { recursive: true });
  await page.screenshot({ path: join(ARTEFACTS, 'report.png'), fullPage: true });
  await page.setViewportSize(PAPER);
  await page.emulateMedia({ media: 'print' });
  // The chart is drawn anew in its new size.
  await page.waitForTimeout(300);
  const canvas = await page.locator('section .curve-canvas canvas').boundingBox();
  const card = await page.locator('section .curve-panel').first().boundingBox();
  assert.ok(canvas !== null && card !== null);
  assert.ok(canvas.width <= card.width + 1, `a chart of ${canvas.width} on ${card.width}`);
  assert.ok(canvas.height > 100 && (await inkOf(page)) > 500, 'it is on the paper');
  await page.pdf({ path: join(ARTEFACTS, 'report.pdf'), preferCSSPageSize: true });
}

/** Pixels of the chart that are neither transparent nor grey. */
const inkOf = (page: Page): Promise<number> =>
  page.locator('section .curve-canvas canvas').evaluate((canvas) => {
    if (!(canvas instanceof HTMLCanvasElement)) return 0;
    const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
    let ink = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [red, green, blue, alpha] = [data[i], data[i + 1], data[i + 2], data[i + 3]];
      if (alpha > 100 && Math.max(red, green, blue) - Math.min(red, green, blue) > 40) ink++;
    }
    return ink;
  });
