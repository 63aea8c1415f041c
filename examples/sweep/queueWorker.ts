/**
 * A worker of a queue:  npm run sweep:worker -- --queue redis://host:6379   (npm run sweep:worker -- --help)
 *
 * Trains for whoever runs `npm run sweep -- --queue …`, until it is told to end.
 */

import { Command } from 'commander';
import { queueWorker } from '../../src/sweep/queue/index.ts';
import { type Adapter, adapterOption, DATA, whole } from '../study/flags.ts';
import { reportError } from '../study/reportError.ts';
import { addressOf, VARIABLE } from './queueFlags.ts';
import type { MachineSettings } from './worker.ts';

interface WorkerFlags {
  readonly queue: string | true;
  readonly data?: string;
  readonly adapter: Adapter;
  readonly lockSeconds: number;
  readonly timeLimit?: number;
}

const command = new Command('npm run sweep:worker --')
  .description('Trains for whoever runs npm run sweep -- --queue, one trial at a time, until it is told to end.')
  .option(
    '--queue [url]',
    `the queue, on Redis, such as redis://host:6379; without an address that in ${VARIABLE}`,
    true,
  )
  .option(...DATA)
  .addOption(adapterOption())
  .option(
    '--lock-seconds <n>',
    'after so long without a word of this worker its trial goes to another one; the same for all workers',
    whole(1, 86_400),
    30,
  )
  .option('--time-limit <n>', 'seconds from one epoch to the next before training counts as hung', whole(1))
  .allowExcessArguments(false)
  .showHelpAfterError('(--help lists all flags)')
  .addHelpText(
    'after',
    '\nSIGTERM and Ctrl-C end it when it has handed back its trial; again, at once: another worker goes on with the trial then, too.',
  );

/** The first signal; the second finds no listener, so that the system ends the process. */
function whenTold(): AbortSignal {
  const ended = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => {
      if (!ended.signal.aborted) console.log('Handing back the trial; again ends at once.');
      ended.abort();
    });
  return ended.signal;
}

// Whoever read what it prints may be gone; the trials are not.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
try {
  command.parse();
  const { queue, data, adapter, lockSeconds, timeLimit } = command.opts<WorkerFlags>();
  const machine: MachineSettings = { adapter, data };
  await queueWorker(addressOf(command, queue), new URL('./worker.ts', import.meta.url), {
    arguments: [JSON.stringify(machine)],
    lockSeconds,
    ...(timeLimit !== undefined && { timeLimit }),
    signal: whenTold(),
  });
} catch (error) {
  reportError(error);
}
