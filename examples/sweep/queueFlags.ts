/** Where the queue is: on the command line, or in the environment, which no list of processes shows. */

import type { Command } from 'commander';

export const VARIABLE = 'WGRAD_QUEUE';

/** What `--queue` was given: an address, or `true` for that of the environment. Ends the process where that has none. */
export function addressOf(command: Command, queue: string | true): string {
  const address = queue === true ? process.env[VARIABLE] : queue;
  if (address !== undefined && address !== '') return address;
  return command.error(
    `error: --queue has no address, and ${VARIABLE} is not set. Give redis://host:6379, or the like.`,
  );
}
