/** Texts that tell whether two graphs, or two schedules, are the same computation. */

import { isScratch, type Node, type Operand } from '../ir/op.ts';
import { homeOf, resolve } from '../ir/walk.ts';
import { bytesOfOperand } from './placement.ts';
import type { Schedule } from './schedule.ts';

/**
 * Equal for graphs of the same operations with the same attributes, wired alike. `order` holds every node, inputs before
 * users; `leafKey` says what stands for a leaf.
 */
export function graphKey(order: readonly Node[], roots: readonly Node[], leafKey: (leaf: Node) => string): string {
  const numbers = new Map<Node, number>();
  const parts: string[] = [];
  for (const node of order) {
    numbers.set(node, numbers.size);
    const { name, lowering } = node.op;
    if (lowering.kind === 'leaf') {
      parts.push(`${node.dtype} [${node.shape}] ${leafKey(node)}`);
      continue;
    }
    const inputs = node.inputs.map((input) => numbers.get(input)).join();
    parts.push(`${name}(${inputs})${textOf(node.attributes)}`);
  }
  parts.push(roots.map((root) => numbers.get(root)).join());
  return parts.join('\n');
}

/** Attributes as a text; unlike JSON it tells NaN, the infinities and -0 apart. */
function textOf(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : `${value}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== 'object' || value === null) return `'${String(value)}'`;
  let text = '';
  for (const [name, one] of Object.entries(value)) text += `${name}:${textOf(one)};`;
  return text;
}

/**
 * Equal for schedules that differ in the numbers of their kernels' uniforms at most. `leafKey` says where a leaf lies.
 */
export function scheduleKey(
  { kernels, placement, roots: rewritten }: Schedule,
  roots: readonly Node[],
  leafKey: (leaf: Node) => string,
): string {
  const placeOf = (operand: Operand): string => {
    const leaf = isScratch(operand) ? null : homeOf(operand);
    if (leaf !== null && leaf.home.op.lowering.kind === 'leaf') {
      return `${leafKey(leaf.home)}+${leaf.offset}:${bytesOfOperand(operand)}`;
    }
    const place = placement.places.get(operand);
    return place === undefined ? 'nowhere' : `${place.slot}+${place.offset}:${place.bytes}`;
  };
  const parts = [placement.slots.join()];
  for (const { source, uniforms, usesStep, grid, bindings } of kernels) {
    const bound = bindings.map(({ operand, access }) => `${access} ${placeOf(operand)}`).join();
    parts.push(`${grid} ${uniforms.length} ${usesStep} ${bound}`, source);
  }
  parts.push(roots.map((root) => placeOf(resolve(rewritten.get(root) ?? root))).join());
  return parts.join('\n');
}
