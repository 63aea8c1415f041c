/** The page: what is going on, the curves, the runs, and all that can be set. */

import { useComputed } from '@preact/signals';
import { CurvePanel } from '../ui/CurvePanel.tsx';
import { Controls } from './Controls.tsx';
import { DataCard } from './DataCard.tsx';
import { DropAnywhere } from './DropAnywhere.tsx';
import { Gauges } from './Gauges.tsx';
import { NetworkCard } from './NetworkCard.tsx';
import { NoWebGpu } from './NoWebGpu.tsx';
import { RunList } from './RunList.tsx';
import { curveOf } from './run.ts';
import { StatusStrip } from './StatusStrip.tsx';
import { StudyButtons } from './StudyButtons.tsx';
import type { ThemeChoice } from './settings.ts';
import type { Store } from './store.ts';
import { UndoBar } from './UndoBar.tsx';

export function App({ store }: { readonly store: Store }) {
  const backend = store.backend.value;
  if (backend.kind === 'unavailable') return <NoWebGpu reason={backend.reason} />;
  return (
    <>
      <DropAnywhere store={store} />
      <header>
        <h1>Learning rate and batch size, live</h1>
        <p class="adapter">
          {backend.kind === 'ready' ? `${backend.adapter}${backend.software ? ' (software)' : ''}` : 'opening WebGPU …'}
        </p>
        <ThemeSelect store={store} />
      </header>
      <main class="page">
        <div class="stage">
          <StatusStrip store={store} />
          <Curves store={store} />
          <Gauges store={store} />
          <RunList store={store} />
        </div>
        <div class="side">
          <StudyButtons store={store} />
          <Controls store={store} />
          <DataCard store={store} />
        </div>
        <div class="network">
          <NetworkCard store={store} />
        </div>
      </main>
      <footer>
        Trained in this browser by wgrad, on your own adapter, in a Worker. After it has loaded the page makes no
        request.
      </footer>
      <UndoBar store={store} />
    </>
  );
}

function Curves({ store }: { readonly store: Store }) {
  const curves = useComputed(() => store.runs.value.map(curveOf));
  return (
    <section class="card curves" aria-label="Curves of the runs">
      <CurvePanel
        runs={curves.value}
        view={store.view.value}
        theme={store.theme.value}
        label={store.headline.value ?? 'No run has ended yet.'}
        onView={(view) => {
          store.view.value = view;
        }}
      />
    </section>
  );
}

const THEMES: readonly ThemeChoice[] = ['system', 'light', 'dark'];

function ThemeSelect({ store }: { readonly store: Store }) {
  return (
    <label class="theme">
      <span>Theme</span>
      <select
        value={store.themeChoice.value}
        onChange={({ currentTarget: { value } }) => {
          store.themeChoice.value = THEMES.find((choice) => choice === value) ?? 'system';
        }}
      >
        {THEMES.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    </label>
  );
}
