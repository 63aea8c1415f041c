/** What the next run is made with, and the buttons that start, hold and end one. */

import { scaleLearningRate } from '../../src/training/scaleLearningRate.ts';
import { shortRate } from '../study/facts.ts';
import { BATCH_SIZES, OPTIMIZER_NAMES, OPTIMIZERS, RATE_EXPONENTS, REFERENCE } from './settings.ts';
import type { Store } from './store.ts';

export function Controls({ store }: { readonly store: Store }) {
  const plan = store.plan.value;
  const current = store.current.value;
  const ready = store.data.value !== null;
  const busy = current !== null;
  return (
    <section class="card controls" aria-labelledby="controls-title">
      <h2 id="controls-title">One run</h2>
      <div class="buttons">
        <button type="button" class="primary" disabled={!ready} onClick={() => store.start()}>
          {busy ? 'Start next' : 'Start'}
        </button>
        <button type="button" disabled={!busy || current.state === 'compiling'} onClick={() => store.pauseOrResume()}>
          {current?.state === 'paused' ? 'Resume' : 'Pause'}
        </button>
        <button type="button" disabled={!busy || current.state === 'compiling'} onClick={() => store.step()}>
          Step
        </button>
        <button type="button" disabled={!busy} onClick={() => store.stop()}>
          Stop
        </button>
      </div>
      <RateSlider store={store} />
      <BatchSlider store={store} />
      <div class="fields">
        <label>
          Optimizer
          <select
            value={plan.optimizer}
            onChange={({ currentTarget: { value } }) =>
              store.set({ optimizer: OPTIMIZERS.find((name) => name === value) ?? plan.optimizer })
            }
          >
            {OPTIMIZERS.map((name) => (
              <option key={name} value={name}>
                {OPTIMIZER_NAMES[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          Epochs
          <input
            type="number"
            min="1"
            max="1000"
            value={plan.epochs}
            onChange={({ currentTarget: { valueAsNumber } }) =>
              store.set({ epochs: whole(valueAsNumber, plan.epochs, 1000) })
            }
          />
        </label>
        <label>
          Images
          <input
            type="number"
            min="1"
            max={store.data.value?.train ?? 1}
            value={plan.images}
            onChange={({ currentTarget: { valueAsNumber } }) =>
              store.set({ images: whole(valueAsNumber, plan.images, store.data.value?.train ?? plan.images) })
            }
          />
        </label>
      </div>
      <label class="slider">
        <span>
          Dropout <b>{Math.round(100 * plan.dropout)} %</b>
        </span>
        <input
          type="range"
          min="0"
          max="0.8"
          step="0.05"
          value={plan.dropout}
          aria-valuetext={`${Math.round(100 * plan.dropout)} percent`}
          onInput={({ currentTarget: { valueAsNumber } }) => store.set({ dropout: valueAsNumber })}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={plan.plateau}
          onChange={({ currentTarget: { checked } }) => store.set({ plateau: checked })}
        />
        ReduceLROnPlateau: lower the rate when the validation loss stalls
      </label>
      <p class="hint">{busy ? 'The rate takes effect at the next step, all else with the next run.' : ' '}</p>
    </section>
  );
}

function RateSlider({ store }: { readonly store: Store }) {
  const { learningRate } = store.plan.value;
  const { least, most, step } = RATE_EXPONENTS;
  return (
    <label class="slider">
      <span>
        Learning rate <b>{shortRate(learningRate)}</b>
      </span>
      <input
        type="range"
        min={least}
        max={most}
        step={step}
        value={Math.log10(learningRate)}
        aria-valuetext={shortRate(learningRate)}
        onInput={({ currentTarget: { valueAsNumber } }) =>
          store.set({ learningRate: Number((10 ** valueAsNumber).toPrecision(2)) })
        }
      />
      <span class="scale" aria-hidden="true">
        <span>1e-6</span>
        <span>0.001</span>
        <span>1</span>
      </span>
    </label>
  );
}

function BatchSlider({ store }: { readonly store: Store }) {
  const { batchSize, learningRate } = store.plan.value;
  const scaled = Number(scaleLearningRate(REFERENCE.learningRate, REFERENCE.batchSize, batchSize).toPrecision(3));
  const follows = Math.abs(learningRate / scaled - 1) < 0.01;
  return (
    <>
      <label class="slider">
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
          onInput={({ currentTarget: { valueAsNumber } }) => store.set({ batchSize: BATCH_SIZES[valueAsNumber] })}
        />
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

/** A field that was emptied keeps what it was. */
const whole = (value: number, before: number, most: number): number =>
  Number.isFinite(value) ? Math.min(most, Math.max(1, Math.round(value))) : before;
