/** What to wait for no longer than until a signal. */

/** Null where the signal comes first, or has come. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let end = (): void => {};
  const aborted = new Promise<null>((resolve) => {
    end = () => resolve(null);
  });
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** For so long, in milliseconds, or until the signal. */
export async function pause(time: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, time);
  });
  await untilAborted(over, signal);
  clearTimeout(timer);
}
