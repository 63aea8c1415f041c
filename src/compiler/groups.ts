/** Groups of nodes, each of which becomes one kernel (or a reduction's few), and which of them must run before which. */

import type { Node } from '../ir/op.ts';

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

/** A group that may still take more nodes. */
export interface OpenGroup extends Group {
  /** Groups that must run before this one. */
  readonly needs: Set<OpenGroup>;
  /** Groups that run after it. */
  readonly users: Set<OpenGroup>;
  /** Its number in the order in which groups were opened, and the highest number among all that must run before it. */
  readonly number: number;
  reach: number;
}

/** All groups of a graph; their arrows never form a circle. */
export class Groups {
  readonly #all = new Set<OpenGroup>();
  #opened = 0;

  open(anchor: Node | null): OpenGroup {
    const group: OpenGroup = {
      anchor,
      members: [],
      prologue: [],
      outputs: [],
      needs: new Set(),
      users: new Set(),
      number: this.#opened++,
      reach: -1,
    };
    this.#all.add(group);
    return group;
  }

  /** Has `needed` run before `group`. */
  order(needed: OpenGroup, group: OpenGroup): void {
    group.needs.add(needed);
    needed.users.add(group);
    const reach = Math.max(needed.number, needed.reach);
    const stack = [group];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next.reach >= reach) continue;
      next.reach = reach;
      stack.push(...next.users);
    }
  }

  /** Whether `target` must run before `from`, or is it. */
  reaches(from: OpenGroup, target: OpenGroup): boolean {
    const seen = new Set<OpenGroup>();
    const stack = [from];
    for (let group = stack.pop(); group !== undefined; group = stack.pop()) {
      if (group === target) return true;
      if (group.reach < target.number || seen.has(group)) continue;
      seen.add(group);
      stack.push(...group.needs);
    }
    return false;
  }

  /** Has `into` run where `other` did, which is gone. */
  replace(other: OpenGroup, into: OpenGroup): void {
    for (const needed of other.needs) {
      needed.users.delete(other);
      if (needed !== into) this.order(needed, into);
    }
    for (const user of other.users) {
      user.needs.delete(other);
      if (user !== into) this.order(into, user);
    }
    this.#all.delete(other);
  }

  /** In an order in which they can run. Effects write what others read, so they run last, in the order in which they were given. */
  inOrder(): OpenGroup[] {
    const result = new Set<OpenGroup>();
    const isEffect = ({ anchor }: Group): boolean => anchor?.op.lowering.kind === 'effect';
    const all = [...this.#all];
    for (const first of [...all.filter((group) => !isEffect(group)), ...all.filter(isEffect)]) {
      const stack = [first];
      while (stack.length > 0) {
        const group = stack[stack.length - 1];
        const waiting = [...group.needs].filter((needed) => !result.has(needed));
        if (result.has(group) || waiting.length === 0) {
          stack.pop();
          result.add(group);
        } else {
          stack.push(...waiting);
        }
      }
    }
    return [...result];
  }
}
