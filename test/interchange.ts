/** What the tests of file formats share: files that Python wrote, what is in them, and a Python that reads ours. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';

const folder = new URL('./fixtures/interchange/', import.meta.url);

/** One tensor of a fixture: row-major values; JSON has no NaN, no infinity and no -0, so texts stand for them. */
export interface Expected {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly (number | string)[];
}

/** A fixture's bytes. */
export const fixture = (name: string): Uint8Array => readFileSync(new URL(name, folder));

const expectations: Readonly<Record<string, unknown>> = JSON.parse(
  readFileSync(new URL('expected.json', folder), 'utf8'),
);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isExpected = (value: unknown): value is Expected =>
  isRecord(value) && Array.isArray(value.shape) && Array.isArray(value.values) && typeof value.dtype === 'string';

/** What a fixture of one array holds. */
export function expectedArray(name: string): Expected {
  const found = expectations[name];
  if (isExpected(found)) return found;
  throw new Error(`expected.json has no array '${name}'.`);
}

/** What a fixture of named arrays holds. */
export function expectedArrays(name: string): Map<string, Expected> {
  const found = expectations[name];
  if (!isRecord(found)) throw new Error(`expected.json has nothing on '${name}'.`);
  const entries = Object.entries(found).map(([key, value]): [string, Expected] => {
    if (isExpected(value)) return [key, value];
    throw new Error(`expected.json has no array '${key}' in '${name}'.`);
  });
  return new Map(entries);
}

/** Names of all fixtures of one kind that hold single arrays. */
export const fixturesOf = (suffix: string): string[] =>
  Object.keys(expectations).filter((name) => name.endsWith(suffix));

/** Asserts that what was read is what Python wrote, to the bit but for NaN payloads. */
export function assertArray(
  actual: { shape: readonly number[]; dtype: string; data: ArrayLike<number> } | undefined,
  expected: Expected,
  name: string,
): void {
  assert.ok(actual !== undefined, `${name} is missing`);
  assert.equal(actual.shape, expected.shape, `${name}: shape`);
  assert.is(actual.dtype, expected.dtype, `${name}: dtype`);
  const round = actual.data instanceof Float32Array ? Math.fround : Number;
  assert.is(actual.data.length, expected.values.length, `${name}: length`);
  expected.values.forEach((value, at) => {
    const wanted = round(Number(value));
    if (!Object.is(actual.data[at], wanted))
      assert.unreachable(`${name}[${at}]: ${actual.data[at]}, expected ${value}`);
  });
}

/** Runs Python that prints JSON. */
export type Python = (script: string, ...args: string[]) => unknown;

/** A python3 (or WGRAD_PYTHON) that has the modules, or null. */
export function pythonWith(...modules: string[]): Python | null {
  const command = process.env.WGRAD_PYTHON ?? 'python3';
  // Loading PyTorch alone takes a minute where the machine is busy.
  const run = (script: string, args: readonly string[]) =>
    spawnSync(command, ['-c', script, ...args], { encoding: 'utf8', timeout: 300_000 });
  if (run(`import ${modules.join(', ')}`, []).status !== 0) return null;
  return (script, ...args) => {
    const { status, stdout, stderr } = run(script, args);
    if (status !== 0) throw new Error(`Python failed: ${stderr}`);
    return JSON.parse(stdout);
  };
}
