/** Entry of the Worker, which does all that takes time: the page never freezes. */

import type { Command } from './protocol.ts';
import { Workbench } from './workbench.ts';

const opening = Workbench.open((happening, transfer = []) => postMessage(happening, { transfer }));

addEventListener('message', async ({ data }: MessageEvent<Command>) => {
  const workbench = await opening;
  await workbench?.take(data);
});
