/** What a run takes each class of the validation images for. */

import { percent } from '../study/facts.ts';
import { Bars } from '../ui/Bars.tsx';
import { ConfusionTable } from '../ui/ConfusionTable.tsx';
import type { Store } from './store.ts';

export function ConfusionCard({ store }: { readonly store: Store }) {
  const data = store.data.value;
  const run = store.exhibited.value;
  const confusion = run?.confusion ?? null;
  const whose = run === null ? '' : ` of ${run.name}`;
  // Before the first epoch has ended the card has its place already.
  const classes = data?.classNames ?? [];
  const counts = confusion?.counts ?? classes.map(() => new Array<number>(classes.length + 1).fill(0));
  const total = counts.flat().reduce((sum, count) => sum + count, 0);
  return (
    <section class="card" aria-labelledby="confusion-title">
      <h2 id="confusion-title">Confusion matrix{whose}</h2>
      <p class="hint">
        {confusion === null
          ? 'It is counted at the end of an epoch.'
          : `${total.toLocaleString('en-US')} validation images after epoch ${confusion.epoch}.`}
      </p>
      <div class="confusion-facts">
        <ConfusionTable classNames={classes} counts={counts} />
        <div>
          <h3>Right, by class</h3>
          <Bars
            label="Accuracy by class"
            rows={classes.map((name, k) => {
              const of = counts[k].reduce((sum, count) => sum + count, 0);
              const share = counts[k][k] / of;
              return { name, share, text: of === 0 ? '–' : percent(share), tone: null };
            })}
          />
        </div>
      </div>
    </section>
  );
}
