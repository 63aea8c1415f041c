/**
 * The process of one file of sweep.ts:  node --import tsx bench/access/sweepFile.ts ops 'gpu'
 *
 * Runs the suites of a file of the tests as test/runFile.ts does. The default device's plans are made for the target; a file's
 * own devices keep theirs. No device is closed before what its kernels noted has been read.
 */

import { defaultDevice } from '../../src/index.ts';
import { EveryPlan, planForGpu, roomFor } from './everyPlan.ts';
import { boundsProbe, type Outside } from './probe.ts';
import type { SweptFile, SweptTarget } from './sweep.ts';

/** uvu's registry, as in test/runFile.ts. */
interface UvuGlobals {
  UVU_DEFER: number;
  UVU_INDEX: number;
  UVU_QUEUE: (() => Promise<[string | true, number, number, number]>)[][];
}

async function run(file: string, target: SweptTarget): Promise<void> {
  const device = await defaultDevice();
  roomFor(device);
  if (target !== 'adapter') planForGpu(device, target === 'gpu' ? null : 32);
  const plans = new EveryPlan(boundsProbe);
  let passed = 0;
  let failed = 0;
  const tell = async (): Promise<void> => {
    const outside: Outside[] = [];
    let kernels = 0;
    for await (const found of plans.read()) {
      kernels++;
      outside.push(...found);
    }
    const told: SweptFile = { passed, failed, kernels, outside };
    if (process.send === undefined) console.log(JSON.stringify(told));
    else await new Promise<void>((resolve) => process.send?.(told, undefined, undefined, () => resolve()));
    process.exit();
  };
  // What was found until then.
  process.once('SIGTERM', tell);
  Object.defineProperty(Object.getPrototypeOf(device), 'close', { value() {} });
  const uvu = globalThis as unknown as UvuGlobals;
  uvu.UVU_DEFER = 1;
  uvu.UVU_INDEX = 0;
  uvu.UVU_QUEUE = [[]];
  await import(new URL(`../../test/${file}.test.ts`, import.meta.url).href);
  for (const runSuite of uvu.UVU_QUEUE[0]) {
    const [, good, , total] = await runSuite();
    passed += good;
    failed += total - good;
  }
  await tell();
}

const [, , file, target] = process.argv;
await run(file, target as SweptTarget);
