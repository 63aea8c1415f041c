/** What was removed can be put back, for a while; not while somebody is about to. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { count } from '../study/facts.ts';
import type { Store } from './store.ts';

/** How long, in milliseconds. */
const TIME = 12_000;

export function UndoBar({ store }: { readonly store: Store }) {
  const removed = store.removed.value;
  const [held, setHeld] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const some = removed.length > 0;
  useEffect(() => {
    if (!some || held) return;
    const timer = setTimeout(() => {
      store.forget();
    }, TIME);
    return () => clearTimeout(timer);
  }, [removed, held]);
  useEffect(() => {
    if (!some) setHeld(false);
    // Where there is no other run to go to.
    else if (store.runs.value.length === 0) button.current?.focus();
  }, [removed]);
  const what =
    removed.length === 1 ? `${removed[0].name} was removed.` : `${count(removed.length, 'run')} were removed.`;
  return (
    <div class="undo-place" role="status">
      {some && (
        <div
          class="undo"
          onPointerEnter={() => setHeld(true)}
          onPointerLeave={() => setHeld(false)}
          onFocusIn={() => setHeld(true)}
          onFocusOut={() => setHeld(false)}
        >
          <p>{what}</p>
          <button type="button" ref={button} onClick={() => store.restore()}>
            Undo
          </button>
          <button type="button" aria-label="close: they stay removed" onClick={() => store.forget()}>
            ×
          </button>
        </div>
      )}
    </div>
  );
}
