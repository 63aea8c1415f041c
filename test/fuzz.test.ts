/**
 * Random graphs, planned and fused, against the float64 oracle: what no test of a single operation sees. A failure names its
 * seed; WGRAD_FUZZ=FIRST:COUNT runs other seeds.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dice, randomGraph } from './randomGraphs.ts';
import { relativeError } from './reference.ts';
import { evaluate } from './support.ts';

const test = suite('random graphs');

const [FIRST, COUNT] = (process.env.WGRAD_FUZZ ?? '1:240').split(':').map(Number);
/** Graphs of one plan: they compile side by side, and meet in one placement. */
const TOGETHER = 8;
/** A dozen float32 operations, a matrix product among them. */
const TOLERANCE = 2e-5;

function graphOf(seed: number): { seed: number; roots: ReturnType<typeof randomGraph> } {
  const roll = dice(seed + 1e6);
  const values = randomGraph(seed, { size: 3 + roll(10), most: roll(8) === 0 ? 40_000 : 3000 });
  // The last one, and two that others need as well.
  const roots = [...new Set([values[values.length - 1], values[roll(values.length)], values[roll(values.length)]])];
  return { seed, roots };
}

async function check(graphs: readonly ReturnType<typeof graphOf>[]): Promise<void> {
  const all = graphs.flatMap(({ roots }) => roots.map(({ node }) => node));
  const seeds = graphs.map(({ seed }) => seed).join(', ');
  const values = await evaluate(all).catch((error: unknown) => {
    throw new Error(`seeds ${seeds}: ${error instanceof Error ? error.message : String(error)}`);
  });
  let at = 0;
  for (const { seed, roots } of graphs) {
    for (const { node, oracle } of roots) {
      const actual = values[at++];
      const error = relativeError(actual, oracle.data);
      if (error > TOLERANCE || actual.length !== oracle.data.length) {
        const show = (list: ArrayLike<number>): string => Array.from(list).slice(0, 8).join(', ');
        assert.unreachable(
          `seed ${seed}, ${node.op.name} [${node.shape}] of seeds ${seeds}: relative error ${error}\n  got      ${show(actual)}\n` +
            `  expected ${show(oracle.data)}`,
        );
      }
    }
  }
}

test(`${COUNT} random graphs give what the oracle gives`, async () => {
  for (let seed = FIRST; seed < FIRST + COUNT; seed += TOGETHER) {
    await check(Array.from({ length: Math.min(TOGETHER, FIRST + COUNT - seed) }, (_, i) => graphOf(seed + i)));
  }
});

test.run();
