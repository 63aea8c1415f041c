/**
 * How the rooms of src/ import each other:  node scripts/rooms.mjs [ROOT]
 *
 * Prints how many rooms there are (the folders right under src/), how many arrows between them (a room imports another one,
 * types included), those that run up, and the circles: groups of files that import each other. biome.json forbids the last two.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** What no file of a room may import, as the linter has it: the rooms above and beside. */
const { overrides } = JSON.parse(readFileSync(new URL('../biome.json', import.meta.url), 'utf8'));
const forbidden = new Map(
  overrides.flatMap(({ includes: [files], linter }) => {
    const room = /^src\/(\w+)\/\*\*$/.exec(files)?.[1];
    const [{ group }] = linter.rules.style.noRestrictedImports.options.patterns;
    return room === undefined ? [] : [[room, new Set(group.map((pattern) => pattern.split('/')[1]))]];
  }),
);

const root = process.argv[2] ?? '.';
const sources = join(root, 'src');
const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.generated.ts'));

/** What `#name` stands for in Node. */
const { paths = {} } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')).compilerOptions;
const target = (file, specifier) => {
  const named = paths[specifier]?.[0].replace('./src/', '');
  if (named !== undefined) return named;
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : null;
};
const roomOf = (file) => (file.includes('/') ? file.split('/')[0] : file);
const isUp = (from, to) => !forbidden.has(from) || !forbidden.has(to) || forbidden.get(from).has(to);

const imports = new Map(files.map((file) => [file, []]));
const arrows = new Map();
for (const file of files) {
  const text = readFileSync(join(sources, file), 'utf8');
  for (const [, specifier] of text.matchAll(/(?:\bfrom|\bimport\(|^import)\s*'([^']+)'/gm)) {
    const to = target(file, specifier);
    if (to === null || to.endsWith('.generated.ts')) continue;
    imports.get(file).push(to);
    if (roomOf(file) === roomOf(to) || !file.includes('/')) continue;
    const arrow = `${roomOf(file)} → ${roomOf(to)}`;
    arrows.set(arrow, [...(arrows.get(arrow) ?? []), `${file} imports ${to}`]);
  }
}

/** Files that reach each other (Tarjan, 1972). */
function circles() {
  const found = [];
  const index = new Map();
  const low = new Map();
  const stack = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const to of imports.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file), low.get(to)));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(group);
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return found;
}

const rooms = new Set(files.filter((file) => file.includes('/')).map(roomOf));
const up = [...arrows].filter(([arrow]) => isUp(...arrow.split(' → ')));
const round = circles();
console.log(
  `${rooms.size} rooms, ${arrows.size} arrows, ${up.length} up or sideways, ${round.length} circles of files`,
);
for (const [arrow, all] of up) console.log(`${arrow}\n  ${all.join('\n  ')}`);
for (const group of round) console.log(`circle: ${group.join(', ')}`);
process.exitCode = up.length + round.length === 0 ? 0 : 1;
