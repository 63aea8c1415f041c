/** The rooms of src/ import each other in one direction, and the linter keeps it. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
const rooms = suite('rooms');

let folder = '';
rooms.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'wgrad-rooms-'));
});
rooms.after(() => rmSync(folder, { recursive: true, force: true }));

/** What the linter says of files that are all there is. */
function lint(files: Readonly<Record<string, string>>): string {
  const here = mkdtempSync(join(folder, 'project-'));
  cpSync(join(root, 'biome.json'), join(here, 'biome.json'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(here, path)), { recursive: true });
    writeFileSync(join(here, path), text);
  }
  const { stdout, stderr } = spawnSync(process.execPath, [biome, 'lint', '--vcs-enabled=false', '.'], {
    cwd: here,
    encoding: 'utf8',
  });
  return stdout + stderr;
}

const A_TYPE = 'export interface Thing {\n  readonly size: number;\n}\n';
const user = (from: string): string =>
  `import type { Thing } from '${from}';\n\nexport const sizeOf = ({ size }: Thing): number => size;\n`;

rooms('what a room imports from below it is fine', () => {
  const said = lint({ 'src/base/thing.ts': A_TYPE, 'src/runtime/user.ts': user('../base/thing.ts') });
  assert.match(said, 'No fixes applied');
  assert.not.match(said, 'noRestrictedImports');
});

rooms('an import of a type from above is an error', () => {
  const said = lint({ 'src/runtime/thing.ts': A_TYPE, 'src/ops/user.ts': user('../runtime/thing.ts') });
  assert.match(said, 'src/ops/user.ts');
  assert.match(said, 'noRestrictedImports');
  assert.match(said, 'src/ops imports only what stands below it');
});

rooms('so is one that is loaded later, one from a deeper folder and one of a type alone', () => {
  for (const text of [
    "export const later = (): Promise<unknown> => import('../../models/thing.ts');\n",
    user('../../models/thing.ts'),
    "export type { Thing } from '../../models/thing.ts';\n",
  ]) {
    assert.match(
      lint({ 'src/models/thing.ts': A_TYPE, 'src/nn/layers/user.ts': text }),
      'src/nn imports only what stands below it',
    );
  }
});

rooms('a leaf imports no other leaf, and the tower no leaf', () => {
  const said = lint({
    'src/pictures/thing.ts': A_TYPE,
    'src/datasets/user.ts': user('../pictures/thing.ts'),
    'src/interchange/user.ts': user('../pictures/thing.ts'),
  });
  assert.match(said, 'src/datasets is a leaf');
  assert.match(said, 'src/interchange imports only what stands below it');
});

rooms('a circle of types is an error', () => {
  const said = lint({
    'src/ir/one.ts': `import type { Two } from './two.ts';\n\nexport interface One {\n  readonly two: Two | null;\n}\n`,
    'src/ir/two.ts': `import type { One } from './one.ts';\n\nexport interface Two {\n  readonly one: One | null;\n}\n`,
  });
  assert.match(said, 'noImportCycles');
});

rooms('a program imports public entries only', () => {
  const thing = { 'src/models/thing.ts': A_TYPE, 'src/index.ts': A_TYPE };
  const refused = 'make what is missing public, or move it here';
  const program = (text: string): string => lint({ ...thing, 'examples/study/user.ts': text, 'bench/user.ts': text });
  for (const text of [
    user('../../src/models/thing.ts'),
    "export const later = (): Promise<unknown> => import('../../src/models/thing.ts');\n",
    "export { makeFolder } from '#platform';\n",
  ]) {
    const said = program(text);
    assert.match(said, refused);
    for (const file of ['examples/study/user.ts', 'bench/user.ts']) assert.match(said, file);
  }
  assert.not.match(lint({ ...thing, 'examples/study/user.ts': user('../../src/index.ts') }), 'noRestrictedImports');
});

rooms('every public entry is one that programs may import, and there are no others', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { overrides } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
  const { linter } = overrides.find(({ includes }: { includes: string[] }) => includes.includes('bench/**'));
  const [{ group }] = linter.rules.style.noRestrictedImports.options.patterns;
  const entries = Object.values<{ default?: string }>(exports)
    .flatMap((entry) => entry.default ?? [])
    .map((file) => file.replace('./dist/', '!**/src/').replace(/js$/, 'ts'));
  const allowed = group.filter((pattern: string) => pattern.startsWith('!'));
  assert.equal(allowed.sort(), entries.sort());
});

rooms('the sources have no arrow up and no circle', () => {
  const { stdout, status } = spawnSync(process.execPath, [join(root, 'scripts/rooms.mjs'), root], { encoding: 'utf8' });
  assert.match(stdout, /^19 rooms, \d+ arrows, 0 up or sideways, 0 circles of files\n$/);
  assert.is(status, 0);
});

rooms.run();
