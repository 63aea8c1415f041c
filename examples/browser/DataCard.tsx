/** What is trained on, and models that come and go as files. Nothing leaves the page. */

import { networkWords, sameNetwork } from './fields.ts';
import { nameOf, type Store } from './store.ts';

export function DataCard({ store }: { readonly store: Store }) {
  const data = store.data.value;
  const loaded = store.loaded.value;
  const busy = store.current.value !== null;
  const take = (files: FileList | null | undefined) => {
    if (files && files.length > 0) store.takeFiles([...files]);
  };
  return (
    <section class="card data" aria-labelledby="data-title">
      <h2 id="data-title">Data and model</h2>
      <p>{data === null ? ' ' : nameOf(data)}</p>
      <label class="drop">
        <strong>Drop CIFAR-10 anywhere</strong> or click: its .bin files, or the .tar.gz. They are read on this page and
        never uploaded.
        <input
          type="file"
          multiple
          accept=".bin,.gz,.tgz"
          disabled={busy}
          aria-label="CIFAR-10 files"
          onChange={({ currentTarget }) => {
            take(currentTarget.files);
            currentTarget.value = '';
          }}
        />
      </label>
      <div class="buttons">
        <button type="button" disabled={busy || data === null || data.synthetic} onClick={() => store.useBuiltIn()}>
          Built-in images
        </button>
        <button type="button" disabled={store.runs.value.length === 0} onClick={() => store.save()}>
          Save model
        </button>
        <label class={`button ${busy ? 'disabled' : ''}`}>
          Load model
          <input
            type="file"
            accept=".safetensors"
            disabled={busy}
            aria-label="model file"
            onChange={({ currentTarget }) => {
              const [file] = currentTarget.files ?? [];
              if (file !== undefined) store.load(file);
              currentTarget.value = '';
            }}
          />
        </label>
      </div>
      <p class="hint">
        {loaded === null ? (
          ' '
        ) : (
          <>
            {sameNetwork(loaded.network, store.plan.value)
              ? `The next run begins with ${loaded.name}.`
              : `${loaded.name} is of another network (${networkWords(loaded.network)}): with this one a run begins with fresh weights.`}{' '}
            <button type="button" onClick={() => store.load(null)}>
              Use fresh weights
            </button>
          </>
        )}
      </p>
    </section>
  );
}
