/**
 * How many lanes lavapipe takes, and devices without checks. This process has lavapipe take 16, as no other file's does, and checks
 * no index: the kernels that are written for lanes are computed so here.
 */

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DeviceError, StateError } from '../src/base/errors.ts';
import { openDevice, SGD, tensor, variable } from '../src/index.ts';
import { createNode, type Node, type Op } from '../src/ir/op.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { add, relu } from '../src/ops/elementwise.ts';
import { ops } from '../src/ops/index.ts';
import { matmul } from '../src/ops/matmul.ts';
import { maxPool2d } from '../src/ops/pool2d.ts';
import type { Device } from '../src/runtime/device.ts';
import { Plan } from '../src/runtime/plan.ts';
import * as o from './reference.ts';
import { assertClose, compare, draw, evaluate, nodeOf, oracleOf } from './support.ts';

const test = suite('lanes and checks');

/** What callers without types may pass. */
const open: (options: object) => Promise<Device> = (options) => Promise.resolve().then(() => openDevice(options));

async function refused(options: object): Promise<Error> {
  const opened = await open(options).catch((error: unknown) => error);
  if (opened instanceof Error) return opened;
  throw new Error(`${JSON.stringify(options)} is not refused.`);
}

test('what is no number of lanes and no word for checks is refused', async () => {
  for (const [options, message] of [
    [{ lanes: 12 }, 'openDevice: lanes is 12. Use 8 or 16, or leave it out.'],
    [{ lanes: '16' }, "openDevice: lanes is the string '16'. Use 8 or 16, or leave it out."],
    [{ checks: false }, 'openDevice: checks is false. Use on or off, or leave it out.'],
    [{ check: 'off' }, /there is no option 'check'\. Did you mean 'checks'\?/],
  ] as const) {
    const error = await refused(options);
    assert.instance(error, ArgumentError);
    assert.match(error.message, message);
  }
  for (const [name, value, message] of [
    ['WGRAD_LANES', 'all', "WGRAD_LANES is 'all'. Use 8 or 16, or leave it out."],
    ['WGRAD_CHECKS', 'none', "WGRAD_CHECKS is 'none'. Use on or off, or leave it out."],
  ]) {
    const before = process.env[name];
    process.env[name] = value;
    const error = await refused({});
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
    assert.instance(error, ArgumentError);
    assert.is(error.message, message);
  }
});

// The texts for 16 lanes are long, and most run once.
process.env.GALLIVM_PERF ??= 'nopt';
test('an operation of the library goes by the name that it is known by', () => {
  assert.equal(
    Object.values(ops).map(({ name }) => name),
    Object.keys(ops),
  );
});

const isWide = process.platform === 'linux' && /\bavx512f\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
const opened = await openDevice({ adapter: 'lavapipe', lanes: 16, checks: 'off', trustKernels: false }).catch(
  (error: unknown) => {
    if (error instanceof DeviceError) return error;
    throw error;
  },
);
if (opened instanceof DeviceError) withoutLanes(opened);
else withLanes(opened);

function withoutLanes(error: DeviceError): void {
  test('16 lanes are refused in a sentence where they are not to be had', () => {
    assert.match(error.message, isWide ? /lavapipe|LP_NATIVE_VECTOR_WIDTH is/ : /this CPU has no AVX-512\.|lavapipe/);
  });
}

/** The device is the first that is open: all that follows computes on it. */
function withLanes(device: Device): void {
  test('lavapipe takes the lanes that are asked for, one number for the process', async () => {
    assert.is(device.info.subgroupSize, 16);
    const other = await refused({ adapter: 'lavapipe', lanes: 8 });
    assert.instance(other, DeviceError);
    assert.match(
      other.message,
      'Asked for 8 lanes, but LP_NATIVE_VECTOR_WIDTH is 512, which is 16 lanes: it was set before',
    );
    const elsewhere = await refused({ adapter: 'null', lanes: 16 });
    assert.instance(elsewhere, DeviceError);
    assert.match(elsewhere.message, /asked for 16 lanes, which '.*' does not have\. They are a setting of lavapipe/);
    const later = await openDevice({ adapter: 'lavapipe' });
    assert.is(later.info.subgroupSize, 16);
    later.close();
  });

  // Primes, blocks with an end, and vec4f loads in blocks; m needs more than one subgroup.
  const PRODUCTS: readonly (readonly [m: number, k: number, n: number])[] = [
    [37, 7, 19],
    [68, 20, 36],
  ];
  for (const tile of ['1x1', '2x1', '2x2', '4x1']) {
    test(`products by subgroupTile ${tile}`, async () => {
      const { target } = device;
      device.choose(new Map([['matmul', `subgroupTile ${tile}`]]));
      try {
        for (const [m, k, n] of PRODUCTS) {
          const [a, b] = [draw([m, k]), draw([k, n])];
          const [value] = await evaluate([matmul(nodeOf(a), nodeOf(b))]);
          assertClose(value, o.matmul(oracleOf(a), oracleOf(b)).data, `${m} ${k} ${n}`);
        }
      } finally {
        device.target = target;
      }
    });
  }

  // Channels of which a lane owns two, and four; with an end of its own each.
  for (const channels of [28, 68]) {
    test(`a convolution of ${channels} channels that is pooled, and its gradients`, () =>
      compare({
        inputs: [draw([2, 6, 4, 3]), draw([3, 3, 3, channels]), draw([channels])],
        wrt: [1, 2],
        gpu: (x, kernel, bias) => maxPool2d(relu(add(conv2d(x, kernel, { padding: 'same' }), bias)), { poolSize: 2 }),
        oracle: (x, kernel, bias) =>
          o.maxPool2d(o.relu(o.add(o.conv2d(x, kernel, { padding: 'same' }), bias)), { poolSize: 2 }),
      }));
  }

  test('an update by single floats, several of a thread', async () => {
    const start = Float32Array.from({ length: 40_003 }, (_, at) => at % 1000);
    const weights = variable(tensor(start));
    await new SGD({ learningRate: 0.5 }).apply([tensor(start.map((value) => value * 2))], [weights]);
    assert.equal(
      [...(await weights.data())],
      Array.from(start, () => 0),
    );
  });

  test('a device without checks runs its own operations only, unless kernels are trusted', async () => {
    const node = foreign(nodeOf(draw([5])));
    const error = await Plan.compile(device, [node]).catch((reason: unknown) => reason);
    assert.instance(error, StateError);
    if (error instanceof Error) {
      assert.match(
        error.message,
        /^The operation 'test\/double' is not one of the library's, and this device checks no index/,
      );
      assert.match(error.message, /give openDevice trustKernels: true as well\.$/);
    }
    // Also where its text is fused into a kernel of the library's.
    const fused = await Plan.compile(device, [relu(node)]).catch((reason: unknown) => reason);
    assert.instance(fused, StateError);
    for (const options of [{ checks: 'off', trustKernels: true }, { checks: 'on' }] as const) {
      const other = await openDevice({ adapter: 'lavapipe', ...options });
      (await Plan.compile(other, [node])).dispose();
      other.close();
    }
  });
}

/** Twice its input, by an operation that is not the library's. */
function foreign(x: Node): Node {
  const op: Op<null> = {
    name: 'test/double',
    infer: ([{ shape }]) => ({ shape, dtype: 'float32' }),
    gradient: () => 'none',
    lowering: { kind: 'pointwise', expression: (_, [value]) => `${value} * 2.0` },
  };
  return createNode(op, [x], null);
}

test.run();
