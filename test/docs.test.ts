/**
 * The documentation: each of its programs compiles under strict, runs from an empty file and prints what it says; its links
 * lead somewhere, and every public name stands in it.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as wgrad from '../src/index.ts';
import { isInitializerName } from '../src/nn/initializers.ts';
import { losses } from '../src/nn/losses.ts';
import { optimizerClasses } from '../src/nn/optimizers/makeOptimizer.ts';
import { deadLinks, FENCE } from './links.ts';
import { LOADER } from './loader.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = ['README.md', ...readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'))].map((file) =>
  file === 'README.md' ? file : `docs/${file}`,
);
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

/** A block of TypeScript of a page: a program of its own. */
interface Program {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  /** False: it is only compiled. */
  readonly runs: boolean;
}

/** A program of its own, which other tests run. */
const QUICK_START = textOf('examples/quickstart.ts');

const programsOf = (page: string): Program[] =>
  [...textOf(page).matchAll(FENCE)]
    .filter(([, language]) => language === 'ts' || language === 'ts no-run')
    .map(([, language, text], at) => ({
      name: `${basename(page, '.md').toLowerCase()}-${at + 1}`,
      title: `${page}, block ${at + 1}`,
      text: text,
      runs: language === 'ts' && text !== QUICK_START,
    }));

const programs = pages.flatMap(programsOf);

/** Files that the pages' Python blocks write, in test/fixtures: programs that read one find it. */
const WRITTEN = ['torch.safetensors', 'interchange/keras.npz'];

const sourceOf = (path: string): string => join(root, path);

/** The entries of the package, by what programs import. */
const ENTRIES = {
  wgrad: sourceOf('src/index.ts'),
  'wgrad/npz': sourceOf('src/io/npz.ts'),
  'wgrad/onnx': sourceOf('src/interchange/onnx.ts'),
  'wgrad/op': sourceOf('src/op.ts'),
  'wgrad/pictures': sourceOf('src/pictures/index.ts'),
  'wgrad/profile': sourceOf('src/models/profile/index.ts'),
  'wgrad/sweep': sourceOf('src/sweep/index.ts'),
  'wgrad/sweep/queue': sourceOf('src/sweep/queue/index.ts'),
  'wgrad/tensorboard': sourceOf('src/tensorboard/index.ts'),
};

/** Module hooks that give the entries to the programs. */
const HOOKS = `
const entries = ${JSON.stringify(Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, pathToFileURL(file).href])))};
export const resolve = (name, context, next) => next(entries[name] ?? name, context);
`;

/**
 * Runs one program after the other, each a module of its own in a folder of its own: they share a process, and so the time
 * that it takes to start one. What each prints follows a line with its name, how it failed one with FAILED.
 */
const [BEGIN, FAILED] = ['\u0001', '\u0002'];
const RUNNER = `
import { register } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
register('./hooks.mjs', import.meta.url);
const [folder, ...names] = process.argv.slice(2);
for (const name of names) {
  process.chdir(join(folder, name));
  console.log(${JSON.stringify(BEGIN)} + name);
  try {
    await import(pathToFileURL(join(folder, name + '.mjs')).href);
  } catch (error) {
    console.log(${JSON.stringify(FAILED)} + error.stack);
  }
}
`;

/** Runs a command; resolves with its code and all that it printed. */
const run = (
  cwd: string,
  env: NodeJS.ProcessEnv,
  args: readonly string[],
): Promise<{ code: unknown; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...env }, timeout: 300_000, maxBuffer: 2 ** 24 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr });
    });
  });

let folder = '';
const config = (): string => join(folder, 'tsconfig.json');

const docs = suite('docs');
docs.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-docs-'));
  const compilerOptions = {
    types: ['@webgpu/types', '@types/node'].map((name) => join(root, 'node_modules', name)),
    paths: {
      '#datasets': [sourceOf('src/datasets/node/index.ts')],
      '#platform': [sourceOf('src/platform/node/index.ts')],
      '#raster': [sourceOf('src/pictures/raster/node.ts')],
      'onnxruntime-web': [sourceOf('node_modules/onnxruntime-web/types.d.ts')],
      ...Object.fromEntries(Object.entries(ENTRIES).map(([name, file]) => [name, [file]])),
    },
    // A page shows what it can be done with a thing, not always all of it.
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  const extended = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.mts'] };
  await writeFile(config(), JSON.stringify(extended));
  for (const { name, text } of programs) {
    await writeFile(join(folder, `${name}.mts`), `${text}\nexport {};\n`);
    await mkdir(join(folder, name));
    for (const file of WRITTEN.filter((file) => text.includes(`'${basename(file)}'`))) {
      await copyFile(join(root, 'test/fixtures', file), join(folder, name, basename(file)));
    }
  }
});
docs.after(() => rm(folder, { recursive: true, force: true }));

docs('the programs compile', async () => {
  const { code, stdout } = await run(root, {}, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config()]);
  assert.is(code, 0, stdout);
});

/** What each program printed, by its name. */
const printed = new Map<string, string>();

docs('the programs run', async () => {
  await writeFile(join(folder, 'hooks.mjs'), HOOKS);
  await writeFile(join(folder, 'runner.mjs'), RUNNER);
  const running = programs.filter(({ runs }) => runs);
  for (const { name, text } of running) {
    const { code } = await transform(text, { loader: 'ts', format: 'esm', target: 'es2022' });
    await writeFile(join(folder, `${name}.mjs`), code);
  }
  const names = running.map(({ name }) => name);
  const args = ['--import', LOADER, join(folder, 'runner.mjs'), folder, ...names];
  const { code, stdout, stderr } = await run(folder, { TSX_TSCONFIG_PATH: config() }, args);
  for (const part of stdout.split(BEGIN).slice(1)) {
    const end = part.indexOf('\n');
    printed.set(part.slice(0, end), part.slice(end + 1));
  }
  assert.is(code, 0, `${[...printed.keys()].at(-1)}: ${stderr}`);
});

/** What a program says that it prints: the lines `// → text`, in order; one that ends in `…` is the beginning of a line. */
const expectations = (text: string): string[] => [...text.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);

const isLine = (line: string, expected: string): boolean =>
  expected.endsWith('…') ? line.startsWith(expected.slice(0, -1)) : line === expected;

for (const { name, title, text, runs } of programs) {
  if (!runs) continue;
  docs(`${title}, runs from an empty file and prints what it says`, () => {
    const output = printed.get(name);
    if (output === undefined) throw new Error('it did not run');
    assert.is(output.includes(FAILED), false, output);
    let rest = output.split('\n');
    for (const expected of expectations(text)) {
      const at = rest.findIndex((line) => isLine(line, expected));
      assert.ok(at >= 0, `not printed, or too early: ${expected}\n${output}`);
      rest = rest.slice(at + 1);
    }
  });
}

docs('links lead to files and headings that exist', () => {
  assert.equal(deadLinks(root, pages), []);
});

docs('every guide is part of the reference', () => {
  const { projectDocuments } = JSON.parse(textOf('docs/typedoc.json'));
  assert.equal(projectDocuments.map((path: string) => join('docs', path)).sort(), pages.slice(1).sort());
});

docs('every public name stands in a guide or the README', () => {
  const words = new Set(pages.flatMap((page) => textOf(page).match(/\w+/g) ?? []));
  assert.equal(
    Object.keys(wgrad).filter((name) => !words.has(name)),
    [],
  );
});

docs('the table of operations says which are methods and which are functions', () => {
  const [, table] = textOf('docs/tensors-and-gradients.md').match(/\| kind \| names \|\n([\s\S]*?)\n\n/) ?? [];
  const rows = [...table.matchAll(/^\| ([a-z' ]+) \| (.*) \|$/gm)];
  assert.ok(rows.length > 6);
  const wrong: string[] = [];
  for (const [, kind, cell] of rows) {
    for (const [, name] of cell.matchAll(/`(\w+)`/g)) {
      if (name === 'keepDims') continue;
      const [isMethod, isFunction] = [name in wgrad.Tensor.prototype, name in wgrad];
      if (isMethod !== (kind !== 'functions only') || isFunction !== (kind !== 'methods only')) wrong.push(name);
    }
  }
  assert.equal(wrong, []);
});

/** The row of docs/parts.md that begins with a name in backticks, with what comes after it. */
function rowOf(name: string): string {
  const found = textOf('docs/parts.md').match(new RegExp(`^\\| \`${name}[\`(].*$`, 'm'));
  if (found === null) throw new Error(`docs/parts.md has no row for ${name}`);
  return found[0];
}

docs('the page of parts has every layer and optimizer with its options and their defaults', () => {
  const layers = [
    new wgrad.Dense(1),
    new wgrad.Conv2D(1, 1),
    new wgrad.DepthwiseConv2D(1),
    new wgrad.SeparableConv2D(1, 1),
    new wgrad.Conv2DTranspose(1, 1),
    new wgrad.Conv1D(1, 1),
    new wgrad.MaxPooling2D(),
    new wgrad.AveragePooling2D(),
    new wgrad.MaxPooling1D(),
    new wgrad.AveragePooling1D(),
    new wgrad.GlobalAveragePooling2D(),
    new wgrad.GlobalMaxPooling2D(),
    new wgrad.GlobalAveragePooling1D(),
    new wgrad.GlobalMaxPooling1D(),
    new wgrad.BatchNormalization(),
    new wgrad.Dropout(0),
    new wgrad.Activation('relu'),
    new wgrad.Rescaling(1),
    new wgrad.Flatten(),
    new wgrad.Reshape([1]),
    new wgrad.LayerNormalization(),
    new wgrad.GroupNormalization(),
    new wgrad.Normalization(),
    new wgrad.Embedding(1, 1),
    new wgrad.MultiHeadAttention(1, 1),
    new wgrad.SpatialDropout2D(0),
    new wgrad.GaussianNoise(0),
    new wgrad.ReLU(),
    new wgrad.LeakyReLU(),
    new wgrad.ELU(),
    new wgrad.PReLU(),
    new wgrad.Softmax(),
    new wgrad.Lambda((x) => x),
    new wgrad.Permute([1]),
    new wgrad.RepeatVector(1),
    new wgrad.UpSampling2D(),
    new wgrad.ZeroPadding2D(),
    new wgrad.Cropping2D(),
    new wgrad.Add(),
    new wgrad.Subtract(),
    new wgrad.Multiply(),
    new wgrad.Average(),
    new wgrad.Maximum(),
    new wgrad.Minimum(),
    new wgrad.Concatenate(),
    new wgrad.Dot({ axes: 1 }),
    new wgrad.LSTM(1),
    new wgrad.GRU(1),
    new wgrad.SimpleRNN(1),
    new wgrad.Bidirectional(new wgrad.LSTM(1)),
    new wgrad.Masking(),
  ];
  const classes = Object.values(wgrad).filter(
    (value) => typeof value === 'function' && Object.prototype.isPrototypeOf.call(wgrad.Layer, value),
  );
  assert.is(classes.length, layers.length, 'a layer is missing in this test');
  /** As an argument in the parentheses, or with its default; that of a pair is told in words. */
  const stands = (row: string, option: string, value: unknown): boolean => {
    const text =
      typeof value === 'string' ? `\`${value}\`` : value === 1e-7 ? '1e-7' : Array.isArray(value) ? '' : value;
    return row.match(/\((.*?)\)/)?.[1].includes(option) || row.includes(`\`${option}\` ${text}`);
  };
  /** Whose options another one has as well. */
  const like: Readonly<Record<string, readonly string[]>> = {
    Conv2D: ['Dense'],
    DepthwiseConv2D: ['Conv2D', 'Dense'],
    SeparableConv2D: ['DepthwiseConv2D', 'Conv2D', 'Dense'],
    Conv2DTranspose: ['Conv2D', 'Dense'],
    Conv1D: ['Conv2D', 'Dense'],
    AveragePooling2D: ['MaxPooling2D'],
    AveragePooling1D: ['MaxPooling1D'],
    GlobalMaxPooling2D: ['GlobalAveragePooling2D'],
    GlobalMaxPooling1D: ['GlobalAveragePooling1D'],
    GroupNormalization: ['LayerNormalization'],
    GRU: ['LSTM'],
    SimpleRNN: ['LSTM'],
    Bidirectional: ['LSTM'],
    AdamW: ['Adam'],
    Nadam: ['Adam'],
  };
  const optimizers = optimizerClasses.map((Class) => new Class());
  const parts = [
    ...layers.map((layer) => ({ name: layer.className, settings: layer.config() })),
    ...optimizers.map((optimizer) => ({ name: optimizer.name, settings: optimizer.config() })),
  ];
  const missing = parts.flatMap(({ name, settings }) =>
    Object.entries(settings)
      .filter(
        ([option, value]) =>
          value !== undefined && ![name, ...(like[name] ?? [])].some((one) => stands(rowOf(one), option, value)),
      )
      .map(([option, value]) => `${name}: ${option} ${value}`),
  );
  assert.equal(missing, []);
});

docs('the page of parts has every loss, metric with its key, activation and initializer', () => {
  const page = textOf('docs/parts.md');
  const names = [
    ...Object.keys(losses),
    ...Object.keys(wgrad.activations),
    ...Object.keys(wgrad.initializers).filter((name) => isInitializerName(name)),
  ];
  assert.equal(
    names.filter((name) => !page.includes(`\`${name}\``)),
    [],
  );
  const keys: Readonly<Record<wgrad.MetricName, string>> = {
    accuracy: 'accuracy',
    mse: 'mse',
    mae: 'mae',
    meanSquaredError: 'mean_squared_error',
    meanAbsoluteError: 'mean_absolute_error',
  };
  for (const [name, key] of Object.entries(keys)) {
    assert.ok(page.includes(`\n| \`${name}\` | \`${key}\` |`), name);
  }
});

docs.run();
