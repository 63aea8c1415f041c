/** The six runs of the study, one click each, or all in turn. */

import { shortRate } from '../study/facts.ts';
import { colorOf } from '../ui/palette.ts';
import { STUDY_RUNS } from './run.ts';
import type { StudyRun } from './settings.ts';
import { STUDY_COLORS } from './settings.ts';
import type { Store } from './store.ts';

const QUESTIONS: Readonly<Record<StudyRun, string>> = {
  baseline: 'Adam’s default',
  'low-lr': 'only slower?',
  'high-lr': 'what is divergence?',
  'batch-128': 'faster epochs?',
  'batch-128-scaled': 'does a higher rate make up for it?',
  plateau: 'a falling rate',
};

export function StudyButtons({ store }: { readonly store: Store }) {
  const ready = store.data.value !== null;
  const { repeats } = store.plan.value;
  return (
    <section class="card study" aria-labelledby="study-title">
      <div class="row">
        <h2 id="study-title">The study</h2>
        <button type="button" class="primary" disabled={!ready} onClick={() => store.startStudy()}>
          Run all six
        </button>
      </div>
      {repeats > 1 && <p class="hint">Each is trained with {repeats} seeds.</p>}
      <div class="study-runs">
        {STUDY_RUNS.map(({ name, learningRate, batchSize }) => (
          <button
            key={name}
            type="button"
            disabled={!ready}
            style={{ borderLeftColor: colorOf(STUDY_COLORS[name], store.theme.value) }}
            onClick={() => store.startStudy([name])}
          >
            <strong>{name}</strong>
            <span>
              rate {shortRate(learningRate)}, batch {batchSize}
            </span>
            <span class="question">{QUESTIONS[name]}</span>
          </button>
        ))}
      </div>
    </section>
  );
}
