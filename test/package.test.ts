/**
 * The package as npm packs it, in projects of their own that do what the README says: it runs in Node and in a page, type-checks
 * where the declarations of libraries are checked too, and bundles for browsers without a setting. Nothing of Node is in such a
 * bundle, and it stays small. It is ready to be published, with all that its pages link to.
 */

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { build, createLogger } from 'vite';
import { sizeOf, sizes } from '../scripts/size.ts';
import { startChromium } from './browser/chromium.ts';
import { deadLinks, FENCE } from './links.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Most bytes that these programs of scripts/size.ts load before their first kernel on a GPU, gzipped: a little above what they do, so
 * that growth is a decision.
 */
const TENSORS_BUDGET = 46.9 * 1024;
const QUICK_START_BUDGET = 92.8 * 1024;
const CORE_BUDGET = 105.2 * 1024;
/** Most of what the first graph with an operation of layers adds to each. */
const LAYERS_BUDGET = 12 * 1024;
/** Most bytes of the package, packed. */
const PACKAGE_BUDGET = 2.45e6;

// As the README has it: the project lies beside the checkout, in which the package is packed.
const folder = mkdtempSync(join(tmpdir(), 'wgrad-package-'));
const tarball = join(folder, 'wgrad', 'wgrad-0.1.0.tgz');
const project = join(folder, 'digits');
const page = join(folder, 'page');
const installed = join(project, 'node_modules/wgrad');

/** npm's own, without what it asks the network for unasked. */
const environment = {
  ...process.env,
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  NO_COLOR: '1',
};

/** Runs a program; what it printed. */
function run(cwd: string, file: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(file, args, {
    cwd,
    env: environment,
    encoding: 'utf8',
    timeout: 120_000,
    // npm is a script there.
    shell: process.platform === 'win32' && file.startsWith('np'),
  });
  assert.is(status, 0, `${file} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Runs a line of the README. */
const type = (cwd: string, line: string): string => {
  const [file, ...args] = line.split(' ');
  return run(cwd, file, ...args);
};

/** The blocks under a heading of the README, by language: one each. */
function blocksUnder(heading: string): Readonly<Record<string, string>> {
  const [, below] = readFileSync(`${root}README.md`, 'utf8').split(`\n${heading}\n`);
  assert.ok(below !== undefined, `the README has ${heading}`);
  const [section] = below.split(/^#+ /m);
  return Object.fromEntries([...section.matchAll(FENCE)].map(([, language, text]) => [language, text]));
}

const quickStart = blocksUnder('## Quick start');
const inPage = blocksUnder('### In a web page');
const linesOf = (block: string): string[] => block.trim().split('\n');

const test = suite('package');

// First, as the others need it; not a hook, whose message uvu would hide.
test('it is packed, as the README says', () => {
  for (const path of [join(folder, 'wgrad'), project, page]) mkdirSync(path);
  const { WGRAD_PACKAGE } = process.env;
  if (WGRAD_PACKAGE) cpSync(WGRAD_PACKAGE, tarball);
  else run(root, 'npm', 'pack', '--silent', '--pack-destination', join(folder, 'wgrad'));
  assert.equal(readdirSync(join(folder, 'wgrad')), ['wgrad-0.1.0.tgz']);
  assert.ok(statSync(tarball).size < PACKAGE_BUDGET, `${statSync(tarball).size} bytes`);
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

/** What the quick start prints last. */
function expectLearnt(output: string): void {
  const [, right] = /^Right about ([\d.]+) % of 320 new digits\.$/m.exec(output) ?? [];
  assert.ok(Number(right) > 95, output);
}

test('the quick start does what the README says in an empty folder, in three commands', () => {
  writeFileSync(join(project, 'digits.ts'), quickStart.ts);
  const lines = linesOf(quickStart.sh);
  assert.is(lines.length, 3);
  const outputs = lines.map((line) => type(project, line));
  expectLearnt(outputs[2]);
  assert.match(readFileSync(join(project, 'digits.svg'), 'utf8'), /^<svg .* images right /s);
});

test('its lines are JavaScript, too', () => {
  rmSync(join(project, 'digits.svg'));
  writeFileSync(join(project, 'digits.js'), quickStart.ts);
  expectLearnt(run(project, process.execPath, 'digits.js'));
  assert.ok(existsSync(join(project, 'digits.svg')));
});

test('in a page, the quick start trains and shows its picture, as the README says', async () => {
  writeFileSync(join(page, 'main.ts'), quickStart.ts);
  writeFileSync(join(page, 'index.html'), inPage.html);
  const [install, serve] = linesOf(inPage.sh);
  type(page, install);
  assert.not.ok(existsSync(join(page, 'node_modules/webgpu')), 'a page needs no Dawn');
  const [file, ...args] = serve.split(' ');
  const server = spawn(file, args, { cwd: page, env: environment, detached: process.platform !== 'win32' });
  try {
    const address = await addressOf(server);
    const started = await startChromium(address);
    // It has said why; `npm run test:browser` fails where one is asked for.
    if (started === null) return;
    try {
      const tab = await started.browser.newPage();
      const said: string[] = [];
      tab.on('console', (message) => said.push(message.text()));
      tab.on('pageerror', (error) => said.push(String(error)));
      await tab.goto(address);
      await tab.waitForSelector('svg', { timeout: 100_000 }).catch((error: unknown) => said.push(String(error)));
      expectLearnt(said.join('\n'));
      assert.is(await tab.locator('svg image').count(), 16);
    } finally {
      await started.close();
    }
  } finally {
    if (server.pid !== undefined && process.platform !== 'win32') process.kill(-server.pid, 'SIGKILL');
    else server.kill();
  }
});

/** The address that Vite prints. */
const addressOf = (server: ChildProcessWithoutNullStreams): Promise<string> =>
  new Promise((resolve, reject) => {
    let output = '';
    const take = (chunk: Buffer): void => {
      output += chunk;
      const [address] = /http:\S+/.exec(output) ?? [];
      if (address !== undefined) resolve(address);
    };
    server.stdout.on('data', take);
    server.stderr.on('data', take);
    server.once('exit', () => reject(new Error(`Vite ended: ${output}`)));
  });

test('without Dawn, Node says what to install', () => {
  const program =
    "import { openDevice } from 'wgrad'; await openDevice().catch((error) => console.log(String(error)));";
  writeFileSync(join(page, 'device.mjs'), program);
  assert.is(
    run(page, process.execPath, 'device.mjs'),
    'DeviceError: The package `webgpu` (Dawn) is not installed. Run: npm install webgpu\n',
  );
});

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

test('every command that its pages name is there', () => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  for (const file of ['README.md', ...readdirSync(`${root}docs`).map((name) => `docs/${name}`)]) {
    if (!file.endsWith('.md')) continue;
    for (const [, name] of readFileSync(root + file, 'utf8').matchAll(/npm run (?:--silent )?([\w:-]+)/g)) {
      assert.type(scripts[name], 'string', `${file}: npm run ${name}`);
    }
  }
});

test('every link of its pages leads to something in the package', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
  const pages = files.filter((file) => file.endsWith('.md'));
  for (const name of ['README.md', 'docs/training.md', 'docs/reference/README.md', 'docs/reference/wgrad/README.md']) {
    assert.ok(pages.includes(name), `${name} is there`);
  }
  assert.equal(deadLinks(installed, pages), []);
  // Every guide is there, and the README leads to it.
  const guides = readdirSync(`${root}docs`).filter((file) => file.endsWith('.md'));
  const readme = readFileSync(join(installed, 'README.md'), 'utf8');
  for (const guide of guides) {
    assert.ok(files.includes(`docs/${guide}`), `${guide} is there`);
    assert.match(readme, `](docs/${guide})`);
  }
});

test('nothing is in it that its users have no use for', () => {
  const tops = readdirSync(installed).sort();
  const pages = ['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md'];
  const folders = ['bench', 'dist', 'docs', 'examples'];
  assert.equal(tops, [...pages, ...folders, 'package.json', 'shaders', 'src']);
  assert.equal(readdirSync(join(installed, 'bench')), ['README.md']);
  assert.equal(
    readdirSync(join(installed, 'docs'))
      .filter((file) => !file.endsWith('.md'))
      .sort(),
    ['gallery', 'reference'],
  );
  const examples = readdirSync(join(installed, 'examples'), { recursive: true, encoding: 'utf8' });
  assert.equal(
    examples.filter((file) => /\.\w+$/.test(file) && !/\.png$|^(quickstart|gallery)\.ts$/.test(file)),
    [],
  );
});

test('it runs no script where it is installed, and brings no other package along', () => {
  const { scripts, dependencies, peerDependencies, peerDependenciesMeta, keywords } = JSON.parse(
    readFileSync(join(installed, 'package.json'), 'utf8'),
  );
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.is(scripts[name], undefined, name);
  assert.is(dependencies, undefined);
  for (const name of Object.keys(peerDependencies)) assert.is(peerDependenciesMeta[name]?.optional, true, name);
  assert.ok('webgpu' in peerDependencies);
  assert.ok(keywords.length >= 5);
});

test('registries and the type systems of Node and bundlers take it as it is', async () => {
  const bytes = new Uint8Array(readFileSync(tarball));
  const { messages } = await publint({ pack: { tarball: bytes.slice().buffer }, strict: true });
  assert.equal(messages, []);
  const analysis = await checkPackage(createPackageFromTarballData(bytes));
  assert.ok('problems' in analysis, 'it has types');
  // It is made of ES modules, which old resolutions do not know.
  const old = ['node10', 'node16-cjs'];
  assert.equal(
    analysis.problems.filter((problem) => !('resolutionKind' in problem) || !old.includes(problem.resolutionKind)),
    [],
  );
});

test('a dry run of publishing has nothing to mend', () => {
  const flags = ['--dry-run', '--ignore-scripts', '--offline'];
  const { status, stderr } = spawnSync('npm', ['publish', ...flags], {
    cwd: installed,
    env: environment,
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  assert.not.match(stderr, /auto-corrected|npm warn (?!publish This command requires you to be logged in)/);
  assert.match(stderr, 'name: wgrad');
});

test('it is not published before it says where it lives, nor with a README that installs a file', () => {
  const copy = join(folder, 'publish');
  mkdirSync(join(copy, 'scripts'), { recursive: true });
  for (const file of ['package.json', 'README.md', 'scripts/publishable.mjs'])
    cpSync(`${root}${file}`, join(copy, file));
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  assert.match(scripts.prepublishOnly, /^node scripts\/publishable\.mjs && /);
  const refusals = (): string[] => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/publishable.mjs'], {
      cwd: copy,
      encoding: 'utf8',
    });
    const lines = stderr.split('\n').filter((line) => line !== '');
    assert.is(status, lines.length === 0 ? 0 : 1);
    return lines;
  };
  assert.is(refusals().length, 2);
  assert.match(
    refusals()[0],
    /^publish: package\.json does not say where wgrad lives: run `npm pkg set [^`]+` with your addresses\.$/,
  );
  assert.match(refusals()[1], /^publish: README\.md installs wgrad from a file: [^.]+\.$/);
  const [, command] = /`(npm pkg set [^`]+)`/.exec(refusals()[0]) ?? [''];
  type(copy, command);
  assert.is(refusals().length, 1);
  const readme = readFileSync(join(copy, 'README.md'), 'utf8');
  writeFileSync(join(copy, 'README.md'), readme.replace(/\S+\.tgz /g, 'wgrad '));
  assert.equal(refusals(), []);
});

test('it type-checks, the declarations of all libraries included, and in a page without those of Dawn', () => {
  for (const [cwd, file, module, moduleResolution] of [
    [project, 'digits.ts', 'nodenext', 'nodenext'],
    [page, 'main.ts', 'esnext', 'bundler'],
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
    writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    run(cwd, process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', cwd);
  }
});

test('Vite bundles it for browsers without a setting or a warning', async () => {
  const logger = createLogger('warn');
  const warnings: string[] = [];
  for (const kind of ['warn', 'warnOnce', 'error'] as const) logger[kind] = (text) => warnings.push(text);
  await build({ root: page, configFile: false, customLogger: logger, logLevel: 'warn' });
  assert.equal(warnings, []);
  const assets = join(page, 'dist/assets');
  const code = readdirSync(assets)
    .map((file) => readFileSync(join(assets, file), 'utf8'))
    .join('\n');
  assert.match(code, 'requestAdapter');
  for (const name of [/["'`]node:/, /externalized/, /apt-get/, /sparticuz/, /dlopen/, /Accept-Encoding/]) {
    assert.not.match(code, name);
  }
});

test('pictures say which package they lack, and in a browser need nothing that draws in Node', async () => {
  const bare = join(folder, 'bare');
  const has = (name: string): void =>
    symlinkSync(join(root, 'node_modules', name), join(bare, 'node_modules', name), 'junction');
  mkdirSync(join(bare, 'node_modules/@resvg'), { recursive: true });
  cpSync(installed, join(bare, 'node_modules/wgrad'), { recursive: true });
  writeFileSync(
    join(bare, 'picture.mjs'),
    `import { imageGrid } from 'wgrad/pictures';
    const image = { shape: [1, 1, 1, 1], data: new Uint8Array(1) };
    const say = (error) => console.log(String(error));
    const picture = await imageGrid(image, { labels: [0], classNames: ['a long name that is measured'] }).catch(say);
    if (picture === undefined) process.exit();
    console.log(picture.svg.length > 500, picture.width > 200);
    await picture.png().then(({ length }) => console.log(length > 500), say);`,
  );
  const picture = (): string[] => run(bare, process.execPath, 'picture.mjs').trim().split('\n');
  const lacking = (name: string): string =>
    `StateError: wgrad/pictures: the package ${name} could not be loaded. Run: npm install ${name}`;
  assert.equal(picture(), [lacking('fast-png')]);
  has('fast-png');
  // What measures text and draws PNGs is not needed for SVG.
  assert.equal(picture(), ['true true', lacking('@resvg/resvg-js')]);
  for (const name of ['vega', 'vega-lite', '@resvg/resvg-js']) has(name);
  assert.equal(picture(), ['true true', 'true']);
  writeFileSync(
    join(bare, 'model.mjs'),
    `import { Dense, Sequential } from 'wgrad';
    import { plotModel } from 'wgrad/pictures';
    const model = new Sequential([new Dense(1, { inputShape: [2] })]);
    await plotModel(model).then(({ svg }) => console.log(svg.includes('>3 parameters<')), (error) => console.log(String(error)));`,
  );
  const model = (): string => run(bare, process.execPath, 'model.mjs').trim();
  assert.is(model(), lacking('@dagrejs/dagre'));
  mkdirSync(join(bare, 'node_modules/@dagrejs'));
  for (const name of ['@dagrejs/dagre', '@dagrejs/graphlib']) has(name);
  assert.is(model(), 'true');
  const { modules, later } = await sizeOf(
    bare,
    "import { plotHistory } from 'wgrad/pictures'; globalThis.used = plotHistory;",
  );
  const names = [...modules.keys()].join('\n');
  assert.match(names, 'wgrad/dist/pictures/raster/browser.js');
  assert.not.match(names, /vega\/|fast-png|tensor\.js/);
  const all = [names, ...later.modules.keys()].join('\n');
  assert.match(all, '/vega-lite/');
  assert.not.match(all, /resvg|expo-google-fonts|dagre|raster\/node|wgrad\/dist\/platform\/node/);
});

test('what a program does not use is not in its bundle', async () => {
  const { modules, later } = await sizeOf(page, "import { tensor } from 'wgrad'; console.log(await tensor(1).data());");
  const names = [...modules.keys()].join('\n');
  assert.match(names, 'wgrad/dist/tensor/tensor.js');
  for (const unused of [
    'training/',
    'network/',
    'models/',
    'nn/',
    'callbacks/',
    'datasets/',
    'platform/node/',
    'io/',
    'wgsl/shaders/finite_stats',
    'wgsl/shaders/accumulate',
  ]) {
    assert.not.match(names, `wgrad/dist/${unused}`);
  }
  assert.match([...later.modules.keys()].join('\n'), 'runtime/tuning/tuning.js');
});

test('tensors and the core do not grow unnoticed, and leave for later what few programs need', async () => {
  const { tensors, 'quick start': quickStart, core } = await sizes(page);
  for (const [name, { gzip, layers }, most] of [
    ['tensors', tensors, TENSORS_BUDGET],
    ['quick start', quickStart, QUICK_START_BUDGET],
    ['core', core, CORE_BUDGET],
  ] as const) {
    assert.ok(gzip <= most, `${name}: ${gzip} bytes gzipped, at most ${most} are allowed`);
    assert.ok(layers.gzip <= LAYERS_BUDGET, `${name}, layers: ${layers.gzip} bytes gzipped, at most ${LAYERS_BUDGET}`);
  }
  for (const { modules, layers, later } of [tensors, quickStart, core]) {
    const names = [...modules.keys(), ...layers.modules.keys(), ...later.modules.keys()].join('\n');
    for (const part of ['ops/gpu/contraction.js', 'wgsl/shaders/conv2d.generated', 'wgsl/shaders/softmax.generated']) {
      assert.not.match([...modules.keys(), ...later.modules.keys()].join('\n'), `wgrad/dist/${part}`);
      assert.match([...layers.modules.keys()].join('\n'), `wgrad/dist/${part}`);
    }
    assert.match([...modules.keys()].join('\n'), 'wgrad/dist/ops/gpu/reduction.js');
    for (const part of ['ops/cpu/contraction.js', 'wgsl/shaders/contraction_subgroup']) {
      assert.not.match(names, `wgrad/dist/${part}`);
    }
  }
  for (const [{ modules, later }, seldom] of [
    [
      tensors,
      [
        'compiler/oversized/cut',
        'compiler/explain/refusal',
        'compiler/rewrite/fusePooling',
        'runtime/tuning/tuning',
        'wgsl/shaders/conv2d_pool.generated',
      ],
    ],
    [
      core,
      [
        'compiler/oversized/cut',
        'compiler/explain/refusal',
        'compiler/rewrite/fusePooling',
        'callbacks/divergence/divergenceAdvice',
        'network/partOfStep',
        'training/loop/microBatches',
        'training/onDemand/memoryReport',
        'training/onDemand/nonFiniteCause',
        'training/onDemand/stepCause',
        'training/file/modelFile',
        'io/safetensors',
        'io/state',
      ],
    ],
  ] as const) {
    for (const part of seldom) {
      const isPart = (id: string): boolean => id.endsWith(`wgrad/dist/${part}.js`);
      assert.not.ok([...modules.keys()].some(isPart), `${part} is not loaded at the start`);
      assert.ok([...later.modules.keys()].some(isPart), `${part} is loaded later`);
    }
  }
});

test.run();
