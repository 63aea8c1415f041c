/**
 * The test runner:  npm test [-- --adapter hardware|lavapipe|swiftshader] [-- --timeout SECONDS] [-- --jobs N] [-- PATTERN...]
 *
 * Runs every test/**\/*.test.ts whose path matches one of the patterns (regular expressions; none: all), each in a process of its
 * own: a driver that crashes or hangs fails that file and no other. Two run at a time where the machine has two cores, and what a
 * file prints is shown when it has ended. The last line is "N passed, N failed", with ", N skipped" when there are any.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const self = fileURLToPath(import.meta.url);

/** How long a file's process may live on after its last test, in milliseconds. */
const linger = 30_000;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What a file's process tells: the counts after each suite, and that it has come to its end. */
interface Report {
  counts: Counts;
  finished: boolean;
}

if (process.argv[2] === '--file') await runFile(process.argv[3]);
else process.exitCode = await runAll();

async function runAll(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      adapter: { type: 'string' },
      timeout: { type: 'string', default: '300' },
      jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    },
  });
  if (values.adapter !== undefined) process.env.WGRAD_ADAPTER = values.adapter;
  // What was measured on this machine must not decide which kernels are tested.
  process.env.WGRAD_TUNING = 'off';
  const timeout = Number(values.timeout) * 1000;
  if (!(timeout > 0)) throw new Error(`--timeout is "${values.timeout}": give a number of seconds above 0`);

  const jobs = Number(values.jobs);
  if (!(Number.isInteger(jobs) && jobs > 0)) throw new Error(`--jobs is "${values.jobs}": give a whole number above 0`);

  const patterns = positionals.map((pattern) => new RegExp(pattern));
  const files = readdirSync(`${root}/test`, { recursive: true, encoding: 'utf8' })
    .map((file) => `test/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => pattern.test(file)))
    .sort();

  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  const waiting = files.values();
  const work = async (): Promise<void> => {
    for (const file of waiting) {
      const began = performance.now();
      const { counts, problem, output } = await watchFile(file, timeout);
      if (problem !== undefined) counts.failed++;
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      const line = `${file}: ${format(counts)}${problem === undefined ? '' : `: ${problem}`}`;
      if (counts.failed > 0) failures.push(line);
      console.log(`\n${file}\n${output.trimEnd()}\n${counts.failed > 0 ? 'FAIL' : 'ok'} ${line} (${seconds} s)`);
    }
  };
  // Both take from the same list.
  await Promise.all(Array.from({ length: jobs }, work));
  if (total.passed + total.failed === 0) {
    failures.push(files.length === 0 ? 'no test file matches' : 'no test ran');
  }

  console.log('');
  for (const failure of failures) console.log(`FAIL ${failure}`);
  console.log(format(total));
  return failures.length === 0 ? 0 : 1;
}

function format({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** How a file's tests went. */
interface Outcome {
  readonly counts: Counts;
  /** What went wrong beside failed tests, which counts as one failure. */
  readonly problem?: string;
  /** All that its process printed. */
  readonly output: string;
}

/** Runs one file in a child process. */
async function watchFile(file: string, timeout: number): Promise<Outcome> {
  let report: Report = { counts: { passed: 0, failed: 0, skipped: 0 }, finished: false };
  let killed: string | undefined;

  // A process group of its own, so that what the tests start is ended too.
  const child = spawn(process.execPath, [...process.execArgv, self, '--file', file], {
    cwd: root,
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const kill = (reason: string) => {
    killed ??= reason;
    endGroup(child);
  };
  const interrupted = (signal: NodeJS.Signals) => {
    endGroup(child);
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  let timer = setTimeout(kill, timeout, `did not end within ${timeout / 1000} s`);
  child.on('message', (message) => {
    report = message as Report;
    if (!report.finished) return;
    clearTimeout(timer);
    timer = setTimeout(kill, linger, `its process still ran ${linger / 1000} s after the last test`);
  });

  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...exit) => resolve(exit));
  });
  clearTimeout(timer);
  process.off('SIGINT', interrupted);
  process.off('SIGTERM', interrupted);

  const { counts, finished } = report;
  const when = finished ? 'after its last test' : 'before its last test had ended';
  const problem =
    killed ??
    (signal !== null
      ? `its process crashed (${signal}) ${when}`
      : code !== 0
        ? `its process ended with exit code ${code} ${when}`
        : !finished
          ? `its process ended ${when}`
          : counts.passed + counts.failed + counts.skipped === 0
            ? 'no test ran (is test.run() missing?)'
            : undefined);
  return { counts, problem, output };
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  if (process.platform === 'win32') child.kill('SIGKILL');
  else process.kill(-child.pid, 'SIGKILL');
}

/** uvu's registry: `test.run()` puts a suite's runner there, which gives [errors, passed, skipped, total]. */
interface UvuGlobals {
  UVU_DEFER: number;
  UVU_INDEX: number;
  UVU_QUEUE: (() => Promise<[string | true, number, number, number]>)[][];
}

/** In the child process: imports the file, runs its suites and reports to the parent after each. */
async function runFile(file: string): Promise<void> {
  const uvu = globalThis as unknown as UvuGlobals;
  // Leaves the running to us: uvu's own exec() lets a hook that throws pass for success.
  uvu.UVU_DEFER = 1;
  uvu.UVU_INDEX = 0;
  uvu.UVU_QUEUE = [[]];
  await import(pathToFileURL(`${root}/${file}`).href);

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
