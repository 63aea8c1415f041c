/** What a kernel does, told apart: the operation that it is built around, and what is fused into it. */

import type { Node } from '../../ir/op.ts';
import { type KernelPart, productOf } from '../kernelText.ts';

/** Operations that run in a kernel beside the one that it is built around, in order; all of them where there is none. */
const othersIn = ({ group, first, last }: KernelPart): readonly Node[] => [
  ...(first ? group.prologue : []),
  ...(last ? group.members : []),
];

/** The operation that a kernel is built around; in a chain of elementwise ones the last that `belongs`, or the last. */
export function mainOf(part: KernelPart, belongs: (node: Node) => boolean = () => true): Node {
  const others = othersIn(part);
  const main = part.group.anchor ?? others.findLast(belongs) ?? others.at(-1);
  if (main === undefined) throw new Error('A kernel computes nothing.');
  return main;
}

/** All other operations that run in a kernel. */
export const fusedInto = (part: KernelPart, main: Node): readonly Node[] =>
  othersIn(part).filter((node) => node !== main);

/** A kernel's name without what is fused into it. */
export const nameOf = ({ group, template }: KernelPart, main: Node): string =>
  group.anchor === null ? main.op.name : template.label;

export const workgroupsOf = ({ template: { grid } }: KernelPart): number => productOf(grid);
