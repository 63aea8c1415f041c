/**
 * How large wgrad is in a browser:  npm run size [-- --modules]
 *
 * Bundles dist/ as Vite does for a web page and prints what a page loads before its first kernel on a GPU, minified and gzipped:
 * what is there at the start, the ways of GPUs among it. What it loads only when it comes to need it (`import()`) is
 * named apart: what layers compute, which programs of tensors may never need and the quick start loads with its first graph, and
 * the rest. The ways of adapters on the CPU, which a GPU's page never loads, are in neither. Four programs are measured:
 *
 * - tensors: tensors with all their methods, variables, gradients, one optimizer, a device
 * - quick start: examples/quickstart.ts, a convolutional network with its training, its drawn digits and their picture
 * - core: every public name but data sets, file formats, and schedules and other parts that only some programs name
 * - everything: every public name
 *
 * --modules lists what each of the first three is made of.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';

const here = fileURLToPath(new URL('..', import.meta.url));

const TENSORS = ['tensor', 'variable', 'grad', 'valueAndGrad', 'Adam', 'openDevice'];

/** What is no core: data sets, file formats of their own, and what few programs ask for by name and none loads unasked. */
const BESIDE_CORE = [
  'Model',
  'input',
  'Add',
  'Average',
  'Concatenate',
  'Dot',
  'Maximum',
  'Minimum',
  'Multiply',
  'Subtract',
  'Adadelta',
  'Adagrad',
  'Lion',
  'Nadam',
  'Bidirectional',
  'Cropping2D',
  'ELU',
  'Embedding',
  'GRU',
  'GaussianNoise',
  'GroupNormalization',
  'LSTM',
  'Lambda',
  'LayerNormalization',
  'LeakyReLU',
  'MultiHeadAttention',
  'Normalization',
  'PReLU',
  'Permute',
  'ReLU',
  'RepeatVector',
  'SimpleRNN',
  'Softmax',
  'SpatialDropout2D',
  'SwapEMAWeights',
  'UpSampling2D',
  'ZeroPadding2D',
  'CosineDecay',
  'CosineDecayRestarts',
  'ExponentialDecay',
  'InverseTimeDecay',
  'LearningRateSchedule',
  'OneCycle',
  'PiecewiseConstantDecay',
  'PolynomialDecay',
  'AveragePooling1D',
  'Conv1D',
  'Conv2DTranspose',
  'DepthwiseConv2D',
  'GlobalAveragePooling1D',
  'GlobalMaxPooling1D',
  'GlobalMaxPooling2D',
  'MaxPooling1D',
  'SeparableConv2D',
  'avgPool1d',
  'conv1d',
  'crossEntropy',
  'conv2dTranspose',
  'depthwiseConv2d',
  'maxPool1d',
  'separableConv2d',
  'binaryFocalCrossentropy',
  'categoricalFocalCrossentropy',
  'categoricalHinge',
  'cosineSimilarity',
  'hinge',
  'huber',
  'klDivergence',
  'logCosh',
  'poisson',
  'squaredHinge',
  'auc',
  'balancedAccuracy',
  'confusionMatrix',
  'confusionMetric',
  'f1Score',
  'precision',
  'r2Score',
  'recall',
  'rootMeanSquaredError',
  'topKCategoricalAccuracy',
  'cifar10',
  'imagesBetween',
  'proceduralDigits',
  'proceduralImages',
  'NetworkError',
  'decodeSafetensors',
  'encodeSafetensors',
  'decodeNpy',
  'encodeNpy',
  'loadWeightsByName',
];

export interface Weight {
  /** Bytes, minified. */
  readonly raw: number;
  /** Bytes, each chunk gzipped. */
  readonly gzip: number;
  /** The modules in it and their bytes before minifying. */
  readonly modules: ReadonlyMap<string, number>;
}

export interface Size extends Weight {
  /** What it loads with its first graph that has an operation of layers: the quick start with its first graph, others perhaps never. */
  readonly layers: Weight;
  /** What the program loads later, when it needs it. */
  readonly later: Weight;
}

async function bundle(root: string, program: string): Promise<Rollup.OutputChunk[]> {
  // In the folder, so that the program finds the packages that are installed there.
  const entry = join(root, 'program.ts');
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === 'program' ? entry : null),
        load: (id) => (id === entry ? program : null),
      },
    ],
    build: {
      write: false,
      target: 'es2022',
      modulePreload: false,
      rollupOptions: { input: 'program' },
    },
  });
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput;
  return output.filter((file) => file.type === 'chunk');
}

function weigh(chunks: readonly Rollup.OutputChunk[]): Weight {
  const sum = (sizeOf: (code: string) => number): number => chunks.reduce((total, { code }) => total + sizeOf(code), 0);
  return {
    raw: sum((code) => Buffer.byteLength(code)),
    gzip: sum((code) => gzipSync(code, { level: 9 }).length),
    modules: new Map(
      chunks.flatMap(({ modules }) => Object.entries(modules).map(([id, module]) => [id, module.renderedLength])),
    ),
  };
}

/** The size of a program in a browser that has a GPU, with the wgrad that modules in `root` import. */
export async function sizeOf(root: string, program: string): Promise<Size> {
  const chunks = await bundle(root, program);
  const has = (module: string) => (chunk: Rollup.OutputChunk) =>
    Object.keys(chunk.modules).some((id) => id.endsWith(module)) || (chunk.facadeModuleId?.endsWith(module) ?? false);
  /** A chunk and all that it imports, without those that are there before. */
  const loading = (isAsked: (chunk: Rollup.OutputChunk) => boolean, before: ReadonlySet<string> = new Set()) => {
    const names = new Set(chunks.filter(isAsked).map(({ fileName }) => fileName));
    for (const name of names) {
      for (const { fileName, imports } of chunks) if (fileName === name) for (const next of imports) names.add(next);
    }
    for (const name of before) names.delete(name);
    return names;
  };
  const isGpu = has('/ops/gpu/index.js');
  const first = loading((chunk) => chunk.isEntry || isGpu(chunk));
  const layers = loading(has('/ops/gpu/layers.js'), first);
  const forCpu = ['/ops/cpu/index.js', '/ops/cpu/layers.js'].map(has);
  const isLater = (chunk: Rollup.OutputChunk): boolean =>
    !first.has(chunk.fileName) && !layers.has(chunk.fileName) && !forCpu.some((is) => is(chunk));
  return {
    ...weigh(chunks.filter(({ fileName }) => first.has(fileName))),
    layers: weigh(chunks.filter(({ fileName }) => layers.has(fileName))),
    later: weigh(chunks.filter(isLater)),
  };
}

/** A program that uses these names. */
const using = (names: readonly string[]): string =>
  `import { ${names.join(', ')} } from 'wgrad'; globalThis.used = [${names.join(', ')}];`;

/** The sizes of the four programs by name. */
export async function sizes(root: string) {
  const wgrad: object = await import(pathToFileURL(createRequire(join(root, 'package.json')).resolve('wgrad')).href);
  const names = Object.keys(wgrad);
  const quickStart = readFileSync(`${here}/examples/quickstart.ts`, 'utf8');
  return {
    tensors: await sizeOf(root, using(TENSORS)),
    'quick start': await sizeOf(root, quickStart),
    core: await sizeOf(root, using(names.filter((name) => !BESIDE_CORE.includes(name)))),
    everything: await sizeOf(root, using(names)),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`.padStart(10);
  const measured = Object.entries(await sizes(here));
  console.log(`${''.padEnd(12)}   gzipped  minified    layers     later (both gzipped)`);
  for (const [name, { raw, gzip, layers, later }] of measured) {
    console.log(`${name.padEnd(12)}${[gzip, raw, layers.gzip, later.gzip].map(kilobytes).join('')}`);
  }
  if (process.argv.includes('--modules')) {
    for (const [name, { modules }] of measured.slice(0, -1)) {
      console.log(`\n${name}, bytes before minifying`);
      for (const [id, bytes] of [...modules].sort(([, a], [, b]) => b - a)) {
        console.log(`${String(bytes).padStart(7)}  ${id.replace(here, '')}`);
      }
    }
  }
}
