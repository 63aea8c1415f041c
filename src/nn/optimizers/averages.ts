/** Moving averages of the weights, which any rule keeps beside its own moments: Polyak averaging (Polyak and Juditsky 1992). */

import type { UpdateRule } from '../../ops/update.ts';

/** The moment that holds, of each weight, how far its average is from it: differences keep the digits that sums would lose. */
export const AVERAGE = 'ema';

/** average ← β average + (1 - β) next; the first one is the weights after the first step. */
const LAG = `
  let kept = select(params.ema_momentum, 0.0, taken < 1.5);
  let lag = kept * (${AVERAGE}[i] + (parameter_before - next));`;

/** Every so many steps the weights become the average. */
const OVERWRITE = `
  let due = u32(step.rates.w) % u32(params.ema_every) == 0u;
  let settled = select(next, next + lag, due);
  let behind = select(lag, lag - lag, due);`;

/** A rule that also keeps an average of the weights. `every`: steps after which the weights become it. */
export const averaging = (rule: UpdateRule, momentum: number, every: number): UpdateRule => {
  const overwrites = every < Number.POSITIVE_INFINITY;
  return {
    ...rule,
    body: rule.body + LAG + (overwrites ? OVERWRITE : ''),
    moments: { ...rule.moments, [AVERAGE]: overwrites ? 'behind' : 'lag' },
    constants: { ...rule.constants, ema_momentum: momentum, ...(overwrites && { ema_every: every }) },
    counts: true,
    ...(overwrites && { result: 'settled' }),
  };
};
