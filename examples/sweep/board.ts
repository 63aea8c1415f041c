/**
 * bull-board, a look at the queues of sweeps:  npm run sweep:board -- --queue redis://host:6379   (npm run sweep:board -- --help)
 *
 * Shows them on this machine alone, unless it is told to listen elsewhere: whoever sees them may also change them.
 */

import { createServer, type RequestListener } from 'node:http';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Queue } from 'bullmq';
import { Command } from 'commander';
import { Redis } from 'ioredis';
import { queuesOf } from '../../src/sweep/queue/index.ts';
import { whole } from '../study/flags.ts';
import { reportError } from '../study/reportError.ts';
import { isOwnName } from './ownName.ts';
import { addressOf, VARIABLE } from './queueFlags.ts';

/** How often sweeps that have begun or ended meanwhile are looked for, in milliseconds. */
const LOOK = 5000;

const command = new Command('npm run sweep:board --')
  .description('Serves bull-board, a page that shows the queues of sweeps and their trials.')
  .option(
    '--queue [url]',
    `the queue, on Redis, such as redis://host:6379; without an address that in ${VARIABLE}`,
    true,
  )
  .option('--port <n>', 'where it listens; 0: any that is free', whole(0, 65_535), 3000)
  .option('--host <address>', 'address to listen at; 0.0.0.0: any, for a container', '127.0.0.1')
  .allowExcessArguments(false)
  .showHelpAfterError('(--help lists all flags)');

try {
  command.parse();
  const { queue, port, host } = command.opts<{ queue: string | true; port: number; host: string }>();
  const url = addressOf(command, queue);
  let { prefix, names } = await queuesOf(url);
  const redis = new Redis(url, { maxRetriesPerRequest: null, protocol: 2 });
  redis.on('error', () => {});
  const adapter = new ExpressAdapter();
  const board = createBullBoard({
    queues: [],
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Sweeps' } },
  });
  const shown = new Map<string, Queue>();
  const show = (): void => {
    for (const name of names.filter((one) => !shown.has(one)))
      shown.set(name, new Queue(name, { connection: redis, prefix, skipMetasUpdate: true }));
    for (const name of [...shown.keys()].filter((one) => !names.includes(one))) shown.delete(name);
    board.replaceQueues([...shown.values()].map((one) => new BullMQAdapter(one)));
  };
  show();
  const look = setInterval(async () => {
    ({ names } = await queuesOf(url).catch(() => ({ names })));
    show();
  }, LOOK);
  const router: RequestListener = adapter.getRouter();
  const alone = isOwnName(host.includes(':') ? `[${host}]` : host);
  const server = createServer((request, response) => {
    if (alone && !isOwnName(request.headers.host)) response.writeHead(404).end();
    else router(request, response);
  });
  const end = (): void => {
    clearInterval(look);
    redis.disconnect();
    server.close();
    server.closeAllConnections();
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, end);
  server.once('error', (error) => {
    reportError(error);
    end();
  });
  server.listen(port, host, () => {
    const address = server.address();
    const at = typeof address === 'object' && address !== null ? address.port : port;
    console.log(`The queues of sweeps: http://${host}:${at}/`);
  });
} catch (error) {
  reportError(error);
}
