/**
 * Keeps what native code writes to standard error off the terminal. While Dawn looks for adapters it warns of two limits that
 * it lowers for every Vulkan driver with larger ones, before any program could ask for other ones, and no setting of it is
 * against that. Nobody can do anything about them, and what does fail there ends in a DeviceError.
 */

import { closeSync, constants, openSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { isMainThread } from 'node:worker_threads';

const FLAGS = constants.O_RDWR | constants.O_NOCTTY;
const STDERR = 2;

/** What of a process opens files in threads of its own, as far as Node tells. */
const OPENING = /^(FSReq|GetAddrInfo|Worker)/;

/** Milliseconds between looks whether such a thread is done, and how often it is looked. */
const [PAUSE, LOOKS] = [5, 10];

/**
 * Calls `work`, which does not return before it has written what it writes; meanwhile standard error leads nowhere where it is
 * a terminal of Linux. A log is left alone: it cannot be opened anew in the same place, and a pipe may have no reader.
 */
export async function untold<T>(work: () => Promise<T>): Promise<T> {
  for (let look = 0; look < LOOKS && isTerminal(); look++) {
    if (!process.getActiveResourcesInfo().some((name) => OPENING.test(name))) return redirected(work);
    await setTimeout(PAUSE);
  }
  return work();
}

/** Who asks the Vulkan loader what it does wants to read it; beside a worker, the main thread may open files at any time. */
const isTerminal = (): boolean =>
  process.platform === 'linux' && isatty(STDERR) && isMainThread && process.env.VK_LOADER_DEBUG === undefined;

/**
 * There is a moment in which no file has standard error's number: a thread that opens one just then would get it, so there must
 * be none that does.
 */
function redirected<T>(work: () => T): T {
  const descriptors = open();
  if (descriptors === null) return work();
  const [terminal, nowhere] = descriptors;
  try {
    replace(nowhere);
    return work();
  } finally {
    replace(terminal);
    closeSync(terminal);
    closeSync(nowhere);
  }
}

/** The terminal and where nothing is read; null where the system refuses one, as another user's terminal. */
function open(): readonly [number, number] | null {
  const opened: number[] = [];
  try {
    for (const path of [`/proc/self/fd/${STDERR}`, '/dev/null']) opened.push(openSync(path, FLAGS));
    return [opened[0], opened[1]];
  } catch {
    for (const descriptor of opened) closeSync(descriptor);
    return null;
  }
}

/** What is opened gets the lowest number that is free: that of what was closed before. */
function replace(by: number): void {
  closeSync(STDERR);
  openSync(`/proc/self/fd/${by}`, FLAGS);
}
