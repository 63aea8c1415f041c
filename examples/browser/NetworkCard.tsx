/** What a run's network has become: its first filters, its layers, and what it makes of validation images it never saw. */

import { useState } from 'preact/hooks';
import { likeliest } from '../../src/pictures/index.ts';
import { Filters } from '../ui/Filters.tsx';
import { SampleGrid } from '../ui/SampleGrid.tsx';
import { ConfusionCard } from './ConfusionCard.tsx';
import { ImageDialog } from './ImageDialog.tsx';
import { LayersCard } from './LayersCard.tsx';
import type { Store } from './store.ts';

/** Filters of the study's first convolution. */
const FILTERS = 32;

export function NetworkCard({ store }: { readonly store: Store }) {
  return (
    <>
      <FirstFilters store={store} />
      <Samples store={store} />
      <ConfusionCard store={store} />
      <LayersCard store={store} />
    </>
  );
}

function FirstFilters({ store }: { readonly store: Store }) {
  const exhibits = store.exhibits.value;
  const whose = store.exhibitor.value;
  return (
    <section class="card" aria-labelledby="filters-title">
      <h2 id="filters-title">First filters{whose === null ? '' : ` of ${whose}`}</h2>
      {exhibits === null ? (
        <div class="filters">
          {Array.from({ length: FILTERS }, (_, i) => (
            <span key={i} class="pixels" />
          ))}
        </div>
      ) : exhibits.filters.length === 0 ? (
        <p class="hint">This network has no convolution, and so no filters.</p>
      ) : (
        <Filters filters={exhibits.filters} />
      )}
    </section>
  );
}

function Samples({ store }: { readonly store: Store }) {
  const data = store.data.value;
  const predictions = store.exhibits.value?.predictions ?? null;
  const whose = store.exhibitor.value;
  const [wrongFirst, setWrongFirst] = useState(false);
  const [opened, setOpened] = useState<number | null>(null);
  const images = data?.samples.length ?? 0;
  const places = Array.from({ length: images }, (_, i) => i);
  if (wrongFirst && data !== null && predictions !== null) {
    const classes = data.classNames.length;
    const right = (i: number): number =>
      Number(likeliest(predictions.subarray(i * classes, (i + 1) * classes)).index === data.sampleLabels[i]);
    places.sort((a, b) => right(a) - right(b) || a - b);
  }
  return (
    <section class="card" aria-labelledby="samples-title">
      <div class="row">
        <h2 id="samples-title">Validation images{whose === null ? '' : ` as ${whose} sees them`}</h2>
        <label class="check">
          <input
            type="checkbox"
            checked={wrongFirst}
            onChange={({ currentTarget: { checked } }) => setWrongFirst(checked)}
          />
          mistakes first
        </label>
      </div>
      {data === null ? (
        <div class="samples" />
      ) : (
        <SampleGrid
          images={data.samples}
          labels={data.sampleLabels}
          classNames={data.classNames}
          predictions={predictions}
          order={places}
          onOpen={setOpened}
        />
      )}
      {data !== null && opened !== null && opened < images && (
        <ImageDialog
          data={data}
          predictions={predictions}
          image={opened}
          onStep={(by) => setOpened(places[(places.indexOf(opened) + by + images) % images])}
          onClose={() => setOpened(null)}
        />
      )}
    </section>
  );
}
