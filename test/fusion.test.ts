/** What the planner promises: which operations share a kernel, that results never overwrite each other, that depth costs little. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomBits, uniform } from '../src/base/random.ts';
import { type Shape, sameShape, sizeOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { type Schedule, schedule } from '../src/compiler/schedule.ts';
import { createNode, isScratch, type Node, type Op, type Operand } from '../src/ir/op.ts';
import { resolve, topologicalOrder } from '../src/ir/walk.ts';
import { concat } from '../src/ops/concat.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import * as e from '../src/ops/elementwise.ts';
import { gather } from '../src/ops/gather.ts';
import { gradients } from '../src/ops/gradients.ts';
import { dataNode, fullNode } from '../src/ops/leaf.ts';
import { dense, matmul } from '../src/ops/matmul.ts';
import { pack } from '../src/ops/pack.ts';
import { max, mean, sum } from '../src/ops/reduce.ts';
import { reshape } from '../src/ops/reshape.ts';
import { softmax, softmaxCrossEntropyPerExample } from '../src/ops/softmax.ts';
import { cpuTarget } from '../src/ops/targets.ts';
import { assign } from '../src/ops/update.ts';
import { slice, transpose } from '../src/ops/views.ts';
import { assertClose, draw, evaluate, nodeOf } from './support.ts';

const test = suite('planner');

/** A plain adapter; no GPU is needed to plan. */
const TARGET = cpuTarget();

const leaf = (...shape: number[]): Node => dataNode(new Float32Array(sizeOf(shape)), shape);
const plan = (...roots: Node[]): Schedule => schedule(roots, TARGET, passesFor);
const kernels = (...roots: Node[]): string[] => plan(...roots).kernels.map((kernel) => kernel.label);

// What shares a kernel

test('bias and ReLU run in the kernel of a product, a convolution and a reduction', () => {
  assert.equal(kernels(e.relu(dense(leaf(8, 5), leaf(5, 6), leaf(6)))), ['matmul+add+relu']);
  const image = e.relu(conv2d(leaf(2, 5, 5, 3), leaf(3, 3, 3, 4), { bias: leaf(4) }));
  assert.equal(kernels(image), ['conv2d+add+relu']);
  assert.equal(kernels(e.sqrt(e.add(sum(leaf(3, 8), 0), leaf(8)))), ['sum+add+sqrt']);
  assert.equal(kernels(e.relu(softmax(leaf(3, 4)))), ['softmax+relu']);
});

test('an elementwise chain is one kernel, whatever it broadcasts and reshapes', () => {
  const x = leaf(4, 6);
  const chain = e.tanh(e.add(e.mul(x, leaf(6)), fullNode(2)));
  assert.is(kernels(chain).length, 1);
  assert.is(kernels(e.relu(reshape(chain, [24]))).length, 1);
});

test('a chain that only a reduction reads runs in its loads', () => {
  const x = leaf(4, 6);
  const { kernels: one } = plan(sum(e.square(e.sub(x, leaf(6))), 0));
  assert.is(one.length, 1);
  // Read by something else too, it is stored once.
  const square = e.square(x);
  assert.is(kernels(sum(square, 0), square).length, 2);
  assert.is(kernels(mean(e.exp(x))).length, 1);
});

test('views start a kernel and what follows joins it', () => {
  assert.equal(kernels(e.relu(transpose(leaf(3, 4)))), ['transpose+relu']);
  assert.is(kernels(sum(slice(leaf(5, 8), [1, 0], [2, 8]), 0)).length, 1);
});

test('a node used twice is computed and stored once', () => {
  const product = matmul(leaf(4, 5), leaf(5, 6));
  const labels = kernels(e.relu(product), e.tanh(product), sum(product));
  assert.is(labels.filter((label) => label.startsWith('matmul')).length, 1, labels.join(', '));
  const shared = e.exp(leaf(4, 6));
  const { kernels: two } = plan(matmul(shared, leaf(6, 2)), transpose(shared));
  const writes = two.flatMap(({ bindings }) =>
    bindings.filter(({ operand, access }) => operand === shared && access === 'read_write'),
  );
  assert.is(writes.length, 1);
});

test('a diamond is one kernel; through a reduction it is not circular', () => {
  const x = e.exp(leaf(4, 6));
  assert.is(kernels(e.add(e.relu(x), e.tanh(x))).length, 1);
  // x -> sum -> (broadcast) and x -> add: the sum must end before the addition begins.
  const centred = e.sub(x, mean(x, 0));
  checkOrder(plan(centred), [centred]);
  assert.equal(kernels(centred), ['exp', 'sum+div', 'sub']);
  const deeper = e.mul(e.relu(centred), e.sub(centred, max(e.relu(centred), 1, true)));
  checkOrder(plan(deeper), [deeper]);
  const product = matmul(leaf(4, 4), leaf(4, 4));
  const twice = e.add(e.relu(product), matmul(product, e.tanh(product)));
  checkOrder(plan(twice), [twice]);
});

test('constants take no kernel and no memory, unless a kernel reads them from memory', () => {
  const x = leaf(3, 4);
  assert.is(kernels(e.add(e.mul(x, fullNode(2)), fullNode(1, [4]))).length, 1);
  const { placement } = plan(e.add(x, fullNode(1, [3, 4])));
  assert.is(placement.slots.length, 1);
  checkOrder(plan(matmul(fullNode(1, [3, 4]), fullNode(2, [4, 5]))), []);
  checkOrder(plan(sum(fullNode(1, [3, 4]), 0)), []);
  checkOrder(plan(transpose(fullNode(1, [3, 4]))), []);
});

test('no kernel binds more buffers than the adapter allows', () => {
  const wide = Array.from({ length: 30 }, () => leaf(4, 6)).reduce((total, x) => e.add(total, e.tanh(x)));
  const schedule_ = plan(wide);
  for (const kernel of schedule_.kernels) assert.ok(kernel.bindings.length <= TARGET.maxStorageBuffers, kernel.label);
  checkOrder(schedule_, [wide]);
  const many = Array.from({ length: 20 }, (_, i) => e.mul(e.exp(leaf(4, 6)), fullNode(i)));
  const fanned = plan(
    ...many,
    many.reduce((a, b) => e.add(a, b)),
  );
  for (const kernel of fanned.kernels) assert.ok(kernel.bindings.length <= TARGET.maxStorageBuffers, kernel.label);
});

test('a replaced constant compiles nothing new: it travels in the uniforms', () => {
  const x = leaf(3, 4);
  const [a] = plan(e.mul(x, fullNode(2))).kernels;
  const [b] = plan(e.mul(x, fullNode(3))).kernels;
  assert.is(a.source, b.source);
  assert.not.equal(a.uniforms, b.uniforms);
});

// Depth

function deepChain(length: number): { x: Node; y: Node } {
  const x = leaf(4, 6);
  let y = x;
  for (let i = 0; i < length; i++) y = i % 2 === 0 ? e.tanh(y) : e.add(y, x);
  return { x, y };
}

/** Seconds of processor time: other processes do not count. */
const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

test('10,000 nodes deep, forward and backward, in less than 5 s', () => {
  const began = processorTime();
  const { x, y } = deepChain(10_000);
  const forward = plan(y);
  assert.ok(forward.kernels.length >= 1);
  const [dx] = gradients(sum(y), [x]);
  const nodes = topologicalOrder([dx]).length;
  assert.ok(nodes > 10_000);
  plan(dx);
  const seconds = processorTime() - began;
  assert.ok(seconds < 5, `${seconds.toFixed(1)} s`);
});

test('300 matrix products deep in less than 5 s', () => {
  const began = processorTime();
  const w = leaf(4, 4);
  let y: Node = leaf(2, 4);
  for (let i = 0; i < 300; i++) y = e.relu(matmul(y, w));
  const { placement } = plan(y);
  const [dw] = gradients(sum(y), [w]);
  plan(dw);
  assert.ok(placement.slots.length <= 4, `${placement.slots.length} slots for a chain`);
  const seconds = processorTime() - began;
  assert.ok(seconds < 5, `${seconds.toFixed(1)} s`);
});

// Memory

/** Who last wrote each range of each slot. */
class Memory {
  readonly #slots = new Map<number, { begin: number; end: number; owner: Operand }[]>();
  readonly #schedule: Schedule;

  constructor(schedule_: Schedule) {
    this.#schedule = schedule_;
  }

  place(operand: Operand) {
    const place = this.#schedule.placement.places.get(operand);
    if (place === undefined) throw new Error(`${nameOf(operand)} has no place in memory`);
    assert.ok(place.offset + place.bytes <= this.#schedule.placement.slots[place.slot], `${nameOf(operand)} fits`);
    return place;
  }

  write(operand: Operand): void {
    const { slot, offset, bytes } = this.place(operand);
    const ranges = this.#slots.get(slot) ?? [];
    const others = ranges.filter(({ begin, end }) => end <= offset || begin >= offset + bytes);
    this.#slots.set(slot, [...others, { begin: offset, end: offset + bytes, owner: operand }]);
  }

  holds(operand: Operand): boolean {
    if (!isScratch(operand) && operand.op.lowering.kind === 'pack') {
      return operand.inputs.every((input) => this.holds(resolve(input)));
    }
    const { slot } = this.place(operand);
    return (this.#slots.get(slot) ?? []).some(({ owner }) => owner === operand);
  }
}

const nameOf = (operand: Operand): string => (isScratch(operand) ? 'scratch' : operand.op.name);
const isLeaf = (operand: Operand): boolean => !isScratch(operand) && operand.op.lowering.kind === 'leaf';

/** Replays the kernels: whatever one reads was written before and not overwritten since; at the end the roots are there. */
function checkOrder(schedule_: Schedule, roots: readonly Node[]): void {
  const memory = new Memory(schedule_);
  for (const { label, bindings } of schedule_.kernels) {
    const inMemory = bindings.filter(({ operand }) => !isLeaf(operand));
    const written = inMemory.filter(({ access }) => access === 'read_write');
    const read = inMemory.filter(({ access }) => access !== 'read_write');
    for (const { operand } of read) {
      assert.ok(memory.holds(operand), `'${label}' reads ${nameOf(operand)}, which is not there (any more)`);
      for (const { operand: other } of written) {
        assert.is.not(memory.place(operand).slot, memory.place(other).slot, `'${label}' reads and writes one buffer`);
      }
    }
    for (const { operand } of written) memory.write(operand);
    for (const { operand } of written)
      assert.ok(memory.holds(operand), `'${label}' overwrites its own ${nameOf(operand)}`);
  }
  for (const root of roots) {
    const source = resolve(schedule_.roots.get(root) ?? root);
    const { kind } = source.op.lowering;
    if (kind !== 'effect' && kind !== 'leaf')
      assert.ok(memory.holds(source), `root ${source.op.name} survives to the end`);
  }
  const { slots, bytes, aliveBytes } = schedule_.placement;
  assert.is(
    slots.reduce((total, one) => total + one, 0),
    bytes,
  );
  assert.ok(aliveBytes <= bytes);
}

test('the checker sees an overwritten result', () => {
  const x = e.exp(leaf(4, 6));
  const y = e.add(e.relu(matmul(x, leaf(6, 6))), x);
  const good = plan(y);
  checkOrder(good, [y]);
  const places = new Map([...good.placement.places].map(([operand, place]) => [operand, { ...place, slot: 0 }]));
  let fault = '';
  try {
    checkOrder({ ...good, placement: { ...good.placement, places } }, [y]);
  } catch (error) {
    fault = String(error);
  }
  assert.match(fault, 'reads and writes one buffer');
});

test('packs are contiguous, at offsets that are multiples of 256', () => {
  const parts = [e.exp(leaf(3)), sum(leaf(9, 65), 0), matmul(leaf(2, 3), leaf(3, 4)), leaf(64), fullNode(1, [5])];
  const packed = pack(parts);
  const target = leaf(...packed.shape);
  const schedule_ = schedule([assign(target, packed), packed], TARGET, passesFor);
  checkOrder(schedule_, [packed]);
  const home = schedule_.placement.places.get(packed);
  let start = 0;
  for (const input of packed.inputs) {
    const place = schedule_.placement.places.get(resolve(input));
    assert.is(place?.slot, home?.slot);
    assert.is(place?.offset, start);
    assert.is(start % 256, 0);
    start += Math.ceil((sizeOf(input.shape) * 4) / 256) * 256;
  }
  assert.is(home?.bytes, start);
  // Each part is written by the kernel that computes it; assign copies the whole.
  assert.is(schedule_.kernels.flatMap(({ label }) => label.split(' | ')).length, parts.length + 2);
});

// What shares a dispatch, and what need not be computed or kept

test('small kernels that do not wait for each other share a dispatch, and compute the same', async () => {
  const x = nodeOf(draw([37, 6]));
  const products = [matmul(x, nodeOf(draw([6, 5]))), matmul(x, nodeOf(draw([6, 9])))];
  const sums = [sum(x, 0), sum(e.square(x), 1), max(x, 0)];
  const labels = kernels(...products, ...sums);
  assert.is(labels.filter((label) => label.includes('matmul')).length, 1, labels.join('; '));
  assert.is(labels.filter((label) => label.includes('sum')).length, 1, labels.join('; '));
  // A sum of sums waits.
  assert.is(kernels(sum(sum(x, 0), 0)).length, 2);
  // Together and one by one: the same bits.
  const together = await evaluate([...products, ...sums]);
  for (const [at, node] of [...products, ...sums].entries()) {
    const [alone] = await evaluate([node]);
    assert.equal(together[at], alone);
  }
});

const HOSTILE = /* wgsl */ `
// fn floor(), and a brace that nobody closes: {
/* const count = 1; */
alias scale = vec2f;
const x_0 = {{by}}f; const x_1 = x_0; const e3 = 3.0;
var<private> count: u32;
@must_use fn must_use(x: f32) -> f32 { let floor_1 = floor(x); let taken_0 = x - floor_1; return taken_0 + floor_1; }
fn taken(v: f32) -> f32 {
  let taken_1 = must_use(v);
  let x = scale(taken_1, 1e3);
  return x . x + x.y * 0x0p0f + vec3f(e3).z * 0.0;
}
fn élan(v: f32) -> f32 { var count = v; { let count = x_1; return v * count; } }
@main
  count = global_invocation_index;
  if (count < params . count) { let store_0 = élan(taken(x[count])); store(count, store_0); }
@end`;

interface Hostile {
  readonly by: number;
}

/** Times `by`, by a text whose names are those of its locals, members, attributes, functions and uniforms at once. */
const hostileOp: Op<Hostile> = {
  name: 'test/hostile',
  infer: ([x]) => ({ shape: x.shape, dtype: 'float32' }),
  gradient: () => 'none',
  lowering: {
    kind: 'kernel',
    kernels: ({ inputs: [x], attributes: { by }, shape }) => [
      {
        label: 'hostile',
        source: HOSTILE,
        holes: { by },
        reads: [{ name: 'x', operand: x, element: 'f32' }],
        uniforms: { count: sizeOf(shape) },
        grid: 1,
      },
    ],
  },
};

test('kernels that share a dispatch may call what they declare as they like', async () => {
  const input = draw([37]);
  const x = nodeOf(input);
  const products = [2, 3, 5].map((by) => createNode(hostileOp, [x], { by }));
  assert.equal(kernels(...products), ['hostile | hostile | hostile']);
  for (const [at, values] of (await evaluate(products)).entries()) {
    assertClose(
      values,
      Array.from(input.values, (value) => value * [2, 3, 5][at]),
      `hostile ${at}`,
    );
  }
});

test('numbers are computed when the plan is made', () => {
  const x = leaf(4, 6);
  const [scaled] = plan(e.mul(x, e.mul(fullNode(2), fullNode(0.25, [6])))).kernels;
  assert.equal([...new Float32Array(scaled.uniforms.buffer)].includes(0.5), true);
  const loss = mean(softmaxCrossEntropyPerExample(x, dataNode(new Int32Array(4), [4])));
  const [dx] = gradients(loss, [x]);
  assert.equal(kernels(dx), ['softmaxCrossEntropyGradient']);
});

test('a ReLU before a dropout is not kept for the way back', () => {
  const x = leaf(8, 16);
  const hidden = e.relu(e.add(matmul(x, leaf(16, 12)), leaf(12)));
  const y = e.dropout(hidden, 0.25, 1);
  const weights = leaf(12, 3);
  const grads = gradients(sum(e.square(matmul(y, weights))), [x, weights]);
  const kept = new Set(plan(...grads).kernels.flatMap(({ bindings }) => bindings.map(({ operand }) => operand)));
  const sizes = [...kept].filter((operand) => !isScratch(operand) && sameShape(operand.shape, [8, 12]));
  // The dropout's result, and the gradient that arrives at the product.
  assert.is(sizes.length, 2);
});

// Random graphs

/** Whole numbers below `limit`, drawn one after the other. */
function dice(seed: number): (limit: number) => number {
  let index = 0;
  return (limit) => randomBits(seed, 0, index++) % limit;
}

const EXTENTS: readonly Shape[] = [[4, 6], [6], [4, 1], [], [6, 4], [24], [4, 4], [2, 3, 4]];

/** A graph of mixed operations whose values stay small, and some of its nodes as roots. */
function randomGraph(seed: number, size: number): Node[] {
  const roll = dice(seed);
  const pick = <T>(list: readonly T[]): T => list[roll(list.length)];
  const nodes = EXTENTS.map((shape, at) =>
    dataNode(uniform(sizeOf(shape), { seed, stream: at + 1, low: -1, high: 1 }), shape),
  );
  const grow: ((x: Node) => Node | null)[] = [
    (x) => e.tanh(x),
    (x) => e.relu(x),
    (x) => e.sigmoid(x),
    (x) => e.mul(x, fullNode((roll(7) - 3) / 4)),
    (x) => e.tanh(e.add(x, fullNode(0.5, [1]))),
    (x) => combine(e.add, x),
    (x) => combine(e.mul, x),
    (x) => combine(e.maximum, x),
    (x) => combine((a, b) => e.where(e.greater(a, b), a, b), x),
    (x) => (x.shape.length === 0 ? null : mean(x, roll(x.shape.length), roll(2) === 0)),
    (x) => (x.shape.length === 0 ? null : max(x, roll(x.shape.length), true)),
    (x) => mean(x),
    (x) => (x.shape.length === 2 ? transpose(x) : null),
    (x) => (sizeOf(x.shape) === 24 ? reshape(x, pick([[24], [4, 6], [6, 4], [2, 3, 4]])) : null),
    (x) =>
      x.shape.length > 0 && x.shape[0] > 1
        ? slice(
            x,
            x.shape.map(() => 0),
            [x.shape[0] - 1, ...x.shape.slice(1)],
          )
        : null,
    (x) => (x.shape.length > 0 ? concat([x, e.neg(x)], roll(x.shape.length)) : null),
    (x) => (x.shape.length > 0 ? softmax(x) : null),
    (x) => (x.shape.length > 0 ? gather(x, dataNode(Int32Array.of(0, roll(x.shape[0])), [2])) : null),
    (x) => {
      const partner = nodes.filter((y) => x.shape.length === 2 && y.shape.length === 2 && y.shape[0] === x.shape[1]);
      return partner.length === 0 ? null : e.tanh(matmul(x, pick(partner)));
    },
  ];
  function combine(f: (a: Node, b: Node) => Node, x: Node): Node | null {
    const partners = nodes.filter((y) => sameShape(y.shape, x.shape) || y.shape.length === 0 || sizeOf(y.shape) === 1);
    return partners.length === 0 ? null : e.tanh(f(x, pick(partners)));
  }
  while (nodes.length < EXTENTS.length + size) {
    // Mostly recent nodes, so that graphs grow deep as well as wide.
    const x = roll(3) > 0 ? nodes[Math.max(0, nodes.length - 1 - roll(6))] : pick(nodes);
    const grown = sizeOf(x.shape) > 200 ? null : pick(grow)(x);
    if (grown !== null) nodes.push(grown);
  }
  const roots = new Set([nodes[nodes.length - 1], pick(nodes), pick(nodes)]);
  if (roll(2) === 0) {
    const target = nodes[0];
    roots.add(gradients(mean(e.square(nodes[nodes.length - 1])), [target])[0]);
  }
  return [...roots];
}

test('on 200 random graphs nothing is read after it was overwritten', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const roots = randomGraph(seed, 10 + (seed % 60));
    const packed = seed % 4 === 0 ? [pack(roots.filter((root) => root.dtype === 'float32'))] : [];
    const all = [...roots, ...packed];
    const target = seed % 2 === 0 ? TARGET : { ...TARGET, subgroups: { min: 8, max: 8 }, maxStorageBuffers: 4 };
    try {
      checkOrder(schedule(all, target, passesFor), all);
    } catch (error) {
      throw new Error(`graph ${seed}, ${target.maxStorageBuffers} buffers: ${String(error)}`);
    }
  }
});

test('20 random graphs give what their operations give one by one', async () => {
  for (let seed = 1001; seed <= 1020; seed++) {
    const roots = randomGraph(seed, 16);
    const together = await evaluate(roots);
    const known = new Map<Node, Node>();
    for (const node of topologicalOrder(roots)) {
      const { lowering } = node.op;
      if (lowering.kind === 'leaf') {
        known.set(node, node);
        continue;
      }
      const alone = createNode(
        node.op,
        node.inputs.map((input) => known.get(input) ?? input),
        node.attributes,
      );
      const [values] = await evaluate([alone]);
      known.set(node, dataNode(values, node.shape));
    }
    for (const [at, root] of roots.entries()) {
      const [expected] = await evaluate([known.get(root) ?? root]);
      assertClose(together[at], expected, `graph ${seed}, root ${at} (${root.op.name})`);
    }
  }
});

test('a chain of hundreds of operations runs and is right', async () => {
  const input = draw([5, 7]);
  let y = nodeOf(input);
  let expected: number[] = Array.from(input.values);
  for (let i = 0; i < 300; i++) {
    y = e.add(e.mul(y, fullNode(0.9)), fullNode(i / 100));
    expected = expected.map((value) => value * 0.9 + i / 100);
  }
  const [values] = await evaluate([y]);
  assertClose(values, expected, 'chain');
});

test('what is broadcast along rows is read once a thread where all of its turns meet the same, and is right wherever it is read', async () => {
  // Rows that a thread's turns repeat; that they do not; longer than all of a workgroup's; of the other axis; one value.
  const cases: readonly (readonly [Shape, Shape, boolean])[] = [
    [[4096, 16], [16], true],
    [[4099, 24], [24], false],
    [[130, 512], [512], false],
    [[512, 4, 32], [4, 32], true],
    [[512, 4, 32], [4, 1], false],
    [[17, 128, 16], [17, 1, 16], false],
    [[4096, 16], [1], false],
  ];
  for (const [shape, row, once] of cases) {
    const [x, by, to] = [draw(shape), draw(row), draw(row)];
    const [values, factors, terms] = [x, by, to].map(nodeOf);
    const y = e.add(e.mul(values, factors), terms);
    const all = shape.map((_, d) => d).slice(0, -1);
    const sums = sum(y, all);
    const what = `${shape.join('x')} by ${row.join('x')}`;
    const keptBy = (node: Node): boolean => /kept0 = /.test(plan(node).kernels[0].source);
    assert.is(keptBy(y), once, what);
    assert.is(keptBy(sums), row.length === 1 && row[0] > 1, `${what}, sums`);
    const padded = [...shape.map(() => 1), ...row].slice(-shape.length);
    const expected = Float64Array.from(x.values, (value, i) => {
      let [rest, at, stride] = [i, 0, 1];
      for (let d = shape.length - 1; d >= 0; d--) {
        at += padded[d] === 1 ? 0 : (rest % shape[d]) * stride;
        stride *= padded[d];
        rest = Math.floor(rest / shape[d]);
      }
      return value * by.values[at] + to.values[at];
    });
    const columns = shape[shape.length - 1];
    const totals = new Float64Array(columns);
    expected.forEach((value, i) => {
      totals[i % columns] += value;
    });
    const found = await evaluate([y, sums]);
    assertClose(found[0], expected, what);
    assertClose(found[1], totals, `${what}, sums`);
  }
});

test('planning eight times as many kernels that share dispatches takes about eight times as long', () => {
  const timed = (count: number): number => {
    const x = leaf(3);
    const roots = Array.from({ length: count }, (_, i) => e.mul(x, fullNode(i + 1)));
    const before = process.cpuUsage();
    const labels = kernels(...roots);
    const { user } = process.cpuUsage(before);
    assert.is(labels.length, count / 4);
    return user;
  };
  timed(1500);
  const few = timed(1500);
  const many = timed(12_000);
  assert.ok(many < 24 * few, `1,500: ${few / 1000} ms, 12,000: ${many / 1000} ms`);
});

test.run();
