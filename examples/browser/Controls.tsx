/** What the next run is made with, and the buttons that start, hold and end one. */

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { scaleLearningRate } from '../../src/index.ts';
import { shortRate } from '../study/facts.ts';
import {
  BATCH_SIZES,
  FIELDS,
  type Key,
  OPTIMIZER_FIELDS,
  OPTIMIZER_NAMES,
  otherPeculiarities,
  SCHEDULE_FIELDS,
} from './fields.ts';
import { NetworkChoice } from './NetworkChoice.tsx';
import { Hint, NumberInput, Setting } from './Setting.tsx';
import { RATE_EXPONENTS, REFERENCE } from './settings.ts';
import type { Store } from './store.ts';

export function Controls({ store }: { readonly store: Store }) {
  const current = store.current.value;
  const ready = store.data.value !== null;
  const busy = current !== null;
  const running = busy && current.state !== 'compiling';
  const hinted = useSignal<string | null>(null);
  const follow = ({ target }: Event) => {
    const name = target instanceof Element ? target.closest('[data-hint]')?.getAttribute('data-hint') : null;
    hinted.value = name ?? null;
  };
  return (
    <section
      class="card controls"
      aria-labelledby="controls-title"
      onPointerOver={follow}
      onPointerLeave={() => (hinted.value = null)}
      onFocusIn={follow}
      onFocusOut={() => (hinted.value = null)}
    >
      <div class="row">
        <h2 id="controls-title">One run</h2>
        <div class="row tools">
          <CopyLink store={store} />
          <Action name="reset" quiet onClick={() => store.reset()}>
            Reset settings
          </Action>
        </div>
      </div>
      <div class="buttons">
        <Action name="start" primary disabled={!ready} onClick={() => store.start()}>
          {busy ? 'Start next' : 'Start'}
        </Action>
        <Action name="pause" disabled={!running} onClick={() => store.pauseOrResume()}>
          {current?.state === 'paused' ? 'Resume' : 'Pause'}
        </Action>
        <Action name="step" disabled={!running} onClick={() => store.step()}>
          Step
        </Action>
        <Action name="stop" disabled={!busy} onClick={() => store.stop()}>
          Stop
        </Action>
      </div>
      <RateSlider store={store} />
      <BatchSlider store={store} />
      <div class="fields three">
        <Setting store={store} name="optimizer" />
        <Setting store={store} name="epochs" />
        <Setting store={store} name="images" />
      </div>
      <DropoutSlider store={store} />
      <NetworkChoice store={store} />
      <MoreSettings store={store} />
      <p class={`hint hints ${hinted.value === null ? '' : 'told'}`} aria-hidden="true">
        {hinted.value !== null
          ? hintOf(hinted.value)
          : busy
            ? 'The rate takes effect at the next step, all else with the next run.'
            : 'Point at a setting, and what it does is said here.'}
      </p>
    </section>
  );
}

const ACTIONS = {
  start: 'Trains with the settings below. While a run is under way, it waits its turn.',
  pause: 'Holds training where it is, and lets it go on.',
  step: 'Takes one training step, and holds.',
  stop: 'Ends the run under way, and gives up those that wait.',
  copy: 'Copies the address that opens this page with these settings.',
  reset: 'All settings as on the first visit. Runs stay.',
} as const;

const isKey = (name: string): name is Key => Object.hasOwn(FIELDS, name);
const isAction = (name: string): name is keyof typeof ACTIONS => Object.hasOwn(ACTIONS, name);
const hintOf = (name: string): string => (isKey(name) ? FIELDS[name].hint : isAction(name) ? ACTIONS[name] : '');

interface ActionProps {
  readonly name: keyof typeof ACTIONS;
  readonly primary?: boolean;
  readonly quiet?: boolean;
  readonly disabled?: boolean;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

/** A button that says what it does as the settings do. */
function Action({ name, primary, quiet, disabled, onClick, children }: ActionProps) {
  const id = useId();
  return (
    <>
      <button
        type="button"
        class={primary ? 'primary' : quiet ? 'quiet' : ''}
        data-hint={name}
        aria-describedby={id}
        disabled={disabled}
        onClick={onClick}
      >
        {children}
      </button>
      <span id={id} hidden>
        {ACTIONS[name]}
      </span>
    </>
  );
}

function RateSlider({ store }: { readonly store: Store }) {
  const rate = store.liveRate.value ?? store.plan.value.learningRate;
  const { least, most, step } = RATE_EXPONENTS;
  const id = useId();
  return (
    <div class="slider" data-hint="learningRate">
      <div class="row">
        <label for={`${id}-field`}>Learning rate</label>
        {store.liveRate.value === null ? (
          <NumberInput
            store={store}
            name="learningRate"
            field={FIELDS.learningRate}
            label="exact rate"
            describedBy={id}
          />
        ) : (
          <b>{shortRate(rate)}</b>
        )}
      </div>
      <input
        id={`${id}-field`}
        type="range"
        min={least}
        max={most}
        step={step}
        value={Math.log10(rate)}
        aria-valuetext={shortRate(rate)}
        aria-describedby={id}
        onInput={({ currentTarget: { valueAsNumber } }) =>
          store.set({ learningRate: Number((10 ** valueAsNumber).toPrecision(2)) })
        }
      />
      <span class="scale" aria-hidden="true">
        <span>1e-6</span>
        <span>0.001</span>
        <span>1</span>
      </span>
      <Hint id={id} name="learningRate" />
    </div>
  );
}

function BatchSlider({ store }: { readonly store: Store }) {
  const { batchSize, learningRate } = store.plan.value;
  const scaled = Number(scaleLearningRate(REFERENCE.learningRate, REFERENCE.batchSize, batchSize).toPrecision(3));
  const follows = Math.abs(learningRate / scaled - 1) < 0.01;
  const id = useId();
  return (
    <>
      <label class="slider" data-hint="batchSize">
        <span>
          Batch size <b>{batchSize}</b>
        </span>
        <input
          type="range"
          min="0"
          max={BATCH_SIZES.length - 1}
          step="1"
          value={BATCH_SIZES.indexOf(batchSize)}
          aria-valuetext={String(batchSize)}
          aria-describedby={id}
          onInput={({ currentTarget: { valueAsNumber } }) => store.set({ batchSize: BATCH_SIZES[valueAsNumber] })}
        />
        <Hint id={id} name="batchSize" />
      </label>
      <p class="hint scaling">
        Linear scaling of {REFERENCE.learningRate} at batch {REFERENCE.batchSize}: {shortRate(scaled)} at batch{' '}
        {batchSize}.{' '}
        <button type="button" disabled={follows} onClick={() => store.set({ learningRate: scaled })}>
          {follows ? 'in use' : `Use ${shortRate(scaled)}`}
        </button>
      </p>
    </>
  );
}

function DropoutSlider({ store }: { readonly store: Store }) {
  const share = Math.round(100 * store.plan.value.dropout);
  const id = useId();
  return (
    <label class="slider" data-hint="dropout">
      <span>
        Dropout <b>{share} %</b>
      </span>
      <input
        type="range"
        min={FIELDS.dropout.least}
        max={FIELDS.dropout.most}
        step="0.05"
        value={store.plan.value.dropout}
        aria-valuetext={`${share} percent`}
        aria-describedby={id}
        onInput={({ currentTarget: { value } }) => store.write('dropout', value)}
      />
      <Hint id={id} name="dropout" />
    </label>
  );
}

/** All that most visitors leave as it is; folded, it says in a few words what is not. */
function MoreSettings({ store }: { readonly store: Store }) {
  const plan = store.plan.value;
  const { optimizer, schedule, momentum, repeats } = plan;
  const words = [
    ...otherPeculiarities(plan, store.defaults.value).filter((word) => word !== OPTIMIZER_NAMES[optimizer]),
    ...(repeats === 1 ? [] : [`${repeats} seeds`]),
  ];
  return (
    <details class="fold">
      <summary>
        More settings
        <small>{words.length === 0 ? 'optimizer, schedule, seed, repeats' : words.join(', ')}</small>
      </summary>
      <div class="fields">
        {OPTIMIZER_FIELDS[optimizer].map((name) => (
          <Setting key={name} store={store} name={name} disabled={name === 'nesterov' && momentum === 0} />
        ))}
      </div>
      <div class="fields">
        <Setting store={store} name="schedule" />
        {SCHEDULE_FIELDS[schedule].map((name) => (
          <Setting key={name} store={store} name={name} />
        ))}
        <Setting store={store} name="warmup" />
      </div>
      <div class="fields">
        <Setting store={store} name="seed" />
        <Setting store={store} name="repeats" />
      </div>
    </details>
  );
}

/** Milliseconds for which the button says that it has done it. */
const COPIED_MS = 2000;

function CopyLink({ store }: { readonly store: Store }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    const { origin, pathname } = location;
    const link = `${origin === 'null' ? 'file://' : origin}${pathname}${store.link === '' ? '' : `#${store.link}`}`;
    try {
      await navigator.clipboard.writeText(link);
      setCopied(true);
      setTimeout(() => setCopied(false), COPIED_MS);
    } catch {
      // Browsers may refuse; then it can be taken by hand.
      store.notice.value = { tone: 'info', text: `The browser keeps its clipboard closed. The link: ${link}` };
    }
  };
  return (
    <Action name="copy" quiet onClick={copy}>
      <span aria-live="polite">{copied ? 'Copied' : 'Copy link'}</span>
    </Action>
  );
}
