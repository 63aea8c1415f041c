/**
 * Partitions a graph into groups, each of which becomes one kernel (or a reduction's few). Rules:
 *
 * - A kernel operation or a reduction anchors a group of its own.
 * - A pointwise node joins the group that computes one of its inputs, element for element, when nothing else that it needs
 *   depends on that group: the chain runs in the kernel's epilogue, and what others need is stored as well.
 * - Two chains that meet in a node merge when neither waits for the other through a third group.
 * - A chain that only a reduction reads runs in the reduction's prologue and never reaches memory.
 * - Views read memory and start a group; what follows them joins.
 */

import { sizeOf } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { isComposed, isConstant, resolve, topologicalOrder } from '../ir/walk.ts';
import { type Group, Groups, type OpenGroup } from './groups.ts';

/** Expressions that one kernel may hold: more would compile slowly, and outgrow its uniforms. */
const MAX_MEMBERS = 128;

/** Groups in an order in which they can run. */
export function fuse(roots: readonly Node[], maxStorageBuffers: number): Group[] {
  return new Fusion(roots, maxStorageBuffers).groups();
}

class Fusion {
  readonly #maxStorageBuffers: number;
  readonly #order: readonly Node[];
  /** Nodes that read a node's value, wherever it is computed. */
  readonly #readers = new Map<Node, Set<Node>>();
  /** Nodes whose values are asked for. */
  readonly #fetched: ReadonlySet<Node>;
  readonly #groupOf = new Map<Node, OpenGroup>();
  readonly #groups = new Groups();

  constructor(roots: readonly Node[], maxStorageBuffers: number) {
    this.#maxStorageBuffers = maxStorageBuffers;
    this.#order = topologicalOrder(roots);
    this.#fetched = new Set(roots.map(resolve));
    for (const node of this.#order) this.#noteReads(node);
  }

  groups(): Group[] {
    for (const node of this.#order) this.#place(node);
    const position = new Map(this.#order.map((node, at) => [node, at]));
    const groups = this.#groups.inOrder();
    for (const group of groups) {
      group.outputs = this.#outputsOf(group);
      group.members.sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
    }
    return groups;
  }

  #noteReads(node: Node): void {
    const { lowering } = node.op;
    if (lowering.kind === 'alias') return;
    const unread = lowering.kind === 'kernel' ? lowering.after : undefined;
    for (const [at, input] of node.inputs.entries()) {
      if (at === unread) continue;
      const source = resolve(input);
      const readers = this.#readers.get(source);
      if (readers === undefined) this.#readers.set(source, new Set([node]));
      else readers.add(node);
    }
  }

  #readersOf(node: Node): readonly Node[] {
    return [...(this.#readers.get(node) ?? [])];
  }

  /** Whether somebody outside needs a node's value. */
  #isWanted(node: Node, inside: ReadonlySet<Node>): boolean {
    return this.#fetched.has(node) || this.#readersOf(node).some((reader) => !inside.has(reader));
  }

  #place(node: Node): void {
    const { kind } = node.op.lowering;
    if (kind === 'leaf' || kind === 'alias' || isComposed(node)) return;
    if (isConstant(node) && !this.#fetched.has(node) && !this.#isReadFromMemory(node)) return;
    if (kind === 'pointwise') {
      const group = this.#homeOf(node);
      this.#join(group, node);
      group.members.push(node);
    } else if (kind === 'view') {
      const group = this.#groups.open(null);
      this.#join(group, node);
      group.members.push(node);
    } else {
      const group = this.#groups.open(node);
      if (kind === 'reduce') this.#takePrologue(group, node);
      this.#join(group, node);
    }
  }

  /** Expressions hold a constant in their uniforms; kernels and views have only memory to read it from. */
  #isReadFromMemory(constant: Node): boolean {
    return this.#readersOf(constant).some((reader) => reader.op.lowering.kind !== 'pointwise');
  }

  /** The group that a pointwise node joins: one that computes an input, with the others that may merge into it, or a new one. */
  #homeOf(node: Node): OpenGroup {
    const candidates = this.#candidatesFor(node);
    const anchored = candidates.find((group) => group.anchor !== null);
    const home = anchored ?? candidates[0] ?? this.#groups.open(null);
    for (const other of candidates) {
      if (other === home || other.anchor !== null) continue;
      if (home.members.length + other.members.length >= MAX_MEMBERS) continue;
      if (this.#groups.reaches(home, other) || this.#groups.reaches(other, home)) continue;
      if (this.#bindings(home, [...other.members, node]) > this.#maxStorageBuffers) continue;
      home.members.push(...other.members);
      for (const member of other.members) this.#groupOf.set(member, home);
      this.#groups.replace(other, home);
    }
    return home;
  }

  /** The groups in whose epilogue a pointwise node could run. */
  #candidatesFor(node: Node): OpenGroup[] {
    const size = sizeOf(node.shape);
    const candidates: OpenGroup[] = [];
    for (const input of node.inputs) {
      const source = resolve(input);
      const group = this.#groupOf.get(source);
      if (group === undefined || candidates.includes(group) || sizeOf(source.shape) !== size) continue;
      if (group.anchor?.op.lowering.kind === 'effect' || group.members.length >= MAX_MEMBERS) continue;
      // Read with broadcasting elsewhere in the same node, the group would need its own finished result.
      const waits = this.#neededBy(node).some((other) => other !== group && this.#groups.reaches(other, group));
      const broadcastsOwn = node.inputs.some(
        (other) => this.#groupOf.get(resolve(other)) === group && sizeOf(other.shape) !== size,
      );
      if (waits || broadcastsOwn || this.#bindings(group, [node]) > this.#maxStorageBuffers) continue;
      candidates.push(group);
    }
    return candidates;
  }

  /** Has a reduction compute the chain that only it reads. */
  #takePrologue(group: OpenGroup, reduction: Node): void {
    const feeding = this.#groupOf.get(resolve(reduction.inputs[0]));
    if (feeding === undefined || feeding.anchor !== null) return;
    const inside = new Set([reduction, ...feeding.members]);
    if (feeding.members.some((member) => this.#isWanted(member, inside))) return;
    group.prologue = feeding.members;
    for (const member of feeding.members) this.#groupOf.delete(member);
    this.#groups.replace(feeding, group);
  }

  #join(group: OpenGroup, node: Node): void {
    for (const needed of this.#neededBy(node)) if (needed !== group) this.#groups.order(needed, group);
    this.#groupOf.set(node, group);
  }

  /** The groups that must run before a node; packs and stretches have none, but order what writes into them before it. */
  #neededBy(node: Node): OpenGroup[] {
    const needed: OpenGroup[] = [];
    const stack = [...node.inputs];
    for (let input = stack.pop(); input !== undefined; input = stack.pop()) {
      const source = resolve(input);
      if (isComposed(source)) stack.push(...source.inputs);
      const group = this.#groupOf.get(source);
      if (group !== undefined) needed.push(group);
    }
    return needed;
  }

  /** Buffers that a group would bind with `added` nodes in it: an upper bound. */
  #bindings({ anchor, members, prologue }: Group, added: readonly Node[]): number {
    const inside = new Set([...prologue, ...(anchor === null ? [] : [anchor]), ...members, ...added]);
    const read = new Map<Node, Set<string>>();
    // A kernel of its own may write memory for its gradient.
    let bound = anchor?.op.lowering.kind === 'kernel' ? 1 : 0;
    for (const node of inside) {
      for (const input of node.inputs) {
        const source = resolve(input);
        if (inside.has(source) || isConstant(source)) continue;
        // Four elements at once and one by one are two bindings.
        const pointwise = node.op.lowering.kind === 'pointwise';
        const how = pointwise && sizeOf(input.shape) === sizeOf(node.shape) ? 'all' : node.op.lowering.kind;
        const ways = read.get(source);
        if (ways === undefined) read.set(source, new Set([how]));
        else ways.add(how);
      }
      if (!this.#readers.has(node) || this.#isWanted(node, inside)) bound++;
    }
    for (const ways of read.values()) bound += ways.size;
    return bound;
  }

  #outputsOf({ anchor, members }: Group): Node[] {
    const inside = new Set<Node>(members);
    if (anchor !== null) inside.add(anchor);
    return [...inside].filter((node) => node.op.lowering.kind !== 'effect' && this.#isWanted(node, inside));
  }
}
