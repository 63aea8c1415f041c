/** Waiting for shaders on the CPU: the event loop must not spin while something is awaited, and stop when nothing is. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Patience } from '../src/platform/node/patience.ts';

const test = suite('patience');

const after = (ms: number): Promise<string> => new Promise((resolve) => setTimeout(() => resolve('done'), ms));

/** Turns that the event loop takes while `promise` is pending. */
async function turnsDuring(promise: Promise<unknown>): Promise<number> {
  let turns = 0;
  let pending = true;
  const count = (): void => {
    turns++;
    if (pending) setImmediate(count);
  };
  setImmediate(count);
  await promise;
  pending = false;
  return turns;
}

test('while something is awaited, the loop sleeps between its turns', async () => {
  const spinning = await turnsDuring(new Patience(false).wait(after(100)));
  const patient = await turnsDuring(new Patience(true).wait(after(100)));
  // Each turn sleeps for an eighth of the time waited, up to a millisecond: about 100 turns, and a few short ones first.
  assert.ok(patient < 2000, `${patient} turns`);
  assert.ok(patient < spinning / 5, `${patient} turns against ${spinning}`);
});

test('values and errors pass through, and several may wait', async () => {
  const patience = new Patience(true);
  assert.equal(await Promise.all([patience.wait(after(5)), patience.wait(after(20))]), ['done', 'done']);
  let caught: unknown = null;
  await patience.wait(Promise.reject(new Error('lost'))).catch((error: unknown) => {
    caught = error;
  });
  assert.instance(caught, Error);
  assert.is(await patience.wait(after(1)), 'done');
});

test('nothing sleeps once nothing is awaited', async () => {
  const patience = new Patience(true);
  await patience.wait(after(30));
  const idle = await turnsDuring(after(50));
  const alone = await turnsDuring(after(50));
  assert.ok(idle > alone / 5, `${idle} turns after a wait, ${alone} without`);
});

test.run();
