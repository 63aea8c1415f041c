/** The process of one test file: run.ts gives the path of what it was compiled into. */

import './compiled/brief.mjs';
import { pathToFileURL } from 'node:url';
import { LOADER } from './loader.ts';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What a file's process tells: the counts after each suite, and that it has come to its end. */
export interface Report {
  counts: Counts;
  finished: boolean;
}

/** uvu's registry: `test.run()` puts a suite's runner there, which gives [errors, passed, skipped, total]. */
interface UvuGlobals {
  UVU_DEFER: number;
  UVU_INDEX: number;
  UVU_QUEUE: (() => Promise<[string | true, number, number, number]>)[][];
}

/** Imports the file, runs its suites and reports to the parent after each. */
async function runFile(file: string): Promise<void> {
  const uvu = globalThis as unknown as UvuGlobals;
  // Leaves the running to us: uvu's own exec() lets a hook that throws pass for success.
  uvu.UVU_DEFER = 1;
  uvu.UVU_INDEX = 0;
  uvu.UVU_QUEUE = [[]];
  // For what it forks: a process that takes what was compiled does without, and starts sooner.
  process.execArgv.push('--import', LOADER);
  await import(pathToFileURL(file).href);

  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const send = (finished: boolean) =>
    new Promise<void>((resolve) => {
      process.send?.({ counts, finished } satisfies Report, undefined, undefined, () => resolve());
    });
  for (const runSuite of uvu.UVU_QUEUE[0]) {
    const [errors, passed, skipped, total] = await runSuite();
    counts.passed += passed;
    counts.failed += total - passed;
    counts.skipped += skipped;
    if (errors !== true) console.log(`\n${errors}`);
    else if (passed < total) {
      console.log(
        `\n  ${total - passed} of ${total} tests did not run: a before or after hook threw (uvu hides its message)`,
      );
    }
    await send(false);
  }
  await send(true);
}

await runFile(process.argv[2]);
