/** Entry of the page. */

import 'uplot/dist/uPlot.min.css';
import '../ui/ui.css';
import './page.css';
import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import { App } from './App.tsx';
import type { Command, Happening } from './protocol.ts';
import { RunStorage } from './storage.ts';
import { type Download, Store } from './store.ts';
import LiveWorker from './worker.ts?worker&inline';

/** Hands a file to the visitor, by a link that nobody sees. */
const download: Download = (name, bytes) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

/** Whether the system asks for dark pages. */
function systemDark() {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const dark = signal(query.matches);
  query.addEventListener('change', ({ matches }) => {
    dark.value = matches;
  });
  return dark;
}

async function main(): Promise<void> {
  const worker = new LiveWorker();
  const early: Happening[] = [];
  worker.onmessage = ({ data }: MessageEvent<Happening>) => early.push(data);

  const storage = await RunStorage.open();
  const store = new Store({
    send: (command: Command) => worker.postMessage(command),
    storage,
    download,
    dark: systemDark(),
  });
  store.adopt((await storage?.all()) ?? []);
  for (const happening of early) store.take(happening);
  worker.onmessage = ({ data }: MessageEvent<Happening>) => store.take(data);
  worker.onerror = ({ message }) => store.take({ kind: 'unavailable', reason: `the page's Worker failed: ${message}` });
  addEventListener('pagehide', () => storage?.flush());

  effect(() => {
    document.documentElement.dataset.theme = store.theme.value;
  });
  const root = document.getElementById('app');
  if (root !== null) render(<App store={store} />, root);
}

void main();
