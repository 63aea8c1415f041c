/** How a command line ends when something was thrown. */
import { WgradError } from '../../src/index.ts';

/** Prints what was thrown and has the process end with code 1. */
export function reportError(error: unknown): void {
  // wgrad's own messages name the remedy; anything else is a fault and shows where.
  console.error(error instanceof WgradError ? `error: ${error.message}` : error);
  process.exitCode = 1;
}
