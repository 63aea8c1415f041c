/** Receives one line of text, without a line feed. */
export type Print = (line: string) => void;

/**
 * Prints with `console.log`. On a terminal the rest of the line is erased as well: the progress bar parks the cursor at
 * the start of its own line, so that a message replaces the bar instead of being glued to its end.
 */
export const printLine: Print = (line) => {
  const terminal = typeof process !== 'undefined' && process.stdout?.isTTY === true;
  console.log(terminal ? `${line}\x1b[K` : line);
};
