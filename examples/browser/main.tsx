/** Entry of the page. */

import 'uplot/dist/uPlot.min.css';
import '../ui/ui.css';
import './page.css';
import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import { download } from '../ui/download.ts';
import { mendLanguage } from '../ui/locale.ts';
import type { Command, Happening } from './protocol.ts';
import { openStates, type States } from './states.ts';
import { RunStorage } from './storage.ts';
import { Store } from './store.ts';
import LiveWorker from './worker.ts?worker&inline';

/** Whether the system asks for dark pages. */
function systemDark() {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const dark = signal(query.matches);
  query.addEventListener('change', ({ matches }) => {
    dark.value = matches;
  });
  return dark;
}

/** States of the most runs that were cut off. */
const MOST_STATES = 3;

async function main(): Promise<void> {
  // Whoever takes what a Worker says; before there is a store, it is collected.
  const early: Happening[] = [];
  let take = (happening: Happening): void => void early.push(happening);
  const spawn = () => {
    const worker = new LiveWorker();
    worker.onmessage = ({ data }: MessageEvent<Happening>) => take(data);
    worker.onerror = ({ message }) => take({ kind: 'lost', reason: `The page's Worker failed (${message})` });
    return worker;
  };
  let worker = spawn();

  mendLanguage();
  const [{ App }, storage, states] = await Promise.all([import('./App.tsx'), RunStorage.open(), openStates()]);
  const store = new Store({
    send: (command: Command) => worker.postMessage(command),
    respawn: () => {
      worker.terminate();
      worker = spawn();
    },
    storage,
    states,
    download: (name, bytes) => download(name, new Blob([bytes])),
    dark: systemDark(),
  });
  await adopt(store, storage, states);
  take = (happening) => store.take(happening);
  for (const happening of early) take(happening);
  addEventListener('pagehide', () => store.keep());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') store.keep();
  });
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  effect(() => {
    // Only where something would be lost: nobody likes to be asked.
    if (store.unkept.value) addEventListener('beforeunload', ask);
    else removeEventListener('beforeunload', ask);
  });

  effect(() => {
    document.documentElement.dataset.theme = store.theme.value;
  });
  takeLink(store);
  addEventListener('hashchange', () => takeLink(store));
  const root = document.getElementById('app');
  if (root !== null) render(<App store={store} />, root);
}

/** Of the page's own address; afterwards the settings are the page's, and a reload keeps what has changed since. */
function takeLink(store: Store): void {
  const link = location.hash.slice(1);
  if (link === '') return;
  history.replaceState(null, '', location.pathname + location.search);
  store.useLink(link);
}

/** What earlier visits left: their runs, and what is kept of those that were cut off. */
async function adopt(store: Store, storage: RunStorage | null, states: States): Promise<void> {
  if (storage === null) return;
  const { runs, foreign, cutOff } = await storage.all();
  const open = new Set(runs.flatMap(({ id, state }) => (state === 'interrupted' && !foreign.has(id) ? [id] : [])));
  const all = [...(await states.all().catch(() => []))].sort((a, b) => b.at - a.at);
  const kept = all.filter(({ run }) => open.has(run)).slice(0, MOST_STATES);
  const useful = new Set([...foreign, ...kept.map(({ run }) => run)]);
  await states.forget(all.flatMap(({ run }) => (useful.has(run) ? [] : [run]))).catch(() => {});
  store.adopt(runs, kept, cutOff);
  storage.listen((what) => (what.kind === 'ended' ? store.takeOver(what.run) : store.dropped(what.id)));
}

void main();
