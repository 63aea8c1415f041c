/**
 * Reads AMD's machine code as Mesa prints it: blocks that begin with `BB3:`, and an instruction a line. The names of the same
 * instructions differ from generation to generation: `ds_read_b128` is `ds_load_b128` in RDNA 3, `buffer_load_dwordx4` is
 * `buffer_load_b128`, and two vector instructions may stand in one line, with `::` between them.
 */

/** What a piece of code holds, for one lane. */
export interface Counts {
  /**
   * Multiply-adds of floats; two in an instruction that holds two. A product and a sum that the compiler has left apart are one
   * as well.
   */
  multiplyAdds: number;
  /** Vector instructions as the vector unit spends time on them: slow ones count as four. */
  vector: number;
  /** Instructions for the scalar unit, branches included. */
  scalar: number;
  scalarLoadBytes: number;
  /** Bytes read from workgroup memory and written to it. */
  workgroupBytes: number;
  workgroupAccesses: number;
  loads: number;
  loadBytes: number;
  stores: number;
  storeBytes: number;
  barriers: number;
  instructions: number;
}

/** Counts of no code. */
export const NOTHING: Readonly<Counts> = {
  multiplyAdds: 0,
  vector: 0,
  scalar: 0,
  scalarLoadBytes: 0,
  workgroupBytes: 0,
  workgroupAccesses: 0,
  loads: 0,
  loadBytes: 0,
  stores: 0,
  storeBytes: 0,
  barriers: 0,
  instructions: 0,
};

/** A stretch of code that is entered at its beginning. */
export interface Block {
  readonly name: string;
  /** Without their encoding. */
  readonly instructions: readonly string[];
}

/** A loop: the blocks from `first` to `last`, which jumps back. */
export interface Loop {
  readonly first: number;
  readonly last: number;
}

export function blocksOf(listing: string): Block[] {
  const blocks: { name: string; instructions: string[] }[] = [];
  for (const line of listing.split('\n')) {
    const label = /^(BB\d+):/.exec(line);
    if (label !== null) {
      blocks.push({ name: label[1], instructions: [] });
      continue;
    }
    const instruction = line.split(';')[0].trim().replace(/\s+/g, ' ');
    if (/^(s|v|ds|buffer|global|flat|scratch|image|tbuffer|exp|lds)_\w/.test(instruction)) {
      if (blocks.length === 0) blocks.push({ name: 'BB0', instructions: [] });
      blocks.at(-1)?.instructions.push(instruction);
    }
  }
  return blocks;
}

/** All loops. Mesa lays a loop's blocks out one behind the other. */
export function loopsOf(blocks: readonly Block[]): Loop[] {
  const places = new Map(blocks.map(({ name }, at) => [name, at]));
  const ends = new Map<number, number>();
  for (const [last, { instructions }] of blocks.entries()) {
    for (const instruction of instructions) {
      const target = /^s_c?branch\w* (BB\d+)/.exec(instruction)?.[1];
      const first = target === undefined ? undefined : places.get(target);
      // A loop may jump back from several places.
      if (first !== undefined && first <= last) ends.set(first, Math.max(ends.get(first) ?? 0, last));
    }
  }
  return [...ends].map(([first, last]) => ({ first, last }));
}

const contains = (outer: Loop, inner: Loop): boolean =>
  outer.first <= inner.first && inner.last <= outer.last && outer.last - outer.first > inner.last - inner.first;

/** The smallest loop around a loop; null where there is none. */
export function loopAround(inner: Loop, loops: readonly Loop[]): Loop | null {
  const outer = loops.filter((loop) => contains(loop, inner));
  return outer.sort((a, b) => a.last - a.first - (b.last - b.first))[0] ?? null;
}

export const innermostLoops = (loops: readonly Loop[]): Loop[] =>
  loops.filter((loop) => !loops.some((other) => contains(loop, other)));

/** Quarter-rate ones: transcendental functions and products of whole numbers of 32 bits. */
const SLOW =
  /^v_(exp|log|rcp|rsq|sqrt|sin|cos|rcp_iflag)_f(16|32)|^v_mul_(lo|hi)_[iu]32|^v_mad_(co_)?[iu]64_[iu]32|^v_(exp|log|rcp|rsq|sqrt|sin|cos)_legacy/;
const MULTIPLY_ADD =
  /^(v_|v_dual_|v_pk_)(fma|fmac|fmaak|fmamk|mac|mad|madak|madmk)_(mix_|mixlo_|mixhi_|legacy_)?f(16|32)/;
const PRODUCT = /^v_(dual_)?mul_(legacy_)?f32/;
const SUM = /^v_(dual_)?(add|sub|subrev)_f32/;
const EXPONENTIAL = /^v_(exp|log)_/;
const READ = /^(ds_(read|load)|(buffer|global|scratch|flat)_load|s_(buffer_)?load)/;
/** What the scalar unit does not compute: waiting, hints, the end. */
const NO_WORK =
  /^s_(waitcnt\w*|wait_\w+|nop|delay_alu|clause|inst_prefetch|set_inst_prefetch_distance|endpgm|sendmsg|sleep|code_end|setprio|round_mode|denorm_mode|version)\b/;

/** Bytes a lane that a memory instruction moves. */
export function bytesOf(op: string): number {
  const pairs = /2addr|read2|write2/.test(op) ? 2 : 1;
  const bits = /_(?:d16_(?:hi_)?)?[biuf](8|16|32|64|96|128|256|512)(?!\d)/.exec(op);
  if (bits !== null) return (pairs * Number(bits[1])) / 8;
  const dwords = /dwordx(\d+)/.exec(op);
  if (dwords !== null) return 4 * Number(dwords[1]);
  if (/byte/.test(op)) return 1;
  if (/short/.test(op)) return 2;
  return 4 * pairs;
}

/** Adds an instruction to the counts, but for its multiply-adds. */
function note(counts: Counts, instruction: string): void {
  const op = instruction.split(' ', 1)[0];
  counts.instructions++;
  if (op.startsWith('v_')) counts.vector += SLOW.test(op) ? 4 : 1;
  else if (op.startsWith('ds_')) {
    counts.workgroupAccesses++;
    counts.workgroupBytes += bytesOf(op);
  } else if (/^(buffer|global|flat|scratch|tbuffer|image)_/.test(op)) {
    // Orders to the caches move nothing.
    if (/_(gl[01]_inv|wbinvl1\w*|inv|wb|wbl2|invl2)$/.test(op)) return;
    if (/store/.test(op)) {
      counts.stores++;
      counts.storeBytes += bytesOf(op);
    } else {
      counts.loads++;
      counts.loadBytes += bytesOf(op);
    }
  } else if (/^s_(buffer_)?load_/.test(op)) counts.scalarLoadBytes += bytesOf(op);
  else if (op.startsWith('s_barrier')) counts.barriers++;
  else if (op.startsWith('s_') && !NO_WORK.test(op)) counts.scalar++;
}

/** What the blocks from `first` to `last` hold, each counted once. */
export function countsOf(blocks: readonly Block[], loop: Loop): Counts {
  const counts = { ...NOTHING };
  for (const { instructions } of blocks.slice(loop.first, loop.last + 1)) {
    for (const one of instructions) note(counts, one);
  }
  const operations = operationsIn(blocks, loop);
  const number = (kind: RegExp): number => operations.filter(({ name }) => kind.test(name)).length;
  counts.multiplyAdds =
    number(MULTIPLY_ADD) +
    operations.filter(({ name }) => MULTIPLY_ADD.test(name) && name.startsWith('v_pk_')).length +
    Math.min(number(PRODUCT), number(SUM));
  return counts;
}

/** Scalar registers that the code names: the driver of some families reports a fixed number. */
export function scalarRegistersIn(blocks: readonly Block[]): number {
  let most = -1;
  for (const { instructions } of blocks) {
    for (const instruction of instructions) {
      for (const [, single, last] of instruction.matchAll(/\bs(?:(\d+)\b|\[\d+:(\d+)\])/g)) {
        most = Math.max(most, Number(single ?? last));
      }
    }
  }
  return most + 1;
}

/** An instruction, or one of the two in a line, as its name and operands. */
interface Operation {
  readonly name: string;
  readonly operands: readonly string[];
}

const operationsIn = (blocks: readonly Block[], { first, last }: Loop): Operation[] =>
  blocks
    .slice(first, last + 1)
    .flatMap(({ instructions }) => instructions.flatMap((instruction) => instruction.split('::')))
    .map((text) => {
      const [name, ...rest] = text.trim().split(' ');
      const operands = rest.join(' ').split(',');
      return { name, operands: operands.map((operand) => operand.trim()) };
    });

/** Whether a multiply-add adds to what it writes: `v_fmac a, b, c` always does, `v_fma a, b, c, a` by its operands. */
const accumulates = ({ name, operands }: Operation): boolean =>
  MULTIPLY_ADD.test(name) && (/_(fmac|mac)_/.test(name) || operands[0] === operands[3]);

/** Vector registers that an operation writes. */
function written({ name, operands }: Operation): string[] {
  if (!/^(v_|ds_(read|load|bpermute|permute|swizzle)|(buffer|global|scratch|flat)_load)/.test(name)) return [];
  const [, single, from, to] = /^v(?:(\d+)$|\[(\d+):(\d+)\])/.exec(operands[0]) ?? [];
  if (single !== undefined) return [`v${single}`];
  if (from === undefined) return [];
  return Array.from({ length: Number(to) - Number(from) + 1 }, (_, at) => `v${Number(from) + at}`);
}

/** Whether a sum is added to. */
const adds = ({ name, operands: [sum, ...terms] }: Operation): boolean => SUM.test(name) && terms.includes(sum);

/** Of a loop's vector instructions, so many must sum up products where its sums begin within it. */
const MOSTLY = 0.25;

/**
 * Multiply-adds that sum up products, as in a product of matrices; 0 where they are those of an index, a polynomial or a mean:
 * the sums go on from turn to turn, or are most of what the code does, and their factors are read on the way. Products with
 * exponentials between them are a softmax's.
 */
export function sumsOfProducts(blocks: readonly Block[], loop: Loop): number {
  const operations = operationsIn(blocks, loop);
  if (operations.some(({ name }) => EXPONENTIAL.test(name)) || !operations.some(({ name }) => READ.test(name)))
    return 0;
  const fused = operations.filter(accumulates);
  const apart = operations.filter(adds).slice(0, operations.filter(({ name }) => PRODUCT.test(name)).length);
  const sums = [...fused, ...apart];
  const begun = new Set(operations.filter((one) => !accumulates(one) && !adds(one)).flatMap(written));
  if (sums.some(({ operands: [sum] }) => !begun.has(sum))) return sums.length;
  const vector = operations.filter(({ name }) => name.startsWith('v_')).length;
  return sums.length >= MOSTLY * vector ? sums.length : 0;
}
