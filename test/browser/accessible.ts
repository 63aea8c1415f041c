/** What a page is to somebody who does not see it, or has a finger and no pointer. */

import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';

declare global {
  interface Window {
    /** Put into a page by `findsNothing`. */
    readonly axe: { run(): Promise<AxeResults> };
  }
}

/** axe-core has nothing to say against the page in the state that it is in. */
export async function findsNothing(page: Page, state: string): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => window.axe.run());
  assert.ok(passes.length > 10, `${state}: it was looked at`);
  const told = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n  ${html.slice(0, 300)}\n  ${failureSummary}`),
  );
  assert.is(told.join('\n'), '', `${state}: axe-core found ${told.length}`);
}

/** Least width and height of what a finger must hit, in pixels (WCAG 2.5.5). */
const FINGER = 44;

/** All that can be used on a phone is large enough for a finger, and nothing reaches out of the window. */
export async function reachable(page: Page): Promise<void> {
  const small = await page.evaluate(
    (least) =>
      [...document.querySelectorAll('button, input, select, a[href]')].flatMap((element) => {
        // A field is hit by the label that it lies in, too.
        const label = element instanceof HTMLInputElement ? element.closest('label') : null;
        const boxes = [element, ...(label === null ? [] : [label])].map((one) => one.getBoundingClientRect());
        const width = Math.max(...boxes.map((box) => box.width));
        const height = Math.max(...boxes.map((box) => box.height));
        return Math.min(width, height) >= least ? [] : [`${element.outerHTML.slice(0, 160)}: ${width} × ${height}`];
      }),
    FINGER,
  );
  assert.equal(small, [], 'too small for a finger, or not there');
  const [width, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= window, `the page is ${width} pixels wide in a window of ${window}`);
}
