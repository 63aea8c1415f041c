/** Room for labels at places that lie too close. */

const ROUNDS = 100;

/**
 * Makes room for labels: moves places apart until `gap` lies between neighbours, within bounds, each as near to its own as can be.
 * @returns the new places, in the order of the list
 */
export function spread(
  places: readonly number[],
  gap: number,
  [low, high]: readonly [low: number, high: number],
): number[] {
  const order = places.map((_, i) => i).sort((a, b) => places[a] - places[b]);
  const moved = [...places];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 1; i < order.length; i++) {
      const [before, after] = [order[i - 1], order[i]];
      const overlap = gap - (moved[after] - moved[before]);
      if (overlap <= 0) continue;
      moved[before] -= overlap / 2;
      moved[after] += overlap / 2;
    }
    for (const i of order) moved[i] = Math.min(Math.max(moved[i], low), high);
  }
  return moved;
}
