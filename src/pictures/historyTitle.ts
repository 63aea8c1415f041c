/** How trainings ended, in a sentence from their numbers. */

import { short } from './format.ts';
import { type Curve, curveOf, epochsOf, isShare, NOISE, RATE, type Run } from './trainings.ts';

/** By the first of the metrics that is more than the loss. */
export function historyTitle(runs: readonly Run[], metrics: readonly string[]): string {
  const shown = metrics.filter((one) => one !== RATE);
  const metric = shown.find((one) => one !== 'loss' && one !== NOISE) ?? shown[0];
  if (metric === undefined) return 'The learning rate';
  const validated = runs.some((run) => curveOf(run, `val_${metric}`) !== null);
  const words = `${validated ? 'validation' : 'training'} ${metric.replaceAll('_', ' ')}`;
  const ends = runs.flatMap((run) => {
    const curve = curveOf(run, validated ? `val_${metric}` : metric);
    return curve === null ? [] : [{ run, curve }];
  });
  if (ends.length === 0) return 'No epoch has finished';
  const share = isShare(metric, runs);
  const direction = share || /auc|^r2/i.test(metric) ? 1 : /loss|error|^r?m[as]e$/.test(metric) ? -1 : 0;
  if (runs[0].name !== null) return ofSeveral(ends, words, share, direction);
  return ofOne(runs[0], ends[0].curve, words[0].toUpperCase() + words.slice(1), share, direction);
}

function ofOne(run: Run, curve: Curve, words: string, share: boolean, direction: number): string {
  const { values, epochs, end, broken } = curve;
  if (end === -1) return `${words} is ${values[0]} from the first epoch on`;
  const last = short(values[end], share);
  if (broken !== null) return `${words} was ${last} when it turned to ${values[broken]} in epoch ${epochs[broken]}`;
  const best = bestOf(curve, direction);
  const total = epochsOf(run);
  const after = `after ${trained(run)}`;
  if (best === null || total === 1) return `${words} is ${last} ${after}`;
  if (best === end) return `${words} ends at its best, ${last}, ${after}`;
  return `${words} ends at ${last}; its best was ${short(values[best], share)}, in epoch ${epochs[best]}`;
}

/** `3 epochs`, or `2 epochs and 5 of 79 steps`. */
function trained(run: Run): string {
  const whole = epochsOf(run) - Number(run.cut !== null);
  const epochs = `${whole} epoch${whole === 1 ? '' : 's'}`;
  if (run.cut === null) return epochs;
  return `${whole === 0 ? '' : `${epochs} and `}${run.cut.batches} of ${run.cut.of} steps`;
}

function ofSeveral(
  ends: readonly { run: Run; curve: Curve }[],
  words: string,
  share: boolean,
  direction: number,
): string {
  const lastOf = ({ values, end }: Curve): number => values[end];
  const sound = ends.filter(({ curve }) => curve.broken === null);
  const broken = ends.flatMap(({ run, curve: { broken: at, values, epochs } }) =>
    at === null ? [] : [`${run.name} turned to ${values[at]} in epoch ${epochs[at]}`],
  );
  if (sound.length === 0) return broken.join('; ');
  const winner = sound.reduce((best, one) =>
    direction * lastOf(one.curve) > direction * lastOf(best.curve) ? one : best,
  );
  const first =
    direction === 0 || sound.length === 1
      ? sound.map(({ run, curve }) => `${run.name} ends at ${short(lastOf(curve), share)}`).join(', ')
      : `${winner.run.name} ends ${direction > 0 ? 'highest' : 'lowest'}, at ${short(lastOf(winner.curve), share)}`;
  return [`${first} ${words}`, ...broken].join('; ');
}

/** Place of the best number; null where nobody knows whether more is better. */
function bestOf({ values }: Curve, direction: number): number | null {
  if (direction === 0) return null;
  return values.reduce((best, value, i) => {
    const better = Number.isFinite(value) && !(direction * value <= direction * values[best]);
    return better ? i : best;
  }, 0);
}
