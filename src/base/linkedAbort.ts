/** An AbortController of one's own that another's signal aborts, too. */

export interface LinkedAbort {
  readonly controller: AbortController;
  /** Listens to the other signal no longer. */
  release(): void;
}

export function linkedAbort(signal?: AbortSignal): LinkedAbort {
  const controller = new AbortController();
  const pass = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', pass, { once: true });
  if (signal?.aborted) pass();
  return { controller, release: () => signal?.removeEventListener('abort', pass) };
}
