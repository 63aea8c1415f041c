/**
 * The test runner:  npm test [-- --adapter hardware|lavapipe|swiftshader] [-- --timeout SECONDS] [-- --jobs N] [-- PATTERN...]
 *
 * Runs every test/**\/*.test.ts whose path matches one of the patterns (regular expressions; none: all), each in a process of its
 * own: a driver that crashes or hangs fails that file and no other. Two run at a time where the machine has two cores, those that
 * take longest first (LONG), so that no core waits for the last one, and beside them one that mostly waits (WAITING). What a file
 * prints is shown when it has ended, with the seconds that it took and, on Linux, those that processors worked for it and for what it
 * has started. The last line is "N passed, N failed", with ", N skipped" when there are any.
 *
 * The TypeScript is compiled once (compiled/compile.ts), for the files' processes and those that they start with LOADER. Mesa's
 * lavapipe, where it is the adapter, is told to save what a file can do without (KERNELS, OPTIMISED, WIDE); what the environment
 * says of that goes first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Compiled, compile } from './compiled/compile.ts';
import { withPlaces } from './compiled/places.ts';
import type { Counts, Report } from './runFile.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The files that take longest, about the longest first, by the seconds of processors where no shader was compiled before. */
const LONG = [
  ...['boundsOnGpu', 'recurrence', 'ops', 'layers', 'package', 'fusedBits', 'gpuRows', 'variants.others'],
  ...['examples', 'boundsOfAdapter', 'oversized', 'contractionOnGpu', 'variants', 'cause', 'sweepPlane'],
  ...['studyControls', 'environments', 'docs', 'convolutionStrips', 'pooledConvolution', 'mobileNet'],
  ...['kerasMasks', 'networkExamples', 'memory', 'divergence', 'rareMetrics', 'model', 'onnx', 'falseAlarms'],
  ...['tensorboard', 'fit', 'keptRuns', 'checkpoint', 'replay', 'fusion', 'recurrentLayers', 'modelMeasures'],
  ...['eager', 'nan', 'beside', 'pictures', 'callbacks.cross', 'fuzz', 'profile', 'dot', 'frozen'],
  ...['furtherLayers', 'shaping', 'golden'],
];

/**
 * Those that wait for most of their time, for what they start and for leases to run out: one of them at a time runs beside those that
 * keep the cores busy.
 */
const WAITING = ['sweepQueue', 'sweepQueueFaults', 'sweepBoard'];

/** Those that test kernels: on lavapipe as a user has it, on all its threads, so that a race between workgroups may show. */
const KERNELS = ['accuracy', 'fusedBits', 'fuzz', 'golden', 'gpuRows', 'longSums', 'ops', 'variants'];

/**
 * Has lavapipe compute in the thread that submits. Waking others for kernels as small as a test's takes a fifth of the processor's
 * time, while another file keeps the other core busy. The bits are the same.
 */
const ONE_THREAD = { LP_NUM_THREADS: '0' };

/**
 * Those whose kernels are optimised as a user has them: they test numbers, down to their bits, or train the study's network, which
 * takes longer than compiling it.
 */
const OPTIMISED = [
  ...KERNELS,
  ...['int32', 'moment', 'nan', 'optimizerAccuracy', 'oversized', 'powers', 'probabilities', 'ties', 'trajectory'],
  ...['examples', 'keptRuns', 'package', 'profile', 'studyControls', 'sweepPlane', 'tune'],
];

/**
 * Has lavapipe compile without optimising. The other files compile many kernels and run each a few times: a tenth to a third of
 * their time is that of the optimiser.
 */
const UNOPTIMISED = { GALLIVM_PERF: 'nopt' };

/** Those of the others whose kernels are tested as written for as many lanes as there are. */
const WIDE = [
  'boundsOfAdapter',
  'convolutionStrips',
  'convolutions',
  'depthwise',
  'fusion',
  'kernels',
  'lanes',
  'limits',
];

/**
 * Has lavapipe work on four floats at once instead of eight, for which it writes everything that it cannot do at once eight times.
 * The files that are left test what is made of kernels, or run the texts of GPUs, long ones, on whatever adapter there is: their
 * kernels are compiled in a half to nine tenths of the time, and take no longer once they are.
 */
const FOUR_LANES = { LP_NATIVE_VECTOR_WIDTH: '128' };

/** How long a file's process may live on after its last test, in milliseconds. */
const linger = 30_000;

process.exitCode = await runAll();

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
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));

  const folder = mkdtempSync(join(tmpdir(), 'wgrad-compiled-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const compiled = await compile(folder);
  // For what a test starts (loader.ts).
  process.env.WGRAD_LOADER = compiled.loader;

  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  // With --jobs 1 nothing runs beside another.
  const waits = (file: string): boolean => jobs > 1 && WAITING.includes(nameOf(file));
  const clock = childClock();
  let ended: NodeJS.Signals | null = null;
  // What runs then tells what it printed so far (watchFile); no other is begun.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      ended = signal;
    });
  const work = async (list: Iterable<string>): Promise<void> => {
    for (const file of list) {
      if (ended !== null) return;
      const began = performance.now();
      const { counts, problem, output, worked } = await watchFile(file, compiled, timeout, clock);
      if (problem !== undefined) counts.failed++;
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      const cpu = Number.isNaN(worked) ? '' : `, ${worked.toFixed(1)} s of processors`;
      const line = `${file}: ${format(counts)}${problem === undefined ? '' : `: ${problem}`}`;
      if (counts.failed > 0) failures.push(line);
      console.log(
        `\n${file}\n${withPlaces(output, folder).trimEnd()}\n${counts.failed > 0 ? 'FAIL' : 'ok'} ${line} (${seconds} s${cpu})`,
      );
    }
  };
  // All but one take from the same list.
  const busy = files.filter((file) => !waits(file)).values();
  await Promise.all([work(files.filter(waits)), ...Array.from({ length: jobs }, () => work(busy))]);
  if (total.passed + total.failed === 0) {
    failures.push(files.length === 0 ? 'no test file matches' : 'no test ran');
  }

  console.log('');
  for (const failure of failures) console.log(`FAIL ${failure}`);
  console.log(format(total));
  if (ended !== null) return ended === 'SIGINT' ? 130 : 143;
  return failures.length === 0 ? 0 : 1;
}

function nameOf(file: string): string {
  return basename(file, '.test.ts');
}

/** What its process tells lavapipe and the C library. */
function settingsOf(file: string): NodeJS.ProcessEnv {
  const isOptimised = OPTIMISED.includes(nameOf(file));
  return {
    ...(KERNELS.includes(nameOf(file)) ? {} : ONE_THREAD),
    ...(isOptimised ? {} : UNOPTIMISED),
    ...(isOptimised || WIDE.includes(nameOf(file)) ? {} : FOUR_LANES),
  };
}

/** Its place among the longest files; behind them all, where it is none. */
function rank(file: string): number {
  const at = LONG.indexOf(nameOf(file));
  return at < 0 ? LONG.length : at;
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
  /** For how many seconds processors worked for it (childClock). */
  readonly worked: number;
}

/**
 * Tells, each time it is asked, for how many seconds the processors have worked since for children that have ended, and for theirs
 * that they waited for. Only Linux says so: NaN elsewhere.
 */
function childClock(): () => number {
  const worked = (): number => {
    if (process.platform !== 'linux') return Number.NaN;
    // proc(5): the 16th and 17th fields, in hundredths of a second; the second is a name in parentheses.
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
    return (Number(fields[13]) + Number(fields[14])) / 100;
  };
  let told = worked();
  return () => {
    const before = told;
    told = worked();
    return told - before;
  };
}

/** Runs one file in a child process. */
async function watchFile(file: string, { pathOf }: Compiled, timeout: number, clock: () => number): Promise<Outcome> {
  let report: Report = { counts: { passed: 0, failed: 0, skipped: 0 }, finished: false };
  let killed: string | undefined;
  let worked = Number.NaN;

  // A process group of its own, so that what the tests start is ended too.
  const child = spawn(process.execPath, [pathOf('test/runFile.ts'), pathOf(file)], {
    cwd: root,
    env: { ...settingsOf(file), ...process.env },
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
  const interrupted = (signal: NodeJS.Signals) => kill(`was ended by ${signal}, as the run was`);
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  let timer = setTimeout(kill, timeout, `did not end within ${timeout / 1000} s`);
  child.on('message', (message) => {
    report = message as Report;
    if (!report.finished) return;
    clearTimeout(timer);
    timer = setTimeout(kill, linger, `its process still ran ${linger / 1000} s after the last test`);
  });

  // At once when it ends: another may end next.
  child.once('exit', () => {
    worked = clock();
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
  return { counts, problem, output, worked };
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  if (process.platform === 'win32') child.kill('SIGKILL');
  else process.kill(-child.pid, 'SIGKILL');
}
