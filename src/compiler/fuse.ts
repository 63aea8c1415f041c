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

export interface Group {
  /** The kernel operation, reduction or effect; null for a pointwise group. */
  anchor: Node | null;
  /** Fused pointwise nodes and views that follow the anchor, in topological order. */
  members: Node[];
  /** Pointwise nodes that feed a reduction, in topological order. */
  prologue: Node[];
  /** Nodes that the group writes to memory. */
  outputs: Node[];
}

/** Expressions that one kernel may hold: more would compile slowly, and outgrow its uniforms. */
const MAX_MEMBERS = 128;

interface Draft extends Group {
  /** Groups that must run before this one. */
  readonly needs: Set<Draft>;
  /** Groups that run after it. */
  readonly users: Set<Draft>;
  /** Its number in the order in which groups were opened, and the highest number among all that must run before it. */
  readonly number: number;
  reach: number;
}

/** Groups in an order in which they can run. */
export function fuse(roots: readonly Node[], maxStorageBuffers: number): Group[] {
  const order = topologicalOrder(roots);
  const consumers = new Map<Node, Set<Node>>();
  for (const node of order) {
    if (node.op.lowering.kind === 'alias') continue;
    const { lowering } = node.op;
    const unread = lowering.kind === 'kernel' ? lowering.after : undefined;
    for (const [at, input] of node.inputs.entries()) {
      if (at === unread) continue;
      const source = resolve(input);
      const users = consumers.get(source);
      if (users === undefined) consumers.set(source, new Set([node]));
      else users.add(node);
    }
  }
  const fetched = new Set(roots.map(resolve));
  const groupOf = new Map<Node, Draft>();
  const groups = new Set<Draft>();

  /** The groups that must run before a node; packs and windows have none, but order what writes into them before it. */
  const groupsNeededBy = (node: Node): Draft[] => {
    const needed: Draft[] = [];
    const stack = [...node.inputs];
    for (let input = stack.pop(); input !== undefined; input = stack.pop()) {
      const source = resolve(input);
      if (isComposed(source)) stack.push(...source.inputs);
      const group = groupOf.get(source);
      if (group !== undefined) needed.push(group);
    }
    return needed;
  };
  const reaches = (from: Draft, target: Draft): boolean => {
    const seen = new Set<Draft>();
    const stack = [from];
    for (let group = stack.pop(); group !== undefined; group = stack.pop()) {
      if (group === target) return true;
      if (group.reach < target.number || seen.has(group)) continue;
      seen.add(group);
      stack.push(...group.needs);
    }
    return false;
  };
  const need = (group: Draft, needed: Draft): void => {
    group.needs.add(needed);
    needed.users.add(group);
    const reach = Math.max(needed.number, needed.reach);
    const stack = [group];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next.reach >= reach) continue;
      next.reach = reach;
      stack.push(...next.users);
    }
  };
  let opened = 0;
  const open = (anchor: Node | null): Draft => {
    const group: Draft = {
      anchor,
      members: [],
      prologue: [],
      outputs: [],
      needs: new Set(),
      users: new Set(),
      number: opened++,
      reach: -1,
    };
    groups.add(group);
    return group;
  };
  const join = (group: Draft, node: Node): void => {
    for (const needed of groupsNeededBy(node)) if (needed !== group) need(group, needed);
    groupOf.set(node, group);
  };
  const merge = (into: Draft, other: Draft): void => {
    into.members.push(...other.members);
    for (const member of other.members) groupOf.set(member, into);
    for (const needed of other.needs) {
      needed.users.delete(other);
      if (needed !== into) need(into, needed);
    }
    for (const user of other.users) {
      user.needs.delete(other);
      if (user !== into) need(user, into);
    }
    groups.delete(other);
  };
  /** Buffers that a group would bind with `added` nodes in it: an upper bound. */
  const bindings = ({ anchor, members, prologue }: Group, added: readonly Node[]): number => {
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
      const users = consumers.get(node);
      if (fetched.has(node) || users === undefined || [...users].some((user) => !inside.has(user))) bound++;
    }
    for (const ways of read.values()) bound += ways.size;
    return bound;
  };

  /** Expressions hold a constant in their uniforms; kernels and views have only memory to read it from. */
  const readFromMemory = (constant: Node): boolean =>
    [...(consumers.get(constant) ?? [])].some((user) => user.op.lowering.kind !== 'pointwise');

  for (const node of order) {
    const { kind } = node.op.lowering;
    if (kind === 'leaf' || kind === 'alias' || isComposed(node)) continue;
    if (isConstant(node) && !fetched.has(node) && !readFromMemory(node)) continue;
    if (kind === 'pointwise') {
      const size = sizeOf(node.shape);
      const candidates: Draft[] = [];
      for (const input of node.inputs) {
        const source = resolve(input);
        const group = groupOf.get(source);
        if (group === undefined || candidates.includes(group) || sizeOf(source.shape) !== size) continue;
        if (group.anchor?.op.lowering.kind === 'effect' || group.members.length >= MAX_MEMBERS) continue;
        // Read with broadcasting elsewhere in the same node, the group would need its own finished result.
        const waits = groupsNeededBy(node).some((other) => other !== group && reaches(other, group));
        const broadcastsOwn = node.inputs.some(
          (other) => groupOf.get(resolve(other)) === group && sizeOf(other.shape) !== size,
        );
        if (!waits && !broadcastsOwn && bindings(group, [node]) <= maxStorageBuffers) {
          candidates.push(group);
        }
      }
      const anchored = candidates.find((group) => group.anchor !== null);
      const home = anchored ?? candidates[0] ?? open(null);
      for (const other of candidates) {
        if (other === home || other.anchor !== null || home.members.length + other.members.length >= MAX_MEMBERS)
          continue;
        if (reaches(home, other) || reaches(other, home)) continue;
        if (bindings(home, [...other.members, node]) > maxStorageBuffers) continue;
        merge(home, other);
      }
      join(home, node);
      home.members.push(node);
      continue;
    }
    if (kind === 'view') {
      const group = open(null);
      join(group, node);
      group.members.push(node);
      continue;
    }
    const group = open(node);
    if (kind === 'reduce') {
      const source = resolve(node.inputs[0]);
      const feeding = groupOf.get(source);
      const onlyHere =
        feeding !== undefined &&
        feeding.anchor === null &&
        feeding.members.every(
          (member) =>
            !fetched.has(member) &&
            [...(consumers.get(member) ?? [])].every((user) => user === node || feeding.members.includes(user)),
        );
      if (feeding !== undefined && onlyHere) {
        group.prologue = feeding.members;
        for (const needed of feeding.needs) {
          needed.users.delete(feeding);
          need(group, needed);
        }
        for (const member of feeding.members) groupOf.delete(member);
        groups.delete(feeding);
      }
    }
    join(group, node);
  }

  const position = new Map(order.map((node, at) => [node, at]));
  for (const group of groups) {
    const inside = new Set<Node>(group.members);
    if (group.anchor !== null) inside.add(group.anchor);
    for (const node of inside) {
      if (node.op.lowering.kind === 'effect') continue;
      const users = consumers.get(node);
      if (fetched.has(node) || (users !== undefined && [...users].some((user) => !inside.has(user)))) {
        group.outputs.push(node);
      }
    }
    group.members.sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
  }
  return orderGroups([...groups]);
}

/** Effects write what others read, so they run last, in the order in which they were given. */
function orderGroups(groups: readonly Draft[]): Group[] {
  const result: Draft[] = [];
  const done = new Set<Draft>();
  const visit = (first: Draft): void => {
    const stack = [first];
    while (stack.length > 0) {
      const group = stack[stack.length - 1];
      const waiting = [...group.needs].filter((needed) => !done.has(needed));
      if (done.has(group) || waiting.length === 0) {
        stack.pop();
        if (!done.has(group)) {
          done.add(group);
          result.push(group);
        }
      } else {
        stack.push(...waiting);
      }
    }
  };
  const isEffect = (group: Draft): boolean => group.anchor?.op.lowering.kind === 'effect';
  for (const group of groups) if (!isEffect(group)) visit(group);
  for (const group of groups) if (isEffect(group)) visit(group);
  return result;
}
