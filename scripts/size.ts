/**
 * How large wgrad is in a browser:  npm run size [-- --modules]
 *
 * Bundles dist/ as Vite does for a web page and prints what arrives, minified and gzipped. What a program loads only when it
 * needs it (`import()`) is named apart. --modules lists what the core is made of.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';

const here = fileURLToPath(new URL('..', import.meta.url));

/** What is no core: data sets, and file formats of their own. */
const BESIDE_CORE = ['cifar10', 'proceduralImages', 'NetworkError', 'decodeSafetensors', 'encodeSafetensors'];

export interface Weight {
  /** Bytes, minified. */
  readonly raw: number;
  /** Bytes, each chunk gzipped. */
  readonly gzip: number;
  /** The modules in it and their bytes before minifying. */
  readonly modules: ReadonlyMap<string, number>;
}

export interface Size extends Weight {
  /** What the program loads later, when it needs it. */
  readonly later: Weight;
  /** The names that the program exports. */
  readonly exports: readonly string[];
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
      rollupOptions: { input: 'program', preserveEntrySignatures: 'strict' },
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

/** The size of a program in a browser, with the wgrad that modules in `root` import. */
export async function sizeOf(root: string, program: string): Promise<Size> {
  const chunks = await bundle(root, program);
  const [entry] = chunks.filter(({ isEntry }) => isEntry);
  const first = new Set([entry.fileName]);
  for (const name of first) {
    for (const { fileName, imports } of chunks) if (fileName === name) for (const next of imports) first.add(next);
  }
  return {
    ...weigh(chunks.filter(({ fileName }) => first.has(fileName))),
    later: weigh(chunks.filter(({ fileName }) => !first.has(fileName))),
    exports: entry.exports,
  };
}

/** The sizes of four programs by name. */
export async function sizes(root: string) {
  const everything = await sizeOf(root, "export * from 'wgrad';");
  const core = everything.exports.filter((name) => !BESIDE_CORE.includes(name));
  const quickStart = readFileSync(`${here}/examples/quickstart.ts`, 'utf8').replace('../src/index.ts', 'wgrad');
  return {
    everything,
    core: await sizeOf(root, `export { ${core.join(', ')} } from 'wgrad';`),
    'quick start': await sizeOf(root, quickStart),
    'one sum': await sizeOf(root, "import { tensor } from 'wgrad'; console.log(await tensor([1, 2]).sum().item());"),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KB`.padStart(10);
  const measured = await sizes(here);
  console.log(`${''.padEnd(12)}   gzipped  minified  later (gzipped)`);
  for (const [name, { raw, gzip, later }] of Object.entries(measured)) {
    console.log(`${name.padEnd(12)}${kilobytes(gzip)}${kilobytes(raw)}${kilobytes(later.gzip)}`);
  }
  if (process.argv.includes('--modules')) {
    console.log('\ncore, bytes before minifying');
    for (const [id, bytes] of [...measured.core.modules].sort(([, a], [, b]) => b - a)) {
      console.log(`${String(bytes).padStart(7)}  ${id.replace(here, '')}`);
    }
  }
}
