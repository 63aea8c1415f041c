// Writes src/gpu/shaders.generated.ts: the text of every shaders/*.wgsl by name, so that one synchronous import works in
// Node, in browsers and under any bundler. Not committed; made anew before every run, test and build.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folder = new URL('../shaders/', import.meta.url);
const target = new URL('../src/gpu/shaders.generated.ts', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.wgsl'))
  .sort();
const entries = files.map((name) => {
  const key = name.slice(0, -'.wgsl'.length);
  return `  ${key}: ${JSON.stringify(readFileSync(new URL(name, folder), 'utf8'))},`;
});
const text = `// Made by scripts/bundle-shaders.mjs from shaders/*.wgsl.\nexport const shaders = {\n${entries.join('\n')}\n} as const;\n`;
if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text);
