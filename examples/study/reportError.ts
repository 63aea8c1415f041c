/** How a command line ends when something was thrown, and how it goes on when nobody reads it any more. */
import { WgradError } from '../../src/index.ts';

/** Prints what was thrown and has the process end with code 1. */
export function reportError(error: unknown): void {
  console.error(textOf(error));
  process.exitCode = 1;
}

/** wgrad's own messages name the remedy, the system's the place; anything else is a fault and shows where. */
function textOf(error: unknown): unknown {
  if (error instanceof WgradError) return `error: ${error.message}`;
  const ofSystem = error instanceof Error && 'syscall' in error && 'code' in error;
  return ofSystem ? `error: ${error.message}. Correct what the system complains of, or choose another place.` : error;
}

/**
 * What is measured is written to files as well: where the output's reader goes (`| head`, a terminal that is closed) or its disk
 * is full, the work goes on, and standard error says so once. `files`: where they are.
 */
export function outliveReaders(files: string): void {
  let told = false;
  process.stdout.on('error', (error) => {
    if (told) return;
    told = true;
    const code = 'code' in error ? error.code : error.message;
    console.error(`Standard output is closed (${code}); going on, results will be in ${files}.`);
  });
  // There is nobody left to tell.
  process.stderr.on('error', () => {});
}
