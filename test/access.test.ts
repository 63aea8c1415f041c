/** Kernels that note their accesses: what is found in a text, where threads went, and what lies outside of an array. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EveryPlan } from '../bench/access/everyPlan.ts';
import { ratioOf, requestsOf } from '../bench/access/lines.ts';
import {
  boundsProbe,
  lineProbe,
  type Probe,
  type ScheduledKernel,
  samplesOf,
  type Traced,
} from '../bench/access/probe.ts';
import { accessesOf } from '../bench/access/wgslAccesses.ts';
import { Plan, storedNode } from '../src/graph.ts';
import { defaultDevice } from '../src/index.ts';

const test = suite('accesses');
const device = await defaultDevice();
device.target = { ...device.target, maxStorageBuffers: device.target.maxStorageBuffers - 1 };

const THREADS = 64;
const LENGTH = 4096;

/** Runs a kernel over two arrays of 4096 words, `x` and `y`, the latter of `element`s, and gives what it notes. */
async function noted<T>(
  probe: Probe<T>,
  body: string,
  groups = 1,
  declarations = '',
  element: 'u32' | 'f32' = 'u32',
): Promise<T> {
  const [x, y] = ['x', 'y'].map((name) => storedNode(device.allocate(LENGTH, 'int32', name), [LENGTH], 'int32'));
  const kernel: ScheduledKernel = {
    label: 'by hand',
    source: `@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<${element}>;
${declarations}
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) all_local_invocation_index: u32) {
  let thread = all_local_invocation_index;
  ${body}
}`,
    bindings: [
      { operand: x, access: 'read' },
      { operand: y, access: 'read_write' },
    ],
    uniforms: new Uint32Array(),
    usesStep: false,
    threads: THREADS,
    grid: [groups, 1, 1],
    parts: [],
  };
  const placement = { places: new Map(), slots: [], bytes: 0, aliveBytes: 0 };
  const plans = new EveryPlan(probe);
  try {
    const schedule = { kernels: [kernel], placement, leaves: [], roots: new Map(), tunable: [] };
    const plan = await Plan.of(device, schedule);
    plan.run();
    for await (const one of plans.read()) {
      plan.dispose();
      return one;
    }
    throw new Error('no kernel was probed');
  } finally {
    plans.stop();
  }
}

test('every access of a text is found, with its array, and what is done with it', () => {
  const { sites, bodies } = accessesOf(`
alias V = vec4f;
alias Sum = array<V, 3>;
@group(0) @binding(1) var<storage, read> x: array<V>; // x[9] in a comment
@group(0) @binding(2) var<storage, read_write> flags: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> w: array<vec4f, 8>;
var<workgroup> strip: array<f32, 4u * WIDTH>;
var<workgroup> nested: array<array<V, 5>, 3>;
fn add(sum: ptr<function, Sum>, at: u32, flat: array<f32, 5>) { (*sum)[at] += x[at + u32(flat[at])]; }
fn hidden(x: vec4f, i: u32) -> f32 { return x[i]; }
@compute @workgroup_size(64) fn main() {
  var own: array<f32, 7>;
  for (var i = 0u; i < 4u; i++) { strip[i * 2u] = w[i].x; own[i]++; }
  atomicMax(&flags[i], step.rates[2]);
  if (own[0] == x[strip[1]][2]) { x[i].y = 1.0; }
  nested[i][own[1]] = nested[2][i + 1][3];
}`);
  assert.is(bodies.length, 4);
  assert.equal(
    sites.map(({ array, space, bytes, access, index, length, checked, body }) =>
      [array, space, bytes, access, index, length, checked, body].join(' '),
    ),
    [
      'sum function 0 update at u32(3) false 0',
      'x storage 16 read at + u32(flat[at]) arrayLength(&x) false 0',
      'flat function 0 read at u32(5) false 0',
      'x vector 0 read i 4u false 1',
      'strip workgroup 0 write i * 2u u32(4u * WIDTH) false 3',
      'w uniform 16 read i u32(8) false 3',
      'own function 0 update i u32(7) false 3',
      'flags storage 4 atomic i arrayLength(&flags) false 2',
      'rates vector 0 read 2 4u true 2',
      'own function 0 read 0 u32(7) true 2',
      'x storage 16 read strip[1] arrayLength(&x) false 2',
      'strip workgroup 0 read 1 u32(4u * WIDTH) true 2',
      '[…] vector 0 read 2 4u true 2',
      'x storage 16 write i arrayLength(&x) false 2',
      'nested workgroup 0 write i u32(3) false 2',
      'nested workgroup 0 write own[1] u32(5) false 2',
      'own function 0 read 1 u32(7) true 2',
      'nested workgroup 0 read 2 u32(3) true 2',
      'nested workgroup 0 read i + 1 u32(5) false 2',
      '[…] vector 0 read 3 4u true 2',
    ],
  );
});

test('workgroups that are looked at stand for all', () => {
  for (const groups of [1, 2, 5, 6, 7, 100, 65_536]) {
    const samples = samplesOf([groups]);
    const places = samples.map(({ group }) => group);
    assert.equal(
      places,
      [...new Set(places)].sort((a, b) => a - b),
      `${groups}`,
    );
    assert.is(places[0], 0);
    assert.is(places.at(-1), groups - 1);
    assert.is(Math.round(samples.reduce((sum, { weight }) => sum + weight, 0)), groups, `${groups}`);
  }
  assert.equal(
    samplesOf([2, 3]).map(({ group }) => group),
    [0, 1, 2, 3, 4],
  );
});

test('lines of neighbours, of a stride of 33 words, and of one word for all', async () => {
  const traced = await noted(
    lineProbe(),
    'y[thread] = x[thread * 33u] + x[7u + 0u * thread] + x[16u + thread];\n  y[64u + thread] = 1u;',
    8,
  );
  const told = traced.map((one) => {
    const { executions, lines, needed } = requestsOf(one);
    return [one.site.index, executions, lines, needed, ratioOf(requestsOf(one))].join(' ');
  });
  assert.equal(told, [
    // Eight workgroups of two times 32 threads.
    'thread 16 16 16 1',
    'thread * 33u 16 512 16 32',
    '7u + 0u * thread 16 16 16 1',
    // Across the border of a line.
    '16u + thread 16 32 16 2',
    '64u + thread 16 16 16 1',
  ]);
});

test('where floats are not written the same indices are noted, those that words decide on among them', async () => {
  const body = `strip[thread].x = f32(x[thread * 3u]);
  words[thread] = 2u * thread + x[thread];
  workgroupBarrier();
  y[words[63u - thread]] = strip[63u - thread].x + f32(x[1u]);
  for (var i = 0u; i < 2u; i++) { y[64u + thread] = f32(i); }`;
  const declarations = 'var<workgroup> strip: array<vec4f, 64>;\nvar<workgroup> words: array<u32, 64>;';
  let source = '';
  const told = async (whole: boolean) => {
    const probe: Probe<readonly Traced[]> = (kernel) => {
      const probed = lineProbe(whole)(kernel);
      source = probed.source;
      return probed;
    };
    return (await noted(probe, body, 1, declarations, 'f32')).map((one) => [one.site.index, one.visits]);
  };
  const whole = await told(true);
  assert.match(source, 'strip[thread].x =');
  assert.is(whole.length, 5);
  assert.equal(await told(false), whole);
  assert.match(source, 'words[thread] =');
  assert.not.match(source, /strip\[thread\]|y\[/);
});

test('threads that leave an access out stay in step with the others, and long loops are counted to their end', async () => {
  const traced = await noted(
    lineProbe(),
    `for (var k = 0u; k < 100u; k++) {
      y[thread] += pick(k, thread);
    }`,
    1,
    'fn pick(k: u32, thread: u32) -> u32 { if (k == thread % 3u) { return 0u; } return x[k * 32u + thread % 32u]; }',
  );
  const read = traced.find(({ site }) => site.array === 'x');
  assert.ok(read);
  const rows = read.visits[0].executions.filter((row) => row.some((index) => index > 0));
  assert.is(rows.length, 64);
  const { executions, lines, needed } = requestsOf(read);
  assert.is(ratioOf({ executions, lines, needed }), 1);
  // Three of the hundred are taken by two of three threads; only the first 64 are noted.
  assert.ok(Math.abs(executions - 200) < 5, `${executions}`);
});

test('an index that is one too large, or negative, is outside, and one that is just inside is not', async () => {
  const outside = await noted(
    boundsProbe,
    `let last = arrayLength(&x) - 1u;
  var own = array<u32, 5>();
  let minus = i32(thread) - 1;
  y[thread] = x[last] + x[last + thread / 63u] + x[minus] + own[thread % 5u] + own[thread % 6u];
  y[last + 1u] = 1u;
  y[i32(thread)] += vec4u(1u)[thread % 4u];`,
  );
  assert.equal(
    outside.map(({ site, index, length }) => [site.access, site.index, index | 0, length].join(' ')),
    [
      `read last + thread / 63u ${LENGTH} ${LENGTH}`,
      `read minus -1 ${LENGTH}`,
      'read thread % 6u 5 u32(5)',
      `write last + 1u ${LENGTH} ${LENGTH}`,
    ],
  );
});

test.run();
