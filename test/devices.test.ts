/** Devices: which adapter is opened, what closing frees, and reading back more than a driver copies at once. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DeviceError, defaultDevice, openDevice, tensor } from '../src/index.ts';
import type { Device } from '../src/runtime/device.ts';
import { LOADER } from './loader.ts';

const test = suite('devices');
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Until the collector's finalizers have run. */
async function collectAll(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await sleep(50);
  }
}

async function refused(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return assert.unreachable('it is refused');
}

test('an adapter that does not exist is refused, asked for by option or by variable', async () => {
  const before = process.env.WGRAD_ADAPTER;
  // What callers without types may pass.
  const loose: (options: object) => Promise<unknown> = (options) => Promise.resolve().then(() => openDevice(options));
  for (const [options, message] of [
    [
      { adapter: 'nonsense' },
      "openDevice: there is no adapter 'nonsense'. Use one of auto, hardware, lavapipe, swiftshader, null.",
    ],
    [{ adapter: 'swift-shader' }, /Did you mean 'swiftshader'\?/],
    [{ adapter: null }, /there is no adapter 'null'/],
    [{ adaptor: 'lavapipe' }, /there is no option 'adaptor'. Did you mean 'adapter'\?/],
  ] as const) {
    const error = await refused(() => loose(options));
    assert.instance(error, ArgumentError);
    if (error instanceof Error) assert.match(error.message, message);
  }
  try {
    for (const name of ['bogus', 'LAVAPIPE', 'lavapipe ']) {
      process.env.WGRAD_ADAPTER = name;
      const error = await refused(() => openDevice());
      assert.instance(error, ArgumentError);
      if (error instanceof Error) assert.match(error.message, `WGRAD_ADAPTER: there is no adapter '${name}'.`);
    }
  } finally {
    if (before === undefined) delete process.env.WGRAD_ADAPTER;
    else process.env.WGRAD_ADAPTER = before;
  }
});

test('who wants a graphics card is not told to install a software adapter', async () => {
  const device = await defaultDevice();
  if (!device.info.software) return;
  const error = await refused(() => openDevice({ adapter: 'hardware' }));
  assert.instance(error, DeviceError);
  if (error instanceof Error) {
    assert.match(error.message, /or leave out the adapter and WGRAD_ADAPTER to take what there is\.$/);
    assert.not.match(error.message, /install.*(lavapipe|mesa)/i);
  }
});

/** Opens a device, computes on it if so asked, and closes it. */
async function cycle(use: boolean): Promise<void> {
  const device = await openDevice();
  if (use) {
    const storage = device.allocate(3, 'float32', 'numbers');
    device.write(storage, Float32Array.of(1, 2, 3));
    assert.equal(await device.read(storage, 'float32', 3), Float32Array.of(1, 2, 3));
  }
  device.close();
}

for (const use of [false, true]) {
  const [threads, files] = ['/proc/self/task', '/proc/self/fd'];
  const onLinux = existsSync(threads) ? test : test.skip;
  onLinux(`devices that are ${use ? 'used' : 'opened'} and closed leave no thread and no file behind`, async () => {
    const counts = (): number[] => [threads, files].map((folder) => readdirSync(folder).length);
    for (let i = 0; i < 3; i++) await cycle(use);
    await collectAll();
    const before = counts();
    for (let i = 0; i < 12; i++) await cycle(use);
    await collectAll();
    const after = counts();
    // One device has at least four threads and a file.
    for (const [at, what] of ['threads', 'files'].entries()) {
      assert.ok(after[at] <= before[at] + 4, `${what}: ${before[at]} before 12 devices, ${after[at]} after`);
    }
  });
}

test('a closed device is not kept, and the next open one is the default', async () => {
  const open = async (): Promise<WeakRef<Device>> => {
    const device = await openDevice();
    device.close();
    device.close();
    return new WeakRef(device);
  };
  const kept = await defaultDevice();
  const closed = [await open(), await open(), await open()];
  await collectAll();
  assert.equal(
    closed.map((reference) => reference.deref() === undefined),
    [true, true, true],
  );
  assert.is(await defaultDevice(), kept);
  const second = await openDevice();
  kept.close();
  assert.is(await defaultDevice(), second, 'the oldest open one');
  second.close();
  const third = await defaultDevice();
  assert.not.ok(third.closed);
  assert.equal(Array.from(await tensor([1, 2]).mul(3).data()), [3, 6]);
});

test('what is closed while the default is awaited takes no other device with it', async () => {
  const first = await defaultDevice();
  const second = await openDevice();
  const awaited = defaultDevice();
  first.close();
  assert.is(await awaited, second);
  assert.is(await defaultDevice(), second);
});

test('a tensor larger than one copy is read back in pieces', async () => {
  const device = await openDevice();
  try {
    const values = Int32Array.from({ length: 1003 }, (_, i) => i * 7919);
    const storage = device.allocate(values.length + 64, 'int32', 'numbers');
    device.write(storage, values, 256);
    for (const piece of [4, 256, 1004, 4008, 4012, 5000]) {
      device.pieceBytes = piece;
      const read = await device.read({ ...storage, offset: 256 }, 'int32', values.length);
      assert.equal(read, values, `in pieces of ${piece} bytes`);
    }
    const bytes = device.allocate(13, 'uint8', 'bytes');
    device.write(
      bytes,
      Uint8Array.from({ length: 13 }, (_, i) => 200 + i),
    );
    device.pieceBytes = 8;
    assert.equal(
      Array.from(await device.read(bytes, 'uint8', 13)),
      Array.from({ length: 13 }, (_, i) => 200 + i),
    );
  } finally {
    device.close();
  }
});

/** Runs a program in a process of its own, what it prints without what the driver says. */
function runProgram(program: string, ...flags: string[]): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-devices-'));
  try {
    const file = join(folder, 'program.mjs');
    writeFileSync(file, program);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', LOADER, ...flags, file], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, output: `${stdout}${stderr.replace(/^Warning: .*\n/gm, '')}`.trim() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
const library = JSON.stringify(new URL('../src/index.ts', import.meta.url).href);

test('a Dawn that is missing, damaged, or too new for the system says so', () => {
  for (const [thrown, message] of [
    [
      "new Error('/lib/libc.so.6: version `GLIBC_2.38\\' not found (required by dawn.node)\\nand more')",
      "The package `webgpu` (Dawn) is installed but could not be loaded: /lib/libc.so.6: version `GLIBC_2.38' not found (required by dawn.node). Give",
    ],
    ["Object.assign(new Error('no module'), { code: 'ERR_MODULE_NOT_FOUND' })", 'Run: npm install webgpu'],
    ["'a text'", 'could not be loaded: a text. Give'],
  ]) {
    const resolve = `export const resolve = (name, context, next) => name === 'webgpu'
      ? { url: ${JSON.stringify(`data:text/javascript,${encodeURIComponent(`throw ${thrown}`)}`)}, shortCircuit: true }
      : next(name, context);`;
    const hooks = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(resolve)}`)});`;
    const { output } = runProgram(
      `import { openDevice } from ${library}; await openDevice().catch((error) => console.log(String(error)));`,
      ...['--import', `data:text/javascript,${encodeURIComponent(hooks)}`],
    );
    assert.match(output, message);
    assert.match(output, /^DeviceError: [^\n]*$/);
  }
});

test('a worker that is asked to stop, closes its device and ends leaves the process alive', () => {
  const { status, output } = runProgram(`
    import { Worker, isMainThread, parentPort } from 'node:worker_threads';
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url));
      worker.on('message', () => worker.postMessage('stop'));
      worker.on('exit', (code) => setTimeout(() => console.log('worker ended with', code), 100));
    } else {
      (await import(${tsx})).register();
      const { Callback, Dense, Sequential, openDevice, zeros } = await import(${library});
      const device = await openDevice();
      const model = new Sequential([new Dense(8), new Dense(1)], { inputShape: [5], device }).compile({ loss: 'mse' });
      parentPort.on('message', () => {
        model.stopTraining = true;
      });
      class Tell extends Callback {
        onTrainBegin() {
          parentPort.postMessage('training');
        }
      }
      await model.fit(zeros([64, 5]), zeros([64, 1]), { epochs: 100_000, batchSize: 4, verbose: 0, callbacks: [new Tell()] });
      device.close();
      parentPort.close();
    }`);
  assert.is(output, 'worker ended with 0');
  assert.is(status, 0);
});

test('a device that is closed in the middle of work may be collected before its answers have come', () => {
  const { status, output } = runProgram(`
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    const { openDevice } = await import(${library});
    for (let i = 0; i < 6; i++) {
      await (async () => {
        const device = await openDevice();
        void device.gpu.queue.onSubmittedWorkDone().catch(() => {});
        const module = device.gpu.createShaderModule({ code: '@compute @workgroup_size(1) fn main() {}' });
        void device.gpu.createComputePipelineAsync({ layout: 'auto', compute: { module } }).catch(() => {});
        device.close();
      })();
      collect();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log('survived');`);
  assert.is(output, 'survived');
  assert.is(status, 0);
});

test.run();
