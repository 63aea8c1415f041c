import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DataError } from '../src/base/errors.ts';
import { decodeNpy, encodeNpy } from '../src/io/npy.ts';
import { decodeNpz, encodeNpz } from '../src/io/npz.ts';
import type { Numbers } from '../src/io/numbers.ts';
import { assertArray, expectedArray, expectedArrays, fixture, fixturesOf, pythonWith } from './interchange.ts';

const test = suite('npy and npz');

const arrays: { name: string; shape: number[]; data: Numbers }[] = [
  { name: 'conv2d/kernel', shape: [2, 3], data: new Float32Array([1, -0, 1e-45, NaN, Infinity, 3.5]) },
  { name: '10', shape: [2], data: new Int32Array([-(2 ** 31), 2 ** 31 - 1]) },
  { name: '9', shape: [], data: new Float32Array([7]) },
  { name: '__proto__', shape: [1, 1, 3], data: new Uint8Array([0, 1, 255]) },
  { name: 'leer', shape: [0, 4], data: new Float32Array(0) },
  { name: 'größe', shape: [300], data: new Float32Array(300) },
];

function expectError(kind: typeof DataError | typeof ArgumentError, f: () => unknown, pattern: RegExp): void {
  assert.throws(f, (error: unknown) => {
    if (error instanceof kind && pattern.test(error.message)) return true;
    throw error;
  });
}

/** A file of version 1.0 with any header. */
function npy(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(header);
  return Uint8Array.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length & 255, text.length >> 8, ...text, ...data]);
}

test('the arrays of NumPy are read: all dtypes, byte orders, Fortran order, versions', () => {
  const names = fixturesOf('.npy');
  assert.ok(names.length >= 15);
  for (const name of names) assertArray(decodeNpy(fixture(name)), expectedArray(name), name);
});

test('the archives of NumPy are read: plain, packed, and laid out as beyond 4 GiB', () => {
  for (const file of fixturesOf('.npz')) {
    const read = decodeNpz(fixture(file));
    const expected = expectedArrays(file);
    assert.equal([...read.keys()].sort(), [...expected.keys()].sort(), file);
    for (const [name, wanted] of expected) assertArray(read.get(name), wanted, `${file}: ${name}`);
  }
});

test('what is written is read back, bit for bit', () => {
  for (const compressed of [false, true]) {
    const bytes = encodeNpz(arrays, { compressed });
    const read = decodeNpz(bytes);
    assert.equal(
      [...read.keys()],
      arrays.map(({ name }) => name),
    );
    for (const { name, shape, data } of arrays) {
      const one = read.get(name);
      assert.ok(one !== undefined);
      assert.equal(one.shape, shape);
      assert.is(one.data.constructor, data.constructor);
      assert.equal(new Uint8Array(one.data.buffer), new Uint8Array(data.buffer), name);
    }
    assert.equal(encodeNpz(arrays, { compressed }), bytes, 'the bytes do not vary');
  }
  assert.ok(encodeNpz(arrays, { compressed: true }).length < encodeNpz(arrays).length);
  const [first] = arrays;
  assert.equal(encodeNpz({ [first.name]: first }), encodeNpz(new Map([[first.name, first]])));
});

test('the numbers begin at a multiple of 64, of views too', () => {
  for (let rank = 0; rank < 40; rank++) {
    const bytes = encodeNpy(new Float32Array([9, 5, 9]).subarray(1, 2), new Array(rank).fill(1));
    assert.is(bytes.length % 64, 4);
    assert.equal(decodeNpy(bytes).data, new Float32Array([5]));
  }
  assert.equal(decodeNpy(encodeNpy(new Int32Array([1, 2]))).shape, [2]);
});

const python = pythonWith('numpy');
if (python === null) console.log('npz: no python3 with numpy, so nobody else reads our files');
(python === null ? test.skip : test)('NumPy reads our files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-npz-'));
  try {
    for (const compressed of [false, true]) {
      const path = join(folder, `ours${compressed}.npz`);
      writeFileSync(path, encodeNpz(arrays, { compressed }));
      const read = python?.(
        `
import json, sys
import numpy as np
print(json.dumps([[name, list(t.shape), t.tobytes().hex()] for name, t in np.load(sys.argv[1]).items()]))
`,
        path,
      );
      const expected = arrays.map(({ name, shape, data }) => [name, shape, Buffer.from(data.buffer).toString('hex')]);
      assert.equal(read, expected);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is no array of numbers is refused with the remedy', () => {
  expectError(DataError, () => decodeNpy(fixture('refused_object.npy')), /Python objects.*astype/);
  expectError(DataError, () => decodeNpy(fixture('refused_fields.npy')), /structured.*each field/);
  expectError(DataError, () => decodeNpy(fixture('refused_complex.npy')), /'<c8'.*readable are/);
  const bad = (header: string, pattern: RegExp, data?: Uint8Array) =>
    expectError(DataError, () => decodeNpy(npy(header, data)), pattern);
  const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
  assert.is(decodeNpy(npy(good, new Uint8Array(4))).data.length, 1);
  assert.is(decodeNpy(npy(good.replace('(1,)', '(1L,)'), new Uint8Array(4))).data.length, 1);
  bad(good, /needs 4 bytes, 3 follow/, new Uint8Array(3));
  bad(good, /needs 4 bytes, 5 follow/, new Uint8Array(5));
  bad(good.replace('(1,)', '(-1,)'), /expected a dictionary/);
  bad(good.replace('(1,)', '(1 2)'), /shape is/);
  bad(good.replace('(1,)', '(1,,1)'), /shape is/);
  bad(good.replace('(1,)', '(99999999999999999999,)'), /shape is/);
  bad(good.replace('(1,)', '(4294967296,4294967296)'), /needs/);
  bad(good.replace("'<f4'", "'f4'"), /dtype/);
  bad(good.replace("'<f4'", "'<U4'"), /dtype/);
  bad(good.replace("'<f4'", "'<valueOf'"), /dtype/);
  bad(good.replace('}', ''), /expected a dictionary/);
  bad("{'descr': '<f4', 'shape': (1,)}", /expected a dictionary/);
  bad('', /expected a dictionary/);
  expectError(DataError, () => decodeNpy(new Uint8Array(3)), /does not begin/);
  expectError(DataError, () => decodeNpy(Uint8Array.from(npy(good)).fill(9, 6, 7)), /version is 9/);
  expectError(DataError, () => decodeNpy(npy(good).subarray(0, 30)), /truncated/);
  const huge = fixture('version2.npy').slice();
  huge.fill(255, 8, 12);
  expectError(DataError, () => decodeNpy(huge), /claims 4294967295/);
  expectError(DataError, () => decodeNpy(huge.subarray(0, 10)), /DataError|claims|truncated/);
  const wide = encodeNpy(new Int32Array([0, 1]));
  const long = new TextDecoder('latin1').decode(wide).replace("'<i4'", "'<i8'");
  expectError(
    DataError,
    () => decodeNpy(Buffer.from(long.replace('(2,)', '(1,)'), 'latin1')),
    /does not fit into int32/,
  );
});

test('what cannot be written is refused', () => {
  expectError(ArgumentError, () => encodeNpy(new Float32Array(2), [3]), /2 values.*\[3\]/);
  expectError(ArgumentError, () => encodeNpz([arrays[0], arrays[0]]), /two arrays are named/);
});

test('archives that unpack without bound, overlap or repeat a name are refused', () => {
  const zeros = encodeNpy(new Float32Array(2 ** 20));
  const bomb = zipSync({ 'a.npy': zeros, 'b.npy': zeros });
  assert.ok(bomb.length < 20_000);
  assert.is(decodeNpz(bomb).size, 2);
  expectError(DataError, () => decodeNpz(bomb, { maxBytes: 6 * 2 ** 20 }), /'b.npy'.*8388864 bytes.*maxBytes/);

  // The central directory's entry of `a`: its sizes at 20 and 24, its name at 46.
  const small = zipSync({ 'a.npy': encodeNpy(new Float32Array(64)), 'b.npy': encodeNpy(new Float32Array(64)) });
  const entries = [...small.keys()].filter((at) => small[at] === 0x50 && small[at + 1] === 0x4b && small[at + 2] === 1);
  assert.is(entries.length, 2);
  const changed = (change: (view: DataView, entry: number) => void): Uint8Array => {
    const copy = small.slice();
    change(new DataView(copy.buffer), entries[0]);
    return copy;
  };
  const claim = changed((view, entry) => view.setUint32(entry + 24, 2 ** 29, true));
  expectError(DataError, () => decodeNpz(claim), /'a.npy' claims 536870912 bytes/);
  const overlap = changed((view, entry) => view.setUint32(entry + 20, small.length, true));
  expectError(DataError, () => decodeNpz(overlap), /overlaps/);
  const twice = changed((view, entry) => view.setUint8(entry + 46, 'b'.charCodeAt(0)));
  expectError(DataError, () => decodeNpz(twice), /'b.npy' stands twice/);
  const method = changed((view, entry) => view.setUint16(entry + 10, 12, true));
  expectError(DataError, () => decodeNpz(method), /method 12/);
  const less = changed((view, entry) => view.setUint32(entry + 24, 300, true));
  expectError(DataError, () => decodeNpz(less), /array 'a'.*needs 256 bytes/);
  expectError(DataError, () => decodeNpz(new Uint8Array(0)), /no sound zip archive/);
  expectError(DataError, () => decodeNpz(small.subarray(0, -30)), /no sound zip archive/);
});

test('other files in an archive are passed over', () => {
  const archive = zipSync({ 'readme.txt': new Uint8Array(3), 'x.npy': encodeNpy(new Uint8Array([5])) });
  assert.equal([...decodeNpz(archive).keys()], ['x']);
});

test('arrays have at most 64 dimensions, as in NumPy, whatever a header of 64 KB can say', () => {
  const ones = (count: number): string => Array(count).fill(1).join(',');
  const header = (count: number, first = 1): string =>
    `{'descr': '<f4', 'fortran_order': True, 'shape': (${first},${ones(count - 1)}), }`;
  assert.is(decodeNpy(npy(header(64), new Uint8Array(4))).shape.length, 64);
  for (const count of [65, 31_000]) {
    const message = new RegExp(`has ${count} dimensions, NumPy has at most 64; reshape`);
    expectError(DataError, () => decodeNpy(npy(header(count), new Uint8Array(4))), message);
    const archive = zipSync({ 'a.npy': npy(header(count, 0)) }, { level: 9 });
    expectError(DataError, () => decodeNpz(archive), message);
  }
  const shape = Array.from({ length: 65 }, () => 1);
  expectError(ArgumentError, () => encodeNpy(new Uint8Array(1), shape), /65 dimensions are more than NumPy has \(64\)/);
  expectError(ArgumentError, () => encodeNpz({ a: { data: new Uint8Array(1), shape } }), /65 dimensions/);
  assert.is(decodeNpy(encodeNpy(new Uint8Array(1), shape.slice(1))).shape.length, 64);
});

test('dimensions of one element cost nothing in Fortran order', () => {
  const count = 2 ** 18;
  const bytes = Uint8Array.from({ length: count }, (_, at) => at % 253);
  const column = (ones: number): Uint8Array => {
    const shape = [2, count / 2, ...Array.from({ length: ones }, () => 1)];
    return npy(`{'descr': '|u1', 'fortran_order': True, 'shape': (${shape}), }`, bytes);
  };
  /** The fastest of some, which a busy machine disturbs least. */
  const timeOf = (file: Uint8Array): number =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const began = performance.now();
        decodeNpy(file);
        return performance.now() - began;
      }),
    );
  const [many, few] = [column(62), column(0)];
  assert.equal(decodeNpy(many).data, decodeNpy(few).data);
  assert.equal([...decodeNpy(many).data.subarray(0, 3)], [0, 2, 4]);
  const ratio = timeOf(many) / timeOf(few);
  assert.ok(ratio < 8, `${ratio} times as long`);
  // Between others as well, and with the other byte order.
  const mixed = `{'descr': '>i4', 'fortran_order': True, 'shape': (1, 2, 1, 3, 1), }`;
  const words = [1, 2, 3, 4, 5, 6].flatMap((value) => [0, 0, 1, value]);
  assert.equal([...decodeNpy(npy(mixed, Uint8Array.from(words))).data], [257, 259, 261, 258, 260, 262]);
});

test.run();
