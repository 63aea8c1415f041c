/** Images with what the network takes them for: right in green, wrong in orange with the true class. */

import { likeliest } from '../../src/pictures/confusion.ts';
import type { Pixels } from '../../src/pictures/pixels.ts';
import { PixelCanvas } from './PixelCanvas.tsx';

interface Props {
  readonly images: readonly Pixels[];
  readonly labels: ArrayLike<number>;
  readonly classNames: readonly string[];
  /** Probabilities, row by row; null: nothing was predicted yet. */
  readonly predictions: ArrayLike<number> | null;
}

export function SampleGrid({ images, labels, classNames, predictions }: Props) {
  const classes = classNames.length;
  return (
    <ul class="samples">
      {images.map((pixels, i) => {
        const truth = classNames[labels[i]];
        const row =
          predictions === null ? null : Array.from({ length: classes }, (_, k) => predictions[i * classes + k]);
        const guess = row === null ? null : likeliest(row);
        const right = guess !== null && guess.index === labels[i];
        const said =
          guess === null
            ? ' '
            : guess.index < 0
              ? 'no number'
              : `${classNames[guess.index]} ${Math.round(100 * guess.probability)} %`;
        return (
          <li key={i} class={guess === null ? '' : right ? 'right' : 'wrong'}>
            <PixelCanvas pixels={pixels} label={truth} />
            <span class="said">{said}</span>
            <span class="truth">{guess !== null && right ? '✓' : truth}</span>
          </li>
        );
      })}
    </ul>
  );
}
