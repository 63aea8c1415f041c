// Writes src/gpu/shaders.generated.ts: the text of every shaders/*.wgsl under its name, so that one synchronous import works
// in Node, in browsers and under any bundler, and a bundle holds only the kernels that its program can use. Comments and
// indentation stay behind: they are a third of the size. Not committed; made anew before every run, test and build.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folder = new URL('../shaders/', import.meta.url);
const target = new URL('../src/gpu/shaders.generated.ts', import.meta.url);

/** WGSL has no strings, so `//` begins a comment wherever it stands. Lines stay lines: directives and errors need them. */
const strip = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/\/\/.*/, '').trim())
    .filter((line) => line !== '')
    .join('\n');

const entries = readdirSync(folder)
  .filter((name) => name.endsWith('.wgsl'))
  .sort()
  .map((name) => {
    const text = strip(readFileSync(new URL(name, folder), 'utf8'));
    return `export const ${name.slice(0, -'.wgsl'.length)} = ${JSON.stringify(`${text}\n`)};\n`;
  });
const text = `// Made by scripts/bundle-shaders.mjs from shaders/*.wgsl.\n${entries.join('')}`;
if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text);
