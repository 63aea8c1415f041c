/** A validation image with all of its probabilities. */

import { useEffect, useRef } from 'preact/hooks';
import { likeliest } from '../../src/pictures/index.ts';
import { percent } from '../study/facts.ts';
import { Bars } from '../ui/Bars.tsx';
import { PixelCanvas } from '../ui/PixelCanvas.tsx';
import type { DataFacts } from './protocol.ts';

interface Props {
  readonly data: DataFacts;
  /** Of all sample images, row by row; null: nothing was predicted yet. */
  readonly predictions: Float32Array | null;
  readonly image: number;
  /** To the next image, or the one before. */
  readonly onStep: (by: 1 | -1) => void;
  readonly onClose: () => void;
}

export function ImageDialog({ data, predictions, image, onStep, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  // The browser's own dialog keeps the focus within, closes on Escape, and gives the focus back.
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const { classNames, samples, sampleLabels } = data;
  const classes = classNames.length;
  const truth = sampleLabels[image];
  const row = predictions?.subarray(image * classes, (image + 1) * classes) ?? null;
  const guess = row === null ? -1 : likeliest(row).index;
  return (
    <dialog
      ref={dialog}
      class="image-dialog"
      aria-labelledby="image-title"
      onClose={onClose}
      onClick={({ target, currentTarget }) => target === currentTarget && currentTarget.close()}
      onKeyDown={({ key }) => {
        if (key === 'ArrowRight') onStep(1);
        if (key === 'ArrowLeft') onStep(-1);
      }}
    >
      <div class="row">
        <h2 id="image-title">
          {classNames[truth]}
          {guess >= 0 && guess !== truth && <span class="bad">, taken for {classNames[guess]}</span>}
        </h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
      <div class="image-facts">
        <PixelCanvas pixels={samples[image]} label={classNames[truth]} />
        {row === null ? (
          <p class="hint">No network has seen it yet.</p>
        ) : (
          <Bars
            label="Probabilities"
            rows={classNames.map((name, k) => ({
              name,
              share: row[k],
              text: Number.isFinite(row[k]) ? percent(row[k]) : 'no number',
              tone: k === truth ? 'good' : k === guess ? 'bad' : null,
            }))}
          />
        )}
      </div>
      <div class="row">
        <button type="button" onClick={() => onStep(-1)}>
          ← Previous
        </button>
        <button type="button" onClick={() => onStep(1)}>
          Next →
        </button>
      </div>
    </dialog>
  );
}
