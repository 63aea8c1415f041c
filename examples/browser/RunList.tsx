/** The runs and what each of them showed. */

import { best, last, percent, shortRate } from '../study/facts.ts';
import { colorOf } from '../ui/palette.ts';
import { toneOf } from '../ui/tone.ts';
import { isUnderWay, type Run } from './run.ts';
import type { Store } from './store.ts';

export function RunList({ store }: { readonly store: Store }) {
  const runs = store.runs.value;
  const shown = runs.filter(({ visible }) => visible);
  const top = best(shown.map((run) => last(run.validation.accuracy)));
  const champion = top.epoch > 0 && shown.length > 1 ? shown[top.epoch - 1].id : null;
  return (
    <section class="card runs" aria-labelledby="runs-title">
      <div class="row">
        <h2 id="runs-title">Runs</h2>
        <button type="button" disabled={runs.every(isUnderWay)} onClick={() => store.removeAll()}>
          Remove all
        </button>
      </div>
      {runs.length === 0 ? (
        <p class="hint">None yet. They stay here, also when this page is loaded again.</p>
      ) : (
        <ul>
          {runs.map((run) => (
            <Row key={run.id} run={run} store={store} best={run.id === champion} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Row({ run, store, best }: { readonly run: Run; readonly store: Store; readonly best: boolean }) {
  const { id, name, plan, visible, state, validation, training } = run;
  const verdict = store.judgement.value.verdicts.get(id) ?? null;
  const accuracy = last(validation.accuracy);
  const color = colorOf(run.color, store.theme.value);
  const word = verdict?.verdict ?? state;
  const done = (training.epoch.at(-1) ?? 0) / plan.epochs;
  return (
    <li
      class={`run ${visible ? '' : 'hidden'} ${store.shown.value?.id === id ? 'shown' : ''}`}
      data-state={state}
      data-name={name}
    >
      <label class="swatch" style={{ color }}>
        <input type="checkbox" checked={visible} aria-label={`show ${name}`} onChange={() => store.toggle(id)} />
      </label>
      <input
        class="name"
        value={name}
        aria-label="name of the run"
        onChange={({ currentTarget: { value } }) => store.rename(id, value)}
        onKeyDown={({ key, currentTarget }) => key === 'Enter' && currentTarget.blur()}
      />
      <span class={`verdict ${verdict === null ? '' : toneOf(verdict)}`}>
        {best && verdict !== null ? `best · ${word}` : word}
      </span>
      <span class="accuracy">{Number.isFinite(accuracy) ? percent(accuracy) : '–'}</span>
      <button
        type="button"
        class="quiet"
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
        onClick={() => store.remove(id)}
      >
        ×
      </button>
      <span class="facts">
        {isUnderWay(run) && (
          <progress max="1" value={Math.min(1, done)} aria-label={`${name}: ${Math.round(100 * done)} percent done`} />
        )}
        <span>
          rate {shortRate(plan.learningRate)}, batch {plan.batchSize}
          {verdict === null ? '' : ` · ${verdict.headline}`}
        </span>
      </span>
    </li>
  );
}
