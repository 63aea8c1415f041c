/**
 * The package as npm packs it, in a project of its own: it runs in Node, type-checks where the declarations of libraries are
 * checked too, and bundles for browsers without a setting. Nothing of Node is in such a bundle, and it stays small.
 */

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { build, createLogger } from 'vite';
import { sizeOf, sizes } from '../scripts/size.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Most bytes that these programs of scripts/size.ts load at their start, gzipped: a little above what they do, so that growth is
 * a decision.
 */
const TENSORS_BUDGET = 45.3 * 1024;
const CORE_BUDGET = 87.3 * 1024;

const project = mkdtempSync(join(tmpdir(), 'wgrad-package-'));
const installed = join(project, 'node_modules/wgrad');

/** Runs a program; what it printed. */
function run(cwd: string, file: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(file, args, { cwd, encoding: 'utf8', timeout: 120_000 });
  assert.is(status, 0, `${file} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** The README's quick start, as a user writes it. */
function quickStart(): string {
  const [, code] = /^## Quick start$.*?^```ts\n(.*?)^```$/ms.exec(readFileSync(`${root}README.md`, 'utf8')) ?? [];
  assert.ok(code !== undefined, 'the README has a quick start');
  return code.replace('../src/index.ts', 'wgrad');
}

const test = suite('package');

// First, as the others need it; not a hook, whose message uvu would hide.
test('it is built, packed and installed into an empty project', () => {
  run(root, 'npm', 'run', '--silent', 'build');
  const packed = run(root, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', project);
  const [{ filename }] = JSON.parse(packed);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  run(project, 'npm', 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', `./${filename}`);
  writeFileSync(join(project, 'main.ts'), quickStart());
});

test.after(() => rmSync(project, { recursive: true, force: true }));

test('all that package.json names is in the package, and so are the shaders', () => {
  const { exports, imports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const named = JSON.stringify([exports, imports]).match(/\.\/dist\/[^"]+/g) ?? [];
  assert.ok(named.length >= 5);
  for (const file of named) assert.ok(existsSync(join(installed, file)), `${file} is there`);
  for (const file of ['dist/index.js.map', 'dist/index.d.ts.map', 'src/index.ts', 'LICENSE']) {
    assert.ok(existsSync(join(installed, file)), `${file} is there`);
  }
  assert.equal(readdirSync(join(installed, 'shaders')), readdirSync(`${root}shaders`));
});

test('no script fetches what the lockfile does not name, and nothing is published unchecked', () => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  for (const [name, script] of Object.entries<string>(scripts)) {
    assert.not.match(script, /npx|npm (exec|x)(?! --no )/, name);
  }
  assert.match(scripts.prepublishOnly, /npm run check && npm test/);
});

test('the quick start runs in Node', () => {
  // Its lines are JavaScript, too.
  writeFileSync(join(project, 'main.js'), quickStart());
  assert.match(run(project, process.execPath, 'main.js'), /^Right about \d+\.\d % of 500 new images/m);
});

test('it type-checks, the declarations of all libraries included', () => {
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      ...{ module, moduleResolution },
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
    run(project, process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', project);
  }
});

test('Vite bundles it for browsers without a setting or a warning', async () => {
  writeFileSync(join(project, 'index.html'), '<!doctype html><script type="module" src="/main.ts"></script>');
  const logger = createLogger('warn');
  const warnings: string[] = [];
  for (const kind of ['warn', 'warnOnce', 'error'] as const) logger[kind] = (text) => warnings.push(text);
  await build({ root: project, configFile: false, customLogger: logger, logLevel: 'warn' });
  assert.equal(warnings, []);
  const assets = join(project, 'dist/assets');
  const code = readdirSync(assets)
    .map((file) => readFileSync(join(assets, file), 'utf8'))
    .join('\n');
  assert.match(code, 'requestAdapter');
  for (const name of [/["'`]node:/, /externalized/, /apt-get/, /sparticuz/, /dlopen/, /Accept-Encoding/]) {
    assert.not.match(code, name);
  }
});

test('pictures say which package they lack, and in a browser need nothing that draws in Node', async () => {
  const program =
    "import { imageGrid } from 'wgrad/pictures'; const image = { shape: [1, 1, 1, 1], data: new Uint8Array(1) };";
  writeFileSync(
    join(project, 'picture.js'),
    `${program} await imageGrid(image).catch((error) => console.log(String(error)));`,
  );
  assert.is(
    run(project, process.execPath, 'picture.js'),
    'StateError: wgrad/pictures: the package @resvg/resvg-js could not be loaded. Run: npm install @resvg/resvg-js\n',
  );
  mkdirSync(join(project, 'node_modules/@resvg'));
  for (const name of ['vega', 'vega-lite', 'fast-png', '@resvg/resvg-js']) {
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name), 'junction');
  }
  const { modules, later } = await sizeOf(
    project,
    "import { plotHistory } from 'wgrad/pictures'; globalThis.used = plotHistory;",
  );
  const names = [...modules.keys()].join('\n');
  assert.match(names, 'wgrad/dist/pictures/raster/browser.js');
  assert.not.match(names, /vega\/|fast-png|tensor\.js/);
  const all = [names, ...later.modules.keys()].join('\n');
  assert.match(all, '/vega-lite/');
  assert.not.match(all, /resvg|expo-google-fonts|raster\/node|wgrad\/dist\/node/);
});

test('what a program does not use is not in its bundle', async () => {
  const { modules, later } = await sizeOf(
    project,
    "import { tensor } from 'wgrad'; console.log(await tensor(1).data());",
  );
  const names = [...modules.keys()].join('\n');
  assert.match(names, 'wgrad/dist/tensor.js');
  for (const unused of [
    'training/',
    'layers/',
    'callbacks/',
    'datasets/',
    'node/',
    'io/',
    'optimizers',
    'losses',
    'metrics',
    'gpu/shaders/finite_stats',
    'gpu/shaders/accumulate',
  ]) {
    assert.not.match(names, `wgrad/dist/${unused}`);
  }
  assert.match([...later.modules.keys()].join('\n'), 'gpu/tuning.js');
});

test('tensors and the core do not grow unnoticed, and leave for later what few programs need', async () => {
  const { tensors, core } = await sizes(project);
  for (const [name, { gzip }, most] of [
    ['tensors', tensors, TENSORS_BUDGET],
    ['core', core, CORE_BUDGET],
  ] as const) {
    assert.ok(gzip <= most, `${name}: ${gzip} bytes gzipped, at most ${most} are allowed`);
  }
  for (const [{ modules, later }, seldom] of [
    [tensors, ['graph/cut', 'graph/refusal', 'graph/fusePooling', 'gpu/tuning', 'gpu/shaders/conv2d_pool.generated']],
    [core, ['graph/cut', 'graph/refusal', 'training/cause', 'training/modelFile', 'io/safetensors', 'io/state']],
  ] as const) {
    for (const part of seldom) {
      const isPart = (id: string): boolean => id.endsWith(`wgrad/dist/${part}.js`);
      assert.not.ok([...modules.keys()].some(isPart), `${part} is not loaded at the start`);
      assert.ok([...later.modules.keys()].some(isPart), `${part} is loaded later`);
    }
  }
});

test.run();
