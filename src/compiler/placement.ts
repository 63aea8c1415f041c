/**
 * Decides which results share memory. A slot is one GPU buffer; results whose lives do not overlap may have the same
 * slot. (A kernel may not bind one buffer for reading and for writing, so a result never takes the slot of an input.)
 */

import { bytesOf } from '../base/dtype.ts';
import { roundUp, sizeOf } from '../base/shape.ts';
import { isScratch, type Node, type Operand } from '../ir/op.ts';
import { OFFSET_ALIGNMENT } from '../ir/storage.ts';
import { homeOf as homeOfNode } from '../ir/walk.ts';
import type { ScheduledKernel } from './kernelText.ts';

/** Bytes that an operand takes. */
export function bytesOfOperand(operand: Operand): number {
  return isScratch(operand) ? roundUp(operand.bytes, 16) : bytesOf(sizeOf(operand.shape), operand.dtype);
}

export interface Place {
  readonly slot: number;
  /** Byte offset within the slot. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Placement {
  /** Where each result and scratch lies; leaves are not in here. */
  readonly places: ReadonlyMap<Operand, Place>;
  /** Bytes of each slot. */
  readonly slots: readonly number[];
  /** Bytes of all slots. */
  readonly bytes: number;
  /** Largest sum of results alive at the same time: what no placement can go below. */
  readonly aliveBytes: number;
}

interface Life {
  first: number;
  last: number;
  readonly bytes: number;
}

/** Places every result of `kernels`, which run in order. `fetched` results live to the end. */
export function placeInMemory(
  kernels: readonly ScheduledKernel[],
  packs: ReadonlyMap<Node, { readonly pack: Node; readonly offset: number }>,
  fetched: ReadonlySet<Node>,
): Placement {
  // Inputs of a pack live inside the pack's memory: it is the pack that is placed.
  const packed = new Map<Operand, { readonly pack: Node; readonly offset: number }>(packs);
  const stretches = new Set<Node>();
  const homeOf = (operand: Operand): Operand => {
    if (isScratch(operand)) return operand;
    const { home } = homeOfNode(operand);
    if (home !== operand) stretches.add(operand);
    return packed.get(home)?.pack ?? home;
  };
  const lives = new Map<Operand, Life>();
  kernels.forEach((kernel, time) => {
    for (const { operand } of kernel.bindings) {
      const home = homeOf(operand);
      if ('op' in home && home.op.lowering.kind === 'leaf') continue;
      const life = lives.get(home);
      if (life === undefined) lives.set(home, { first: time, last: time, bytes: bytesOfOperand(home) });
      else life.last = time;
    }
  });
  for (const node of fetched) {
    const life = lives.get(homeOf(node));
    if (life !== undefined) life.last = kernels.length;
  }

  const births = new Map<number, Operand[]>();
  for (const [operand, life] of lives) {
    const list = births.get(life.first);
    if (list === undefined) births.set(life.first, [operand]);
    else list.push(operand);
  }
  const slots: number[] = [];
  const free = new Set<number>();
  const dying = new Map<number, number[]>();
  const slotOf = new Map<Operand, number>();
  let alive = 0;
  let aliveBytes = 0;
  for (let time = 0; time < kernels.length; time++) {
    const born = (births.get(time) ?? []).sort((a, b) => bytesOfOperand(b) - bytesOfOperand(a));
    for (const operand of born) {
      const life = lives.get(operand);
      if (life === undefined) continue;
      alive += life.bytes;
      // A fetched result keeps a buffer of its own, exactly as large as it is.
      const lasting = life.last === kernels.length;
      const slot = lasting ? slots.push(0) - 1 : takeSlot(slots, free, life.bytes);
      slots[slot] = Math.max(slots[slot], life.bytes);
      slotOf.set(operand, slot);
      const list = dying.get(life.last);
      if (list === undefined) dying.set(life.last, [slot]);
      else list.push(slot);
    }
    aliveBytes = Math.max(aliveBytes, alive);
    for (const slot of dying.get(time) ?? []) free.add(slot);
    for (const life of lives.values()) if (life.last === time) alive -= life.bytes;
  }

  const places = new Map<Operand, Place>();
  for (const [operand, slot] of slotOf) places.set(operand, { slot, offset: 0, bytes: bytesOfOperand(operand) });
  for (const [operand, { pack, offset }] of packed) {
    const slot = slotOf.get(pack);
    // Up to the next one: what lies between is zero.
    const bytes = roundUp(bytesOfOperand(operand), OFFSET_ALIGNMENT);
    if (slot !== undefined) places.set(operand, { slot, offset, bytes });
  }
  for (const stretch of stretches) {
    const { home, offset } = homeOfNode(stretch);
    const place = places.get(home);
    if (place !== undefined) {
      places.set(stretch, { slot: place.slot, offset: place.offset + offset, bytes: bytesOfOperand(stretch) });
    }
  }
  return { places, slots, bytes: slots.reduce((sum, bytes) => sum + bytes, 0), aliveBytes };
}

/** The smallest free slot that fits; else the largest free one, to be grown; else a new one. */
function takeSlot(slots: number[], free: Set<number>, bytes: number): number {
  let fits = -1;
  let largest = -1;
  for (const slot of free) {
    if (slots[slot] >= bytes && (fits < 0 || slots[slot] < slots[fits])) fits = slot;
    if (largest < 0 || slots[slot] > slots[largest]) largest = slot;
  }
  const chosen = fits >= 0 ? fits : largest;
  if (chosen < 0) return slots.push(0) - 1;
  free.delete(chosen);
  return chosen;
}
