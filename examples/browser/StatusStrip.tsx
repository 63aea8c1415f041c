/**
 * One strip that always says what is going on: what to do first, how a run goes, that it diverged and what would help, or that it
 * was cut off and how it goes on.
 */

import { shortRate } from '../study/facts.ts';
import { whichTraining } from './repeats.ts';
import { cutOff, hasEnded, type Run } from './run.ts';
import type { Store } from './store.ts';

export function StatusStrip({ store }: { readonly store: Store }) {
  const notice = store.notice.value;
  const current = store.current.value;
  const failure = store.failure.value;
  const cut = store.cutOff.value;
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
  if (cut !== null) return <CutOff run={cut} store={store} />;
  if (current === null && store.held.value.length > 0) return <Held store={store} />;
  if (current === null && failure !== null && store.selected.value === null)
    return <Diverged run={failure} store={store} />;
  return (
    <div class="status" role="status">
      <p>{current === null ? idle(store) : underWay(current)}</p>
    </div>
  );
}

/** A run that a reload, a crash or a lost device cut off. */
function CutOff({ run, store }: { readonly run: Run; readonly store: Store }) {
  const waiting = store.held.value.length;
  const kept = store.kept.value.get(run.id) ?? null;
  const ready = store.hasDataOf(run);
  const loss = store.loss.value;
  return (
    <div class="status cut-off" role="alert">
      <p>
        {loss === null ? '' : `${loss}. `}
        <strong>{run.name}</strong> was {cutOff(run)}. {whatIsKept(run, kept)}
        {ready || store.data.value === null ? '' : ` To go on, drop its images again: ${run.data}.`}
        {waiting === 0 ? '' : ` ${runs(waiting)} ${waiting === 1 ? 'waits' : 'wait'} behind it.`}
      </p>
      <div class="decisions">
        <button
          type="button"
          class="primary"
          disabled={!ready}
          onClick={() => (kept === null ? store.startAnew(run) : store.goOn(run))}
        >
          {kept === null ? 'Start anew' : 'Go on'}
        </button>
        <button type="button" onClick={() => store.leave(run)}>
          Leave it
        </button>
      </div>
    </div>
  );
}

/** Runs that waited when the page was left. */
function Held({ store }: { readonly store: Store }) {
  const held = store.held.value;
  const ready = held.some((run) => store.hasDataOf(run));
  return (
    <div class="status cut-off" role="status">
      <p>
        {runs(held.length)} still {held.length === 1 ? 'waits' : 'wait'}: {held.map(({ name }) => name).join(', ')}.
        {ready || store.data.value === null ? '' : ` To start, drop the images again: ${held[0].data}.`}
      </p>
      <div class="decisions">
        <button type="button" class="primary" disabled={!ready} onClick={() => store.startHeld()}>
          Start {held.length === 1 ? 'it' : 'the rest'}
        </button>
        <button type="button" onClick={() => store.removeHeld()}>
          Remove {held.length === 1 ? 'it' : 'them'}
        </button>
      </div>
    </div>
  );
}

const runs = (count: number): string => (count === 1 ? '1 run' : `${count} runs`);

function whatIsKept(run: Run, step: number | null): string {
  if (step === null) return 'Nothing of its training was kept.';
  const lost = (run.training.step.at(-1) ?? step) - step;
  return lost > 0
    ? `It is kept up to step ${step}, and goes on from there; ${lost === 1 ? 'a step is' : `${lost} steps are`} lost.`
    : 'Nothing of it is lost.';
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
    return store.loss.value === null
      ? 'Opening the GPU and drawing the images …'
      : `${store.loss.value}. It is opened anew …`;
  return (
    selected(store) ??
    store.headline.value ??
    'Train one small network at several learning rates and batch sizes, and watch which run learns, which is slow and which diverges.'
  );
}

/** What the run showed that somebody looks at. */
function selected(store: Store): string | null {
  const run = store.selected.value === null ? null : store.shown.value;
  if (run === null || !hasEnded(run)) return null;
  const cut = cutOff(run);
  const sentence = store.judgement.value.verdicts.get(run.id)?.sentence ?? run.report;
  return `${run.name}: ${cut === null ? '' : `${cut}. `}${sentence}`;
}

function underWay(run: Run): string {
  const { name, state, plan, training, validation, controls } = run;
  const epoch = Math.min(plan.epochs, validation.step.length + 1);
  const place = [name, whichTraining(run), `epoch ${epoch} of ${plan.epochs}`].filter((part) => part !== '').join(', ');
  const control = controls.at(-1);
  if (control !== undefined && control.drop === null) {
    const after = Math.round(control.track.epoch[0]);
    const text = `${name}, control of the fall after epoch ${after}: the same weights go on at the old rate`;
    return state === 'paused' ? `${text}; paused` : `${text} (Stop skips it)`;
  }
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
