/** Compiles this project's TypeScript once for all processes of a test run, each of which would else do so for itself. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Where TypeScript lies that a test, or what it starts, may import. */
const FOLDERS = ['src', 'test', 'examples', 'bench', 'scripts'];

/**
 * Compiles all of it into `folder`, one file each, without checking types.
 * @returns the address of a module that, given to Node as --import, makes a process take what was compiled
 */
export async function compile(folder: string): Promise<string> {
  const tsconfigRaw = readFileSync(`${root}tsconfig.json`, 'utf8');
  const files = FOLDERS.flatMap((name) =>
    readdirSync(root + name, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
      .map((file) => join(name, file)),
  );
  for (const place of new Set(files.map(dirname))) mkdirSync(join(folder, place), { recursive: true });
  await Promise.all(
    files.map(async (file) => {
      const { code, map } = await transform(await readFile(root + file, 'utf8'), {
        loader: file.endsWith('x') ? 'tsx' : 'ts',
        format: 'esm',
        // For the places in what fails (places.ts).
        sourcefile: pathToFileURL(root + file).href,
        sourcemap: 'external',
        sourcesContent: false,
        tsconfigRaw,
      });
      await Promise.all([writeFile(join(folder, `${file}.js`), code), writeFile(join(folder, `${file}.js.map`), map)]);
    }),
  );

  const aliases: Readonly<Record<string, readonly string[]>> = JSON.parse(tsconfigRaw).compilerOptions.paths;
  const data = {
    root: pathToFileURL(root).href,
    compiled: pathToFileURL(`${folder}/`).href,
    paths: Object.fromEntries(
      Object.entries(aliases).map(([name, [file]]) => [name, pathToFileURL(join(root, file)).href]),
    ),
  };
  const loader = join(folder, 'loader.mjs');
  writeFileSync(
    loader,
    `import { register } from 'node:module';
register(${JSON.stringify(new URL('hooks.mjs', import.meta.url).href)}, { data: ${JSON.stringify(data)} });
`,
  );
  return pathToFileURL(loader).href;
}
