/** A sheet of test images with what they show and what the network took them for. */
import { confusionCounts, imageGrid } from '../../src/pictures/index.ts';
import { percent } from './facts.ts';

/**
 * Writes a PNG of all the images given: N×32×32×3 bytes, their labels, N×classes probabilities. Each is shown three
 * times its size with a green frame if the most probable class is the true one, else with an orange frame. The title begins
 * with `about`: whose predictions they are, on what data.
 */
export async function writeSampleSheet(
  path: string,
  images: Uint8Array,
  labels: ArrayLike<number>,
  predictions: Float32Array,
  classNames: readonly string[],
  about = '',
): Promise<void> {
  const n = labels.length;
  const counts = confusionCounts(labels, predictions, classNames.length);
  const right = counts.reduce((sum, row, label) => sum + row[label], 0);
  const share = n === 0 ? '' : ` (${percent(right / n)})`;
  const title = `${about === '' ? '' : `${about}: `}${right} of ${n} test images right${share}`;
  const sheet = await imageGrid({ shape: [n, 32, 32, 3], data: images }, { labels, predictions, classNames, title });
  await sheet.save(path, { zoom: 1 });
}
