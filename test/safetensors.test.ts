import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DataError } from '../src/base/errors.ts';
import { decodeSafetensors, encodeSafetensors, type SafetensorsInput } from '../src/io/safetensors.ts';
import { framed } from './framed.ts';
import { assertArray, expectedArrays, fixture, pythonWith } from './interchange.ts';

const test = suite('safetensors');

const weights: SafetensorsInput[] = [
  { name: 'pixels', shape: [3], data: new Uint8Array([1, 2, 255]) },
  {
    name: 'dense/kernel',
    shape: [2, 3],
    data: new Float32Array([1, -0, 1e-45, Number.NaN, Number.POSITIVE_INFINITY, 3.5]),
  },
  { name: '10', shape: [2], data: new Int32Array([-(2 ** 31), 2 ** 31 - 1]) },
  { name: '9', shape: [], data: new Float32Array([7]) },
  { name: 'empty', shape: [0, 4], data: new Float32Array(0) },
  { name: 'käse "quoted" \n', shape: [1], data: new Float32Array([8]) },
];

/** A file from any header object (or text) and data bytes. */
const file = (header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array =>
  framed(typeof header === 'string' ? header : JSON.stringify(header), data);

function expectError(kind: typeof DataError | typeof ArgumentError, f: () => unknown, pattern: RegExp): void {
  assert.throws(f, (error: unknown) => {
    if (error instanceof kind && pattern.test(error.message)) return true;
    throw error;
  });
}

test('what is written is read back, bit for bit', () => {
  const bytes = encodeSafetensors(weights, { epoch: '3', note: 'ü' });
  const { tensors, metadata } = decodeSafetensors(bytes);
  assert.equal(metadata, { epoch: '3', note: 'ü' });
  assert.is(tensors.size, weights.length);
  for (const { name, shape, data } of weights) {
    const read = tensors.get(name);
    assert.equal(read?.shape, shape);
    assert.is(read?.data.constructor, data.constructor);
    assert.ok(read !== undefined);
    assert.equal(new Uint8Array(read.data.buffer), new Uint8Array(data.buffer), name);
  }
});

test('the header is padded with spaces to 8 bytes, and the bytes do not vary', () => {
  for (let length = 1; length < 10; length++) {
    const bytes = encodeSafetensors([{ name: 'x'.repeat(length), shape: [1], data: new Float32Array([1]) }]);
    const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    assert.is(headerBytes % 8, 0);
    const text = new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes));
    assert.match(text, /^\{.*\} *$/);
    assert.is(bytes.length, 8 + headerBytes + 4);
  }
  assert.equal(encodeSafetensors(weights, { a: 'b' }), encodeSafetensors(weights, { a: 'b' }));
});

test('every tensor begins at a multiple of its item size', () => {
  const bytes = encodeSafetensors(weights);
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header: Record<string, { dtype: string; data_offsets: [number, number] }> = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)),
  );
  for (const { dtype, data_offsets } of Object.values(header)) {
    if (dtype !== 'U8') assert.is(data_offsets[0] % 4, 0);
  }
});

test('views into larger buffers and files at odd addresses are read and written', () => {
  const backing = new Float32Array([9, 1, 2, 9]);
  const bytes = encodeSafetensors([{ name: 'x', shape: [2], data: backing.subarray(1, 3) }]);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  assert.equal(decodeSafetensors(shifted.subarray(3)).tensors.get('x')?.data, new Float32Array([1, 2]));
  // A header of 57 bytes and a one-byte tensor before: the floats lie at an odd offset.
  const odd = file(
    { u: { dtype: 'U8', shape: [1], data_offsets: [0, 1] }, f: { dtype: 'F32', shape: [1], data_offsets: [1, 5] } },
    new Uint8Array([5, 0, 0, 0x80, 0x3f]),
  );
  assert.equal(decodeSafetensors(odd).tensors.get('f')?.data, new Float32Array([1]));
});

test('the data read is a copy, of a Node Buffer too', () => {
  const pooled = Buffer.from(encodeSafetensors([{ name: 'x', shape: [2], data: new Float32Array([1, 2]) }]));
  assert.equal(decodeSafetensors(pooled).tensors.get('x')?.data, new Float32Array([1, 2]));
  const bytes = encodeSafetensors([{ name: 'x', shape: [1], data: new Uint8Array([1]) }]);
  const { tensors } = decodeSafetensors(bytes);
  bytes.fill(0);
  assert.equal(tensors.get('x')?.data, new Uint8Array([1]));
});

test('F64, F16, BF16 and I64 are converted', () => {
  const read = (dtype: string, data: ArrayBuffer, count: number) =>
    decodeSafetensors(
      file({ x: { dtype, shape: [count], data_offsets: [0, data.byteLength] } }, new Uint8Array(data)),
    ).tensors.get('x');
  assert.equal(read('F64', new Float64Array([0.1, -2]).buffer, 2)?.data, new Float32Array([0.1, -2]));
  assert.is(read('F64', new Float64Array([0.1]).buffer, 1)?.dtype, 'F64');
  const half = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x8000, 0x7bff, 0x7c00, 0xfc00, 0x3555, 0x0400]);
  assert.equal(
    read('F16', half.buffer, 9)?.data,
    new Float32Array([1, -2, 2 ** -24, -0, 65504, Infinity, -Infinity, 0.333251953125, 2 ** -14]),
  );
  assert.ok(Number.isNaN(read('F16', new Uint16Array([0x7e00]).buffer, 1)?.data[0]));
  assert.equal(
    read('BF16', new Uint16Array([0x3f80, 0xc040, 0x7f80]).buffer, 3)?.data,
    new Float32Array([1, -3, Infinity]),
  );
  assert.equal(read('I64', new BigInt64Array([-5n, 2147483647n]).buffer, 2)?.data, new Int32Array([-5, 2147483647]));
  expectError(DataError, () => read('I64', new BigInt64Array([2147483648n]).buffer, 1), /'x'.*2147483648.*int32/);
});

test('each kind of corruption is an error that names the tensor', () => {
  const good = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const eight = new Uint8Array(8);
  const bad = (header: unknown, data: Uint8Array, pattern: RegExp) =>
    expectError(DataError, () => decodeSafetensors(file(header, data)), pattern);
  assert.is(decodeSafetensors(file({ x: good }, eight)).tensors.size, 1);
  expectError(DataError, () => decodeSafetensors(new Uint8Array(7)), /at least 8 bytes/);
  const huge = file({ x: good }, eight);
  new DataView(huge.buffer).setBigUint64(0, 2n ** 63n, true);
  expectError(DataError, () => decodeSafetensors(huge), /at most 100000000/);
  const beyond = file({ x: good }, eight);
  new DataView(beyond.buffer).setBigUint64(0, 1000n, true);
  expectError(DataError, () => decodeSafetensors(beyond), /truncated/);
  bad('{"x": ', eight, /not JSON/);
  bad('[1]', eight, /not a JSON object/);
  bad('null', eight, /not a JSON object/);
  const notText = file('{"x":1}');
  notText[10] = 0xff;
  expectError(DataError, () => decodeSafetensors(notText), /UTF-8/);
  bad({ x: 3 }, eight, /'x' is not described/);
  bad({ x: { ...good, dtype: 'Q4' } }, eight, /'x' has dtype the string 'Q4'/);
  bad({ x: { ...good, dtype: 'toString' } }, eight, /'x' has dtype/);
  bad({ x: { ...good, shape: [-2] } }, eight, /'x' has shape/);
  bad({ x: { ...good, shape: [1.5] } }, eight, /'x' has shape/);
  bad({ x: { ...good, shape: 'two' } }, eight, /'x' has shape/);
  bad({ x: { ...good, data_offsets: [0] } }, eight, /'x' has data_offsets/);
  bad({ x: { ...good, data_offsets: [0, -8] } }, eight, /'x' has data_offsets/);
  bad({ x: { ...good, data_offsets: [8, 0] } }, eight, /'x' ends/);
  bad({ x: good }, new Uint8Array(7), /'x' reaches to byte 8/);
  bad({ x: { ...good, shape: [3] } }, eight, /'x'.*needs 12 bytes/);
  bad({ x: good, y: { ...good, data_offsets: [4, 12] } }, new Uint8Array(12), /'x' and 'y' overlap at byte 4/);
  bad({ x: good, y: { ...good, data_offsets: [12, 20] } }, new Uint8Array(20), /bytes 8 to 12 before tensor 'y'/);
  bad({ x: { ...good, data_offsets: [4, 12] } }, new Uint8Array(12), /bytes 0 to 4 before tensor 'x'/);
  bad({ x: good }, new Uint8Array(9), /1 bytes after the last tensor/);
  bad({ __metadata__: { a: 1 }, x: good }, eight, /'a' is of type number/);
  bad({ __metadata__: [], x: good }, eight, /__metadata__ is not an object/);
});

test('any truncation of a good file is an error', () => {
  const bytes = encodeSafetensors(weights, { a: 'b' });
  for (let length = 0; length < bytes.length; length++) {
    expectError(DataError, () => decodeSafetensors(bytes.subarray(0, length)), /safetensors/);
  }
});

test('what cannot be written is refused', () => {
  const x: SafetensorsInput = { name: 'x', shape: [2], data: new Float32Array(2) };
  expectError(ArgumentError, () => encodeSafetensors([x, x]), /two tensors are named 'x'/);
  expectError(ArgumentError, () => encodeSafetensors([{ ...x, name: '__metadata__' }]), /reserved/);
  expectError(ArgumentError, () => encodeSafetensors([{ ...x, shape: [3] }]), /'x' has 2 values/);
  expectError(ArgumentError, () => encodeSafetensors([{ ...x, shape: [-1, -2] }]), /'x'/);
});

test('an empty file and the name __proto__ survive', () => {
  assert.is(decodeSafetensors(encodeSafetensors([])).tensors.size, 0);
  const bytes = encodeSafetensors([{ name: '__proto__', shape: [1], data: new Float32Array([4]) }]);
  assert.equal(decodeSafetensors(bytes).tensors.get('__proto__')?.data, new Float32Array([4]));
});

test('a name that stands twice in the header is an error, a key of a tensor or of the metadata is none', () => {
  const entry = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';
  const one = new Uint8Array(1);
  expectError(DataError, () => decodeSafetensors(file(`{"x":${entry},"x":${entry}}`, one)), /'x' twice/);
  expectError(DataError, () => decodeSafetensors(file(`{"x":${entry},"\\u0078":${entry}}`, one)), /'x' twice/);
  const escaped = `{"__metadata__":{"x":"{\\"x\\\\","y":"x"},"x":${entry}}`;
  assert.equal(decodeSafetensors(file(escaped, one)).metadata, { x: '{"x\\', y: 'x' });
});

test('hostile headers are errors of their own kind, with short messages', () => {
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
  const long = 'n'.repeat(100_000);
  const hostile = [
    `{"x":{"dtype":${deep},"shape":[1],"data_offsets":[0,1]}}`,
    `{"x":{"dtype":"U8","shape":${deep},"data_offsets":[0,1]}}`,
    `{"x":{"dtype":"U8","shape":[1],"data_offsets":${deep}}}`,
    `{"x":{"dtype":{"constructor":{"name":{"toString":1}}},"shape":[1],"data_offsets":[0,1]}}`,
    `{"${long}":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}`,
    `{"x":{"dtype":"U8","shape":[${'1,'.repeat(50_000)}2],"data_offsets":[0,1]}}`,
    `{"x":{"dtype":"U8","shape":[4294967296,4294967296,1],"data_offsets":[0,1]}}`,
    `{"x":{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,1]}}`,
    `{"x":{"dtype":"U8","shape":[1],"data_offsets":[9007199254740993,9007199254740994]}}`,
    `{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1e400]}}`,
  ];
  for (const header of hostile) {
    try {
      decodeSafetensors(file(header, new Uint8Array(1)));
      assert.unreachable(`not refused: ${header.slice(0, 80)}`);
    } catch (error) {
      assert.instance(error, DataError);
      assert.ok(error instanceof DataError && error.message.length < 500, 'a short message');
    }
  }
});

test("the files of safetensors' own writer are read", () => {
  const { tensors, metadata } = decodeSafetensors(fixture('all.safetensors'));
  const expected = expectedArrays('all.safetensors');
  assert.equal(metadata, { note: 'ünïcode', n: '1' });
  assert.equal([...tensors.keys()].sort(), [...expected.keys()].sort());
  for (const [name, wanted] of expected) assertArray(tensors.get(name), wanted, name);
});

const python = pythonWith('safetensors.numpy');
if (python === null) console.log('safetensors: no python3 with safetensors, so nobody else reads our files');
(python === null ? test.skip : test)("safetensors' own reader reads our files", () => {
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-safetensors-'));
  try {
    const path = join(folder, 'ours.safetensors');
    writeFileSync(path, encodeSafetensors(weights, { note: 'ü' }));
    const read = python?.(
      `
import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework='np') as f:
    out = {name: [t.dtype.name, list(t.shape), t.tobytes().hex()] for name, t in ((n, f.get_tensor(n)) for n in f.keys())}
    print(json.dumps([f.metadata(), out]))
`,
      path,
    );
    const dtypes = new Map<unknown, string>([
      [Float32Array, 'float32'],
      [Int32Array, 'int32'],
      [Uint8Array, 'uint8'],
    ]);
    const expected = weights.map(({ name, shape, data }) => {
      const hex = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
      return [name, [dtypes.get(data.constructor), shape, hex]];
    });
    assert.equal(read, [{ note: 'ü' }, Object.fromEntries(expected)]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the golden files are readable', () => {
  const folder = new URL('../../shared/golden/', import.meta.url);
  if (!existsSync(folder)) {
    console.log('safetensors: ../shared/golden is missing, so no golden file is read');
    return;
  }
  const names = readdirSync(folder).filter((name) => name.endsWith('.safetensors'));
  assert.ok(names.length > 30);
  for (const name of names) {
    const { tensors, metadata } = decodeSafetensors(readFileSync(new URL(name, folder)));
    assert.type(metadata.op, 'string', name);
    assert.ok(tensors.size > 1, name);
    for (const { shape, data } of tensors.values()) {
      assert.is(
        data.length,
        shape.reduce((product, size) => product * size, 1),
      );
    }
  }
});

test.run();
