/** What a run's network has become: its first filters, and what it makes of validation images it never saw. */

import { Filters } from '../ui/Filters.tsx';
import { SampleGrid } from '../ui/SampleGrid.tsx';
import type { Store } from './store.ts';

/** Filters of the study's first convolution. */
const FILTERS = 32;

export function NetworkCard({ store }: { readonly store: Store }) {
  const data = store.data.value;
  const exhibits = store.exhibits.value;
  const whose = store.exhibitor.value;
  return (
    <>
      <section class="card" aria-labelledby="filters-title">
        <h2 id="filters-title">First filters{whose === null ? '' : ` of ${whose}`}</h2>
        {exhibits === null ? (
          <div class="filters">
            {Array.from({ length: FILTERS }, (_, i) => (
              <span key={i} class="pixels" />
            ))}
          </div>
        ) : (
          <Filters filters={exhibits.filters} />
        )}
      </section>
      <section class="card" aria-labelledby="samples-title">
        <h2 id="samples-title">Validation images{whose === null ? '' : ` as ${whose} sees them`}</h2>
        {data === null ? (
          <div class="samples" />
        ) : (
          <SampleGrid
            images={data.samples}
            labels={data.sampleLabels}
            classNames={data.classNames}
            predictions={exhibits?.predictions ?? null}
          />
        )}
      </section>
    </>
  );
}
