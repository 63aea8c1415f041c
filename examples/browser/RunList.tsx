/** The runs and what each of them showed. */

import { useRef, useState } from 'preact/hooks';
import { colorOf } from '../ui/palette.ts';
import { Swatch } from '../ui/Swatch.tsx';
import { toneOf } from '../ui/tone.ts';
import { ComparisonTable } from './ComparisonTable.tsx';
import { ORDER_NAMES, ORDERS, ordered } from './order.ts';
import { accuracyWords, shareDone } from './repeats.ts';
import { cutOff, interruptionOf, isUnderWay, isWaiting, type Run, settingsOf } from './run.ts';
import type { Store } from './store.ts';

export function RunList({ store }: { readonly store: Store }) {
  const runs = store.runs.value;
  const list = useRef<HTMLUListElement>(null);
  const [comparing, setComparing] = useState(false);
  const rows = ordered(runs, store.order.value);

  /** The run below, or else the one above, is next under the hand. */
  const remove = (id: string) => {
    const place = rows.findIndex((run) => run.id === id);
    const next = rows[place + 1] ?? rows[place - 1];
    store.remove([id]);
    if (next === undefined) return;
    requestAnimationFrame(() => {
      const row = [...(list.current?.children ?? [])].find((item) => item.getAttribute('data-id') === next.id);
      row?.querySelector<HTMLButtonElement>('button.look')?.focus();
    });
  };

  return (
    <section class="card runs" aria-labelledby="runs-title">
      <div class="row">
        <h2 id="runs-title">Runs</h2>
        <div class="buttons">
          <select
            aria-label="order of the runs"
            value={store.order.value}
            disabled={runs.length < 2}
            onChange={({ currentTarget: { value } }) => {
              store.order.value = ORDERS.find((order) => order === value) ?? 'begun';
            }}
          >
            {ORDERS.map((order) => (
              <option key={order} value={order}>
                {ORDER_NAMES[order]}
              </option>
            ))}
          </select>
          <button
            type="button"
            aria-expanded={comparing}
            disabled={!comparing && runs.length < 2}
            onClick={() => setComparing(!comparing)}
          >
            Compare
          </button>
          {(['csv', 'json'] as const).map((format) => (
            <button
              key={format}
              type="button"
              aria-label={`save the runs as ${format.toUpperCase()}`}
              disabled={runs.length === 0}
              onClick={() => store.saveRuns(format)}
            >
              {format.toUpperCase()}
            </button>
          ))}
          <button type="button" disabled={runs.every(isUnderWay)} onClick={() => store.removeAll()}>
            Remove all
          </button>
        </div>
      </div>
      {comparing && <ComparisonTable runs={rows.filter(({ visible }) => visible)} store={store} />}
      {runs.length === 0 ? (
        <p class="hint">None yet. They stay here, also when this page is loaded again.</p>
      ) : (
        <ul ref={list}>
          {rows.map((run) => (
            <Row key={run.id} run={run} store={store} best={run.id === store.judgement.value.best} onRemove={remove} />
          ))}
        </ul>
      )}
    </section>
  );
}

/** What does something of its own where it is clicked. */
const OWN = 'button, input, label, a, select';

interface RowProps {
  readonly run: Run;
  readonly store: Store;
  readonly best: boolean;
  readonly onRemove: (id: string) => void;
}

function Row({ run, store, best, onRemove }: RowProps) {
  const { id, name, visible, state } = run;
  const verdict = store.judgement.value.verdicts.get(id) ?? null;
  const theme = store.theme.value;
  const looked = store.shown.value?.id === id;
  const cut = cutOff(run);
  const word =
    interruptionOf(run) !== null || state === 'interrupted'
      ? 'interrupted'
      : (verdict?.verdict ?? (isWaiting(run) ? 'waiting' : state));
  const done = shareDone(run);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: “look” does the same by keyboard
    <li
      class={`run ${visible ? '' : 'hidden'} ${looked ? 'shown' : ''}`}
      data-id={id}
      data-state={state}
      data-name={name}
      onClick={({ target }) => {
        if (target instanceof Element && target.closest(OWN) === null) store.select(id);
      }}
    >
      <label class="swatch" style={{ color: colorOf(run.color, theme) }}>
        <input type="checkbox" checked={visible} aria-label={`show ${name}`} onChange={() => store.toggle(id)} />
        <Swatch place={run.color} theme={theme} />
      </label>
      <input
        class="name"
        value={name}
        title={name}
        aria-label="name of the run"
        onChange={({ currentTarget: { value } }) => store.rename(id, value)}
        onKeyDown={({ key, currentTarget }) => key === 'Enter' && currentTarget.blur()}
      />
      <span class={`verdict ${verdict === null || cut !== null ? '' : toneOf(verdict)}`}>
        {best && verdict !== null ? `best · ${word}` : word}
      </span>
      <span class="accuracy">{accuracyWords(run)}</span>
      <button
        type="button"
        class="quiet look"
        aria-pressed={looked}
        aria-label={`look at the network of ${name}`}
        onClick={() => store.select(id)}
      >
        look
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={`remove ${name}`}
        disabled={isUnderWay(run)}
        onClick={() => onRemove(id)}
      >
        ×
      </button>
      <span class="facts">
        {isUnderWay(run) && (
          <progress max="1" value={done} aria-label={`${name}: ${Math.round(100 * done)} percent done`} />
        )}
        <span>
          {settingsOf(run, store.defaults.value)}
          {cut === null ? (verdict === null ? '' : ` · ${verdict.headline}`) : ` · ${cut}`}
        </span>
      </span>
    </li>
  );
}
