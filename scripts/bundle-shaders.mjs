// Writes the text of every shaders/*.wgsl as a module of its own under src/wgsl/shaders/, and src/wgsl/shaders.generated.ts with
// all of them by name, so that one synchronous import works in Node, in browsers and under any bundler, and a bundle holds,
// and loads at its start, only the kernels that its program can use. Comments, indentation and the blanks around most
// operators stay behind: they are more than a third of the size. Not committed; made anew before every run, test and build.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const folder = new URL('../shaders/', import.meta.url);
const modules = new URL('../src/wgsl/shaders/', import.meta.url);
const index = new URL('../src/wgsl/shaders.generated.ts', import.meta.url);

/** Blanks that separate nothing. One before a hole stays where a negative number would make another operator of it. */
const BLANKS =
  /(?<=[,;()=*/+|:&<%]|(?<!\{)\{| >|->) | (?=[,;()=*/+|:&<%>]|\{(?!\{)|\}(?!\}))| (?=- [\w(])|(?<= -) (?=[\w(])/g;

/** WGSL has no strings, so `//` begins a comment wherever it stands. Lines stay lines: directives and errors need them. */
const strip = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/\/\/.*/, '').trim())
    .map((line) => (line.startsWith('@') ? line : line.replace(BLANKS, '')))
    .filter((line) => line !== '')
    .join('\n');

/** Writes a file unless it is as it should be: whoever watches the files is left in peace. */
const write = (file, text) => {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
};

const HEAD = '// Made by scripts/bundle-shaders.mjs from shaders/*.wgsl.\n';
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.wgsl'))
  .map((name) => name.slice(0, -'.wgsl'.length))
  .sort();
mkdirSync(modules, { recursive: true });
for (const name of names) {
  const text = strip(readFileSync(new URL(`${name}.wgsl`, folder), 'utf8'));
  write(
    new URL(`${name}.generated.ts`, modules),
    `${HEAD}export const ${name}: string = ${JSON.stringify(`${text}\n`)};\n`,
  );
}
for (const file of readdirSync(modules)) {
  if (!names.includes(file.slice(0, -'.generated.ts'.length))) rmSync(new URL(file, modules));
}
write(index, HEAD + names.map((name) => `export { ${name} } from './shaders/${name}.generated.ts';\n`).join(''));
