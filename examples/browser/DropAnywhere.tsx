/** All of the window takes files. Without that, a browser opens a file that misses its place instead of the page. */

import { useEffect, useState } from 'preact/hooks';
import type { Store } from './store.ts';

/** Whether files are dragged, and not a word of the page. */
const holdsFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') === true;

/** A text may be dragged into a field. */
const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && (target.type === 'text' || target.type === 'number');

export function DropAnywhere({ store }: { readonly store: Store }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const watch = new AbortController();
    const on = (kind: 'dragenter' | 'dragover' | 'dragleave' | 'drop', react: (event: DragEvent) => void) =>
      addEventListener(kind, react, { signal: watch.signal });
    const stay = (event: DragEvent) => {
      if (holdsFiles(event) || !isField(event.target)) event.preventDefault();
    };
    const enter = (event: DragEvent) => {
      stay(event);
      setOver(holdsFiles(event));
    };
    on('dragenter', enter);
    on('dragover', enter);
    on('dragleave', ({ relatedTarget }) => {
      // Null: out of the window, and not from one part of the page to another.
      if (relatedTarget === null) setOver(false);
    });
    on('drop', (event) => {
      stay(event);
      setOver(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) store.takeFiles(files);
    });
    return () => watch.abort();
  }, [store]);
  if (!over) return null;
  return (
    <div class="drop-anywhere" aria-hidden="true">
      <p>
        <strong>Drop here</strong>
        CIFAR-10’s .bin files or its .tar.gz: to train on · a .safetensors: a model to begin with
      </p>
    </div>
  );
}
