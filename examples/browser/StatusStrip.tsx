/** One strip that always says what is going on: what to do first, how a run goes, or that it diverged and what would help. */

import { shortRate } from '../study/facts.ts';
import type { Run } from './run.ts';
import type { Store } from './store.ts';

export function StatusStrip({ store }: { readonly store: Store }) {
  const notice = store.notice.value;
  const current = store.current.value;
  const failure = store.failure.value;
  if (notice !== null) {
    return (
      <div class={`status ${notice.tone}`} role={notice.tone === 'error' ? 'alert' : 'status'}>
        <p>{notice.text}</p>
        <button type="button" onClick={() => (store.notice.value = null)}>
          Close
        </button>
      </div>
    );
  }
  if (current === null && failure !== null) return <Diverged run={failure} store={store} />;
  return (
    <div class="status" role="status">
      <p>{current === null ? idle(store) : underWay(current)}</p>
    </div>
  );
}

function Diverged({ run, store }: { readonly run: Run; readonly store: Store }) {
  const rate = run.divergence?.advisedRate ?? null;
  return (
    <div class="status diverged" role="alert">
      <p>
        <strong>{run.name}:</strong> {run.report}
      </p>
      {rate !== null && (
        <button type="button" class="primary" onClick={() => store.restart(run)}>
          Restart with {shortRate(rate)}
        </button>
      )}
    </div>
  );
}

function idle(store: Store): string {
  if (store.backend.value.kind === 'opening' || store.data.value === null)
    return 'Opening the GPU and drawing the images …';
  return (
    store.headline.value ??
    'Train one small network at several learning rates and batch sizes, and watch which run learns, which is slow and which diverges.'
  );
}

function underWay({ name, state, plan, training, validation }: Run): string {
  const epoch = Math.min(plan.epochs, validation.step.length + 1);
  const place = `${name}, epoch ${epoch} of ${plan.epochs}`;
  switch (state) {
    case 'compiling':
      return `${name}: compiling its kernels …`;
    case 'paused':
      return `${place}: paused after step ${training.step.at(-1) ?? 0}`;
    case 'validating':
      return `${place}: validating`;
    default:
      return `${place}: training`;
  }
}
