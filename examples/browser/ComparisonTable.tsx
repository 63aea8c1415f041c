/** The runs that are shown, side by side; where their settings differ, they are marked. */

import { useState } from 'preact/hooks';
import { Swatch } from '../ui/Swatch.tsx';
import { type ComparisonRow, compared } from './comparison.ts';
import type { Run } from './run.ts';
import type { Store } from './store.ts';

export function ComparisonTable({ runs, store }: { readonly runs: readonly Run[]; readonly store: Store }) {
  const [all, setAll] = useState(false);
  if (runs.length < 2) return <p class="hint">Let the list show two or more runs to compare them.</p>;
  const { settings, results } = compared(runs);
  const differing = settings.filter(({ differs }) => differs);
  const theme = store.theme.value;
  return (
    <>
      <label class="check">
        <input type="checkbox" checked={all} onChange={({ currentTarget }) => setAll(currentTarget.checked)} />
        also the settings that are alike
      </label>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="comparison" tabIndex={0} aria-label="comparison of the runs shown">
        <table>
          <thead>
            <tr>
              <td />
              {runs.map(({ id, name, color }) => (
                <th key={id} scope="col" title={name}>
                  <Swatch place={color} theme={theme} />
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <Part head="settings" rows={all ? settings : differing} runs={runs} mark />
          <Part head="results" rows={results} runs={runs} />
        </table>
      </section>
    </>
  );
}

interface PartProps {
  readonly head: string;
  readonly rows: readonly ComparisonRow[];
  readonly runs: readonly Run[];
  /** Whether differences are what matters. */
  readonly mark?: boolean;
}

function Part({ head, rows, runs, mark = false }: PartProps) {
  return (
    <tbody>
      <tr class="part">
        <th scope="rowgroup" colSpan={runs.length + 1}>
          {head}
          {rows.length === 0 && ': all alike'}
        </th>
      </tr>
      {rows.map(({ name, values, differs, best }) => (
        <tr key={name} class={mark && differs ? 'differs' : ''}>
          <th scope="row">{name}</th>
          {values.map((value, i) => (
            <td key={runs[i].id} class={best.includes(i) ? 'best' : ''}>
              {value}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}
