/** Images with what the network takes them for: right in green, wrong in orange with the true class. */

import { likeliest, type Pixels } from '../../src/pictures/index.ts';
import { PixelCanvas } from './PixelCanvas.tsx';

interface Props {
  readonly images: readonly Pixels[];
  readonly labels: ArrayLike<number>;
  readonly classNames: readonly string[];
  /** Probabilities, row by row; null: nothing was predicted yet. */
  readonly predictions: ArrayLike<number> | null;
  /** Places of the images, in the order in which they are shown; default: as they are. */
  readonly order?: readonly number[];
  /** Told which image somebody wants to see more of; default: none can be chosen. */
  readonly onOpen?: (image: number) => void;
}

export function SampleGrid({ images, labels, classNames, predictions, order, onOpen }: Props) {
  const classes = classNames.length;
  return (
    <ul class="samples">
      {(order ?? images.map((_, i) => i)).map((i) => {
        const pixels = images[i];
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
            {onOpen === undefined ? (
              <PixelCanvas pixels={pixels} label={truth} />
            ) : (
              <button type="button" aria-label={`${truth}: ${said}. All probabilities`} onClick={() => onOpen(i)}>
                <PixelCanvas pixels={pixels} label={null} />
              </button>
            )}
            <span class="said">{said}</span>
            <span class="truth">{guess !== null && right ? '✓' : truth}</span>
          </li>
        );
      })}
    </ul>
  );
}
