/**
 * Compiles this project's TypeScript once for all processes of a test run, each of which would else do so for itself. What processes
 * start with becomes one file each, the modules that they share become some two hundred instead of six hundred: to load the library
 * takes a quarter of the time.
 */

import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Folders of files that processes start with, or that the texts of programs import: of each what lies in no folder below it. */
const PROGRAMS = ['test', 'examples', 'examples/sweep', 'bench', 'src/platform/node'];

/** What else such texts import. */
const IMPORTED = [
  ...['src/index.ts', 'src/op.ts', 'src/graph.ts', 'src/io/npz.ts', 'src/interchange/onnx.ts', 'src/pictures/index.ts'],
  ...['src/models/profile/index.ts', 'src/sweep/index.ts', 'src/sweep/queue/index.ts', 'src/tensorboard/index.ts'],
];

/** Where a module lies, it is told in its source: it looks for files beside that, not beside what it is compiled into. */
const addresses: Plugin = {
  name: 'addresses',
  setup({ onLoad }) {
    onLoad({ filter: /\.tsx?$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const address = text.includes('import.meta.url')
        ? `const IMPORT_META_URL = ${JSON.stringify(pathToFileURL(path).href)};`
        : '';
      return { contents: address + text, loader: path.endsWith('x') ? 'tsx' : 'ts' };
    });
  },
};

export interface Compiled {
  /** The address of a module that, given to Node as --import, makes a process take what was compiled. */
  readonly loader: string;
  /** The path of what such a file of the project was compiled into. */
  pathOf(file: string): string;
}

/** Compiles into `folder`, an empty one, without checking types. */
export async function compile(folder: string): Promise<Compiled> {
  const programs = PROGRAMS.flatMap((name) =>
    readdirSync(root + name)
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => `${name}/${file}`),
  );
  const entryPoints = [...programs, ...IMPORTED];
  await build({
    absWorkingDir: root,
    entryPoints,
    outdir: folder,
    outbase: root,
    // Node need not look whether it is a module.
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    packages: 'external',
    // Some classes are known by their names.
    keepNames: true,
    // A test may import a module for its effect, too.
    ignoreAnnotations: true,
    define: { 'import.meta.url': 'IMPORT_META_URL' },
    // For the places in what fails (places.ts).
    sourcemap: 'external',
    sourcesContent: false,
    plugins: [addresses],
  });
  symlinkSync(`${root}node_modules`, join(folder, 'node_modules'), 'junction');

  const pathOf = (file: string): string => join(folder, file.replace(/\.tsx?$/, '.mjs'));
  const compiled = Object.fromEntries(
    entryPoints.map((file) => [pathToFileURL(join(root, file)).href, pathToFileURL(pathOf(file)).href]),
  );
  const loader = join(folder, 'loader.mjs');
  const [brief, hooks] = ['brief.mjs', 'hooks.mjs'].map((file) => JSON.stringify(new URL(file, import.meta.url).href));
  writeFileSync(
    loader,
    `import ${brief};
import { register } from 'node:module';
register(${hooks}, { data: ${JSON.stringify(compiled)} });
`,
  );
  return { loader: pathToFileURL(loader).href, pathOf };
}
