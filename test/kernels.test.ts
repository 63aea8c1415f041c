/**
 * Kernels of one's own: what the built-in values are, alone and in a dispatch that several kernels share, and what is said of a
 * template that is not understood.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sizeOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import { KernelError, Tensor } from '../src/index.ts';
import { topologicalOrder } from '../src/ir/walk.ts';
import { type Builtin, createNode, type Grid, type KernelTemplate, type Node, type Op } from '../src/op.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { relu } from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { dataNode } from '../src/ops/leaf.ts';
import { matmul } from '../src/ops/matmul.ts';
import { avgPool2d, maxPool2d } from '../src/ops/pool2d.ts';
import { sum } from '../src/ops/reduce.ts';
import { reshape } from '../src/ops/reshape.ts';
import { cpuTarget, gpuTarget } from '../src/ops/targets.ts';
import { specialise } from '../src/wgsl/template.ts';
import { evaluate } from './support.ts';

const test = suite('kernels of one’s own');

const TARGET = cpuTarget();
const labels = (...roots: Node[]): string[] => schedule(roots, TARGET, passesFor).kernels.map(({ label }) => label);

/** A kernel as an operation of one result. */
function nodeOf(
  template: KernelTemplate,
  shape: readonly number[],
  dtype: 'int32' | 'float32',
  ...inputs: Node[]
): Node {
  const op: Op<{ key: string }> = {
    name: `test/${template.label}`,
    infer: () => ({ shape, dtype }),
    gradient: () => 'none',
    lowering: { kind: 'kernel', kernels: () => [template] },
  };
  return createNode(op, inputs, { key: JSON.stringify({ ...template, reads: [] }) });
}

/** What a kernel is run over: positions, by workgroups of a shape. */
interface Extents {
  readonly name: string;
  readonly workgroup: number | Grid;
  /** Positions along x, y, z. */
  readonly extents: Grid;
  readonly number?: boolean;
}

/** Odd sizes: the last workgroups reach past the end. */
const CASES: readonly Extents[] = [
  { name: 'a number of workgroups', workgroup: 64, extents: [201, 1, 1], number: true },
  { name: 'a number of workgroups of 7', workgroup: 7, extents: [45, 1, 1], number: true },
  { name: 'a grid along x', workgroup: 64, extents: [131, 1, 1] },
  { name: 'a grid along x and y', workgroup: 64, extents: [131, 5, 1] },
  { name: 'a grid in three dimensions', workgroup: 64, extents: [65, 3, 5] },
  { name: 'a number of workgroups of 8 by 8', workgroup: [8, 8, 1], extents: [29, 7, 1], number: true },
  { name: 'workgroups of 8 by 8, a grid along x and y', workgroup: [8, 8, 1], extents: [27, 19, 1] },
  { name: 'workgroups of 8 by 8, a grid in three dimensions', workgroup: [8, 8, 1], extents: [11, 9, 3] },
  { name: 'workgroups of 4 by 2 by 3', workgroup: [4, 2, 3], extents: [13, 5, 7] },
];

const shapeOf = (workgroup: number | Grid): Grid => (typeof workgroup === 'number' ? [workgroup, 1, 1] : workgroup);
const groupsOf = ({ workgroup, extents }: Extents): Grid => {
  const [a, b, c] = shapeOf(workgroup);
  return [Math.ceil(extents[0] / a), Math.ceil(extents[1] / b), Math.ceil(extents[2] / c)];
};
const gridOf = (over: Extents): Grid | number => (over.number === true ? groupsOf(over)[0] : groupsOf(over));

const VECTORS = ['global_invocation_id', 'local_invocation_id', 'workgroup_id', 'num_workgroups'] as const;
const NUMBERS = ['global_invocation_index', 'local_invocation_index', 'workgroup_index'] as const;
const WORDS = 3 * VECTORS.length + NUMBERS.length;

/** Writes every built-in value of every position. */
function everyValue(over: Extents): Node {
  const [ex, ey, ez] = over.extents;
  const words = [...VECTORS.flatMap((name) => [`${name}.x`, `${name}.y`, `${name}.z`]), ...NUMBERS];
  const template: KernelTemplate = {
    label: 'everyValue',
    source: `
      fn past(id: vec3u) -> bool { return id.x >= params.ex || id.y >= params.ey || id.z >= params.ez; }
      @main
      if (past(global_invocation_id)) { return; }
      let at = ((global_invocation_id.z * params.ey + global_invocation_id.y) * params.ex + global_invocation_id.x) * ${WORDS}u;
      ${words.map((word, i) => `store(at + ${i}u, i32(${word}));`).join('\n')}
      @end`,
    workgroup: over.workgroup,
    builtins: [...VECTORS, ...NUMBERS],
    uniforms: { ex, ey, ez },
    grid: gridOf(over),
  };
  return nodeOf(template, [ez, ey, ex, WORDS], 'int32');
}

/** The same by loops. */
function everyValueByLoops(over: Extents): number[] {
  const [ex, ey, ez] = over.extents;
  const size = shapeOf(over.workgroup);
  const groups = groupsOf(over);
  const values: number[] = [];
  for (let z = 0; z < ez; z++) {
    for (let y = 0; y < ey; y++) {
      for (let x = 0; x < ex; x++) {
        const id = [x, y, z];
        const local = id.map((place, d) => place % size[d]);
        const group = id.map((place, d) => Math.floor(place / size[d]));
        const linear = (place: readonly number[], extents: readonly number[]): number =>
          (place[2] * extents[1] + place[1]) * extents[0] + place[0];
        const all = groups.map((count, d) => count * size[d]);
        values.push(...id, ...local, ...group, ...groups, linear(id, all), linear(local, size), linear(group, groups));
      }
    }
  }
  return values;
}

/** Twice its input, by one built-in value alone. */
function twice(over: Extents, builtin: Builtin, x: Node): Node {
  const [ex, ey] = over.extents;
  const at =
    builtin === 'global_invocation_id' ? `(${builtin}.z * ${ey}u + ${builtin}.y) * ${ex}u + ${builtin}.x` : builtin;
  const inside =
    builtin === 'global_invocation_id'
      ? `all(${builtin} < vec3u(${over.extents}))`
      : `${builtin} < ${sizeOf(x.shape)}u`;
  const template: KernelTemplate = {
    label: 'twice',
    source: `
      /* fn max(){ of a comment */ const factor = 2.0; // const min
      alias Number = f32;
      fn doubling(x: Number) -> Number { return factor * max(x, -1e9); }
      @main
      let place = ${at};
      if (${inside}) { store(place, doubling(x[place])); }
      @end`,
    workgroup: over.workgroup,
    builtins: [builtin],
    reads: [{ name: 'x', operand: x, element: 'f32' }],
    grid: gridOf(over),
  };
  return nodeOf(template, x.shape, 'float32', x);
}

const leaf = (...shape: number[]): Node =>
  dataNode(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => i / 8 - 3),
    shape,
  );

for (const over of CASES) {
  test(`${over.name}: every built-in value, alone and in a shared dispatch`, async () => {
    const expected = everyValueByLoops(over);
    const alone = everyValue(over);
    assert.equal(labels(alone), ['everyValue']);
    const [values] = await evaluate([alone]);
    assert.equal([...values], expected);

    // One before it and one behind it, each with an input of its own.
    const x = leaf(...[...over.extents].reverse());
    const y = leaf(...[...over.extents].reverse(), 1);
    const neighbours = [twice(over, 'global_invocation_id', x), twice(over, 'global_invocation_id', y)];
    const between = [neighbours[0], everyValue(over), neighbours[1]];
    assert.equal(labels(...between), ['twice | everyValue | twice']);
    const [first, middle, last] = await evaluate(between);
    assert.equal([...middle], expected);
    const doubled = [...(await new Tensor(x).data())].map((value) => 2 * value);
    assert.equal([...first], doubled);
    assert.equal([...last], doubled);
    assert.equal([...(await evaluate([neighbours[0]]))[0]], doubled);
  });
}

test('a kernel that says nothing gets the index among all invocations, 64 a workgroup', async () => {
  const source =
    '@main\nif (global_invocation_index < 131u) { store(global_invocation_index, i32(global_invocation_index) * 3); }\n@end';
  const node = (grid: Grid | number): Node => nodeOf({ label: 'index', source, grid }, [131], 'int32');
  const expected = Array.from({ length: 131 }, (_, i) => 3 * i);
  for (const [values] of [await evaluate([node(3)]), await evaluate([node([1, 3, 1])])]) {
    assert.equal([...values], expected);
  }
});

test('kernels whose workgroups differ in shape do not share a dispatch', async () => {
  const x = leaf(5, 9);
  const flat = { name: '', workgroup: 64, extents: [45, 1, 1] } as const;
  const square = { name: '', workgroup: [8, 8, 1], extents: [9, 5, 1] } as const;
  const nodes = [twice(flat, 'global_invocation_index', x), twice(square, 'global_invocation_id', x)];
  assert.equal(labels(...nodes), ['twice', 'twice']);
  // [64, 1, 1] is the shape of 64.
  const same = twice({ ...flat, workgroup: [64, 1, 1] }, 'global_invocation_index', leaf(45));
  assert.equal(labels(nodes[0], same), ['twice | twice']);
  const [a, b] = await evaluate(nodes);
  assert.equal([...a], [...b]);
});

/** Reverses each 64 of its input through workgroup memory, or adds one behind a barrier. */
function behindBarrier(x: Node, memory: boolean): Node {
  const n = sizeOf(x.shape);
  const template: KernelTemplate = {
    label: memory ? 'reversed' : 'waited',
    source: `
      ${memory ? 'var<workgroup> strip: array<f32, 64>;' : ''}
      @main
      let place = workgroup_id.x * 64u + local_invocation_index;
      ${memory ? 'strip[local_invocation_index] = x[min(place, params.n - 1u)];' : ''}
      for (var turn = 0u; turn < workgroup_id.x + 1u; turn++) { workgroupBarrier(); }
      if (place < params.n) { store(place, ${memory ? 'strip[63u - local_invocation_index]' : 'x[place] + 1.0'}); }
      @end`,
    builtins: ['workgroup_id', 'local_invocation_index'],
    reads: [{ name: 'x', operand: x, element: 'f32' }],
    uniforms: { n },
    grid: Math.ceil(n / 64),
  };
  return nodeOf(template, x.shape, 'float32', x);
}

test('barriers may stand in a shared dispatch; workgroup memory keeps a kernel alone', async () => {
  const x = leaf(128);
  const nodes = [behindBarrier(x, false), behindBarrier(leaf(128), true), behindBarrier(relu(leaf(128)), false)];
  assert.equal(labels(nodes[0], nodes[1], behindBarrier(leaf(2, 64), false)), ['waited | waited', 'reversed']);
  const [waited, reversed] = await evaluate(nodes);
  const values = [...(await new Tensor(x).data())];
  assert.equal(
    [...waited],
    values.map((value) => value + 1),
  );
  assert.equal(
    [...reversed],
    values.map((_, i) => values[i - (i % 64) + 63 - (i % 64)]),
  );
});

// What is said of a template

const FAULTS: readonly { readonly lines: string; readonly holes?: KernelTemplate['holes']; readonly says: RegExp }[] = [
  { lines: `store(\${A-1}u, 0.0);`, holes: { A: 3 }, says: /'\$\{A-1\}' is not understood.*\+ \* \/ %/ },
  { lines: `store(\${(A}u, 0.0);`, holes: { A: 3 }, says: /not understood/ },
  { lines: `store(\${A B}u, 0.0);`, holes: { A: 3, B: 1 }, says: /not understood/ },
  { lines: `store(\${}u, 0.0);`, says: /'\$\{\}' is not understood/ },
  { lines: `store(\${A/0}u, 0.0);`, holes: { A: 3 }, says: /not understood/ },
  {
    lines: `store(\${A}u, 0.0);`,
    holes: { A: 'three' },
    says: /'\$\{A\}' counts with 'A', which is "three"\. Give a whole number/,
  },
  { lines: `store(\${A}u, 0.0);`, holes: { A: 1.5 }, says: /'\$\{A\}' counts with 'A', which is 1\.5/ },
  { lines: 'store({{A}}u, 0.0);', says: /'\{\{A\}\}' names 'A', which `holes` does not have\. Add it/ },
  {
    lines: 'store({{A-B}}u, 0.0);',
    holes: { A: 1, B: 2 },
    says: /'\{\{A-B\}\}' is not understood\. Write the name of a hole/,
  },
  { lines: 'store({{constructor}}u, 0.0);', says: /'\{\{constructor\}\}' names 'constructor'/ },
  { lines: '@if WIDE\nstore(0u, 0.0);\n@end', says: /'@if WIDE' names 'WIDE'/ },
  { lines: '@if A\n@if !WIDE\nstore(0u, 0.0);\n@end\n@end', holes: { A: false }, says: /'@if !WIDE' names 'WIDE'/ },
  {
    lines: '@if A > B\nstore(0u, 0.0);\n@end',
    holes: { A: 1, B: 2 },
    says: /'@if A > B' is not understood.*@if A < B/,
  },
  { lines: `@for i in 0..COUNT\nstore(\${i}u, 0.0);\n@end`, says: /'@for i in 0\.\.COUNT' names 'COUNT'/ },
  { lines: `@for i in 1..4\nstore(\${i}u, 0.0);\n@end`, says: /'@for i in 1\.\.4' is not understood/ },
  { lines: 'store(0u, 0.0);', holes: { A: 1 }, says: /never names 'A'.*Take it out/ },
  { lines: '@if A\nstore(0u, 0.0);', holes: { A: true }, says: /A block has no end/ },
  { lines: '@end\n@end\nstore(0u, 0.0);', says: /An @end stands outside/ },
];

const failing = async (source: string, holes?: KernelTemplate['holes']): Promise<KernelError> => {
  const node = nodeOf({ label: 'crooked', source, grid: 1, ...(holes && { holes }) }, [1], 'float32');
  try {
    await new Tensor(node).data();
  } catch (error) {
    assert.instance(error, KernelError);
    if (error instanceof KernelError) return error;
  }
  throw new Error(`it ran: ${source}`);
};

test('a placeholder that is not understood is an error that names the kernel and the place', async () => {
  for (const { lines, holes, says } of FAULTS) {
    const { message, source } = await failing(`@main\n${lines}\n@end`, holes);
    assert.match(message, /^Kernel 'crooked': /);
    assert.match(message, says);
    assert.ok(source.includes(lines));
  }
  assert.match((await failing('@else\n@main\nstore(0u, 0.0);\n@end')).message, /An @else stands outside/);
});

test('a kernel with an entry point of its own is told what to write instead', async () => {
  const { message } = await failing(
    '@compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) id: vec3u) { store(id.x, 0.0); }',
  );
  assert.match(message, /^Kernel 'crooked': /);
  for (const line of ['  @main\n', '  @end\n', "workgroup: 64, builtins: ['global_invocation_id']"]) {
    assert.ok(message.includes(line), message);
  }
});

test('arithmetic of placeholders, choices and loops', async () => {
  const source = `
    @main
    @for i in 0..COUNT
    @if \${i} < 2
    store(\${i}u, {{VALUE}});
    @else
    store(\${i}u, f32(\${2*(i+COUNT)/3%4}));
    @end
    @end
    @end`;
  const template: KernelTemplate = {
    label: 'unrolled',
    source,
    workgroup: 1,
    grid: 1,
    holes: { COUNT: 5, VALUE: '7.5' },
  };
  const [values] = await evaluate([nodeOf(template, [5], 'float32')]);
  assert.equal([...values], [7.5, 7.5, ...[2, 3, 4].map((i) => Math.floor((2 * (i + 5)) / 3) % 4)]);
});

test('the library’s own texts name all of their holes, in every way to compute a product, a convolution, a pooling', () => {
  const roots = [3, 4].flatMap((channels) => {
    const [x, kernel] = [leaf(2, 8, 8, channels), leaf(3, 3, channels, 2 * channels)];
    const y = conv2d(x, kernel, { padding: 'same' });
    const pooled = maxPool2d(relu(y), { poolSize: 2 });
    const overlapping = avgPool2d(maxPool2d(y, { poolSize: 3, strides: 2 }), { poolSize: 2 });
    const product = matmul(reshape(y, [-1, 2 * channels]), leaf(2 * channels, 5 + channels));
    return [pooled, overlapping, product].flatMap((root) => [root, ...gradients(sum(root), [x, kernel])]);
  });
  let texts = 0;
  for (const targetOf of [cpuTarget, gpuTarget]) {
    for (const [min, max] of [[], [4, 4], [8, 8], [16, 16], [32, 32], [8, 64]]) {
      const subgroups = min === undefined ? null : { min, max };
      const target = targetOf({ subgroups });
      for (const node of topologicalOrder(roots)) {
        const { lowering } = node.op;
        if (lowering.kind !== 'kernel') continue;
        const ways = lowering.variants?.offered(node, target).map((way) => way.kernels());
        for (const { label, source, holes = {} } of (ways ?? [lowering.kernels(node, target)]).flat()) {
          specialise(label, source, holes);
          texts++;
        }
      }
      schedule(roots, target, passesFor);
    }
  }
  assert.ok(texts > 100, `${texts}`);
});

test.run();
