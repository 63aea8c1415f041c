/** What the main thread of a page was busy with, from a trace of the browser. */

import type { Browser, Page } from 'playwright-core';

export interface MainThread {
  readonly tasks: number;
  /** The longest task, in milliseconds of the processor: what another process took from it in between does not count. */
  readonly longestCpuMs: number;
  /** The same by the clock, on a machine that has more to do. */
  readonly longestWallMs: number;
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** In microseconds. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Watches while `work` goes on. */
export async function watchMainThread(browser: Browser, page: Page, work: () => Promise<void>): Promise<MainThread> {
  await browser.startTracing(page, {
    categories: ['toplevel', 'disabled-by-default-devtools.timeline', 'devtools.timeline'],
  });
  let trace: Buffer;
  try {
    await work();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents }: { traceEvents: TraceEvent[] } = JSON.parse(trace.toString());
  const mains = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(({ name, pid, tid }) => /RunTask$/.test(name) && mains.has(`${pid} ${tid}`));
  const longest = (of: (task: TraceEvent) => number | undefined): number =>
    Math.max(0, ...tasks.map((task) => (of(task) ?? 0) / 1000));
  return {
    tasks: tasks.length,
    longestCpuMs: longest(({ tdur, dur }) => tdur ?? dur),
    longestWallMs: longest(({ dur }) => dur),
  };
}
