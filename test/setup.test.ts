import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setupAdvice } from '../src/platform/node/adapterAdvice.ts';
import { LOADER } from './loader.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'];

/** Variables under which the Vulkan loader finds no driver at all. */
const noDrivers = { VK_ICD_FILENAMES: '/nonexistent', VK_DRIVER_FILES: '/nonexistent' };

function node(args: string[], variables: NodeJS.ProcessEnv = {}, cwd = root): SpawnSyncReturns<string> {
  const env = { ...process.env, WGRAD_ADAPTER: '', ...variables };
  return spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8', timeout: 60_000 });
}

const runSetup = (variables?: NodeJS.ProcessEnv, cwd?: string) =>
  node(['scripts/setup.mjs', '--check'], variables, cwd);

/** Unpacks SwiftShader in a child process, where nothing is loaded yet; prints the driver file that it chose. */
const unpackIn = (cache: string, temporary: string) =>
  node(
    [
      ...['--import', LOADER, '--input-type=module', '--eval'],
      `import { loadSwiftShader } from './src/platform/node/swiftShader.ts';
       console.log(loadSwiftShader(), process.env.VK_DRIVER_FILES);`,
    ],
    { XDG_CACHE_HOME: cache, TMPDIR: temporary },
  );

const test = suite<{ folder: string }>('setup');

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'wgrad-setup-'));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

test('--check says which adapter works', () => {
  const { status, stdout } = runSetup();
  assert.match(stdout, /^setup: ok, (hardware|lavapipe|swiftshader|software) adapter ".+"$/m);
  assert.is(status, 0);
});

test('an unknown WGRAD_ADAPTER is refused', () => {
  const { status, stdout } = runSetup({ WGRAD_ADAPTER: 'lavapip' });
  assert.match(stdout, /"lavapip": set it to hardware, lavapipe, swiftshader/);
  assert.is(status, 1);
});

test('the advice names commands', () => {
  const advice = setupAdvice();
  assert.match(advice, /\.$/);
  if (process.platform === 'linux') assert.match(advice, /npm run setup/);
});

const onLinuxX64 = process.platform === 'linux' && process.arch === 'x64' ? test : test.skip;

onLinuxX64('without a Vulkan driver, SwiftShader is found', () => {
  const { status, stdout } = runSetup(noDrivers);
  assert.match(stdout, /^setup: ok, swiftshader adapter "SwiftShader/m);
  assert.match(stdout, /^setup: Mesa's lavapipe would be two to five times faster: /m);
  assert.is(status, 0);
});

onLinuxX64('looking for SwiftShader does not change what others find at the same time', () => {
  const program = `
    import { findAdapter } from './src/platform/node/adapter.ts';
    const found = async (choice) => (await findAdapter(choice)).adapter.info.description;
    const alone = await found('auto');
    const both = await Promise.all([found('swiftshader'), found('auto'), found('swiftshader')]);
    console.log(JSON.stringify([alone, both, process.env.VK_ICD_FILENAMES ?? '']));
  `;
  const { stdout, stderr } = node(['--import', LOADER, '--input-type=module', '--eval', program]);
  assert.match(stdout, /^\[/, stderr);
  const [alone, both, variable] = JSON.parse(stdout);
  assert.match(both[0], /swiftshader/i);
  assert.is(both[1], alone);
  assert.is(both[2], both[0]);
  assert.is(variable, process.env.VK_ICD_FILENAMES ?? '');
});

onLinuxX64('SwiftShader computes, also in a process that has looked for other adapters before', () => {
  const program = `
    import { create } from 'webgpu';
    import { loadSwiftShader, restoreVulkanVariables } from './src/platform/node/swiftShader.ts';
    globalThis.first = create([]);
    console.log('first', await globalThis.first.requestAdapter());
    console.log('loaded', loadSwiftShader());
    globalThis.gpu = create([]);
    const adapter = await globalThis.gpu.requestAdapter();
    restoreVulkanVariables();
    console.log('second', adapter?.info.architecture, process.env.VK_ICD_FILENAMES);

    const device = globalThis.device = await adapter.requestDevice();
    const code = \`@group(0) @binding(0) var<storage, read_write> x: array<f32>;
      @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) { x[id.x] = x[id.x] * 2 + 1; }\`;
    const pipeline = device.createComputePipeline({
      layout: 'auto', compute: { module: device.createShaderModule({ code }) },
    });
    const x = device.createBuffer({ size: 16, usage: 4 | 8 | 128 });
    const out = device.createBuffer({ size: 16, usage: 1 | 8 });
    device.queue.writeBuffer(x, 0, new Float32Array([1, 2, 3, 4]));
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer: x } }],
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(x, 0, out, 0, 16);
    device.queue.submit([encoder.finish()]);
    await out.mapAsync(1);
    console.log('computed', new Float32Array(out.getMappedRange()).join(' '));
  `;
  const { status, stdout, stderr } = node(['--import', LOADER, '--input-type=module', '--eval', program], noDrivers);
  assert.match(stdout, /^first null$/m, stderr);
  assert.match(stdout, /^loaded true$/m);
  assert.match(stdout, /^second swiftshader \/nonexistent$/m);
  assert.match(stdout, /^computed 3 5 7 9$/m);
  assert.is(status, 0, stderr);
});

onLinuxX64('SwiftShader is unpacked once, and mended when a file is missing', ({ folder }) => {
  assert.match(unpackIn(folder, folder).stdout, `true ${folder}`);
  const [name] = readdirSync(join(folder, 'wgrad'));
  const unpacked = join(folder, 'wgrad', name);
  assert.equal(readdirSync(unpacked).sort(), files);

  const { mtimeMs } = statSync(join(unpacked, files[0]));
  unpackIn(folder, folder);
  assert.is(statSync(join(unpacked, files[0])).mtimeMs, mtimeMs);

  unlinkSync(join(unpacked, files[1]));
  assert.match(unpackIn(folder, folder).stdout, 'true');
  assert.equal(readdirSync(unpacked).sort(), files);
  assert.equal(readdirSync(join(folder, 'wgrad')), [name], 'nothing unfinished is left');
});

onLinuxX64('SwiftShader is not loaded from a folder that others may write to', ({ folder }) => {
  const temporary = join(folder, 'tmp');
  for (const place of [join(folder, 'wgrad'), temporary]) mkdirSync(place);
  chmodSync(join(folder, 'wgrad'), 0o777);
  assert.match(unpackIn(folder, temporary).stdout, `true ${temporary}`);
  assert.equal(readdirSync(join(folder, 'wgrad')), []);

  for (const place of readdirSync(temporary)) chmodSync(join(temporary, place), 0o777);
  const { status, stderr } = unpackIn(folder, temporary);
  assert.match(stderr, /can be written by other users. Set XDG_CACHE_HOME/);
  assert.is(status, 1);
});

onLinuxX64('with neither a driver nor SwiftShader, the message names what to run', ({ folder }) => {
  // A project of its own whose node_modules lack @sparticuz/chromium.
  for (const part of [
    'package.json',
    'scripts/setup.mjs',
    'scripts/setup',
    'src/base/errors.ts',
    'src/base/printable.ts',
    'src/platform',
  ]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['webgpu', 'tsx']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  const { status, stdout } = runSetup(noDrivers, folder);
  assert.match(stdout, /^setup: no WebGPU adapter/m);
  assert.match(stdout, /npm i -D @sparticuz\/chromium@\d/);
  if (existsSync('/usr/bin/apt-get')) assert.match(stdout, /apt-get install .*mesa-vulkan-drivers libvulkan1/);
  assert.is(status, 1);
});

test.run();
