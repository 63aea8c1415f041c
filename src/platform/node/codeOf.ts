/** The system's name for what it refused, such as `ENOENT`; null for an error that is not the system's. */
export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
