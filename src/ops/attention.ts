/** Attention (Vaswani et al. 2017), written with other operations. */

import { ShapeError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { dropout, greater, mul, where } from './elementwise.ts';
import { dataNode, fullNode } from './leaf.ts';
import { matmul } from './matmul.ts';
import { softmax } from './softmax.ts';

export interface AttentionOptions {
  /** Broadcast to [..., from, to]; 0: not attended. */
  readonly mask: Node | null;
  /** Whether no place attends to those after it. */
  readonly causal: boolean;
  /** Share of the weights that is dropped, by a key; null: none is. */
  readonly dropout: { readonly rate: number; readonly key: number } | null;
}

/** What is not attended has this score: not minus infinity, so that a row without anything to attend to is no NaN. */
const UNATTENDED = -3e38;

const numbers = (count: number, shape: readonly number[]): Node =>
  dataNode(
    Float32Array.from({ length: count }, (_, i) => i),
    shape,
  );

/**
 * softmax(query keyᵀ / √size) value: queries [..., from, size], keys [..., to, size] and values [..., to, width] to
 * [..., from, width]. Where nothing may be attended to, it is the mean of all values.
 */
export function attention(
  query: Node,
  key: Node,
  value: Node,
  { mask, causal, dropout: drop }: AttentionOptions,
): Node {
  const size = query.shape.at(-1) ?? 1;
  // The queries are the fewer numbers.
  let scores = matmul(mul(query, fullNode(1 / Math.sqrt(size))), key, false, true);
  const [from, to] = scores.shape.slice(-2);
  if (causal) {
    if (from !== to) {
      throw new ShapeError(
        `attention: a causal mask is for as many queries as keys, got ${from} and ${to}. Give a mask ${formatShape([from, to])}.`,
      );
    }
    scores = where(greater(numbers(to, [to]), numbers(from, [from, 1])), fullNode(UNATTENDED), scores);
  }
  if (mask !== null) scores = where(mask, scores, fullNode(UNATTENDED));
  const weights = softmax(scores);
  return matmul(drop === null ? weights : dropout(weights, drop.rate, drop.key), value);
}
