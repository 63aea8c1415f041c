/**
 * Thousands of damaged files: each must give a value or a WgradError, soon and within bounded memory. A failure names its
 * seed; WGRAD_FUZZ=FIRST:COUNT runs other seeds.
 */

import { zipSync } from 'fflate';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError, WgradError } from '../src/base/errors.ts';
import { decodeCifar, recordBytes } from '../src/datasets/cifarFormat.ts';
import { readTar } from '../src/datasets/tar.ts';
import {
  Activation,
  AveragePooling2D,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  GlobalAveragePooling2D,
  MaxPooling2D,
  Rescaling,
  Reshape,
  Sequential,
  zeros,
} from '../src/index.ts';
import { loadWeightsByName } from '../src/interchange/weightsByName.ts';
import { decodeNpy, encodeNpy } from '../src/io/npy.ts';
import { decodeNpz, encodeNpz } from '../src/io/npz.ts';
import { decodeSafetensors, encodeSafetensors } from '../src/io/safetensors.ts';
import { framed } from './framed.ts';
import { fixture, fixturesOf } from './interchange.ts';
import { dice } from './randomGraphs.ts';

const test = suite('hostile files');

const [FIRST, COUNT] = (process.env.WGRAD_FUZZ ?? '1:600').split(':').map(Number);
/** Far above what any of these files takes. */
const MOST_MS = 5000;
const MOST_BYTES = 512 * 2 ** 20;

/** Time that this process has computed, in milliseconds: what else the machine does is no matter. */
function busy(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

type Roll = ReturnType<typeof dice>;
const pick = <T>(roll: Roll, values: readonly T[]): T => values[roll(values.length)];

/** Numbers that break arithmetic, allocation or loops. */
const NUMBERS = ['0', '-1', '1', '2', '1.5', '255', '65536', '1000000000', '4294967296', '9007199254740993', '1e400'];
const WORDS = [0, 1, 2 ** 16 - 1, 2 ** 31, 2 ** 32 - 1];

function spliced(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length - removed + added.length);
  out.set(bytes.subarray(0, at));
  out.set(added, at);
  out.set(bytes.subarray(at + removed), at + added.length);
  return out;
}

/** One to three mutations, anywhere in the bytes. */
function mutated(bytes: Uint8Array, roll: Roll): Uint8Array {
  let out = new Uint8Array(bytes);
  for (let times = 1 + roll(3); times > 0; times--) {
    if (out.length < 8) return out;
    const at = roll(out.length);
    const length = 1 + roll(Math.min(64, out.length - at));
    const some = out.slice(at, at + length);
    switch (roll(8)) {
      case 0:
      case 1:
        out[at] ^= 1 << roll(8);
        break;
      case 2:
        out = out.slice(0, at);
        break;
      case 3: {
        const noise = some.map(() => roll(256));
        out = spliced(out, at, 0, noise);
        break;
      }
      case 4:
        out = spliced(out, at, 0, some);
        break;
      case 5:
        out = spliced(out, at, length, new Uint8Array(0));
        break;
      case 6: {
        const place = roll(out.length - 7);
        const view = new DataView(out.buffer);
        if (roll(4) === 0) view.setBigUint64(place, pick(roll, [2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]), true);
        else view.setUint32(place, pick(roll, WORDS), true);
        break;
      }
      case 7:
        out = withNumber(out, roll);
        break;
    }
  }
  return out;
}

/** Puts another number in the place of one that is written in digits. */
function withNumber(bytes: Uint8Array<ArrayBuffer>, roll: Roll): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(bytes).toString('latin1');
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return bytes;
  const { index, 0: digits } = pick(roll, numbers);
  return spliced(bytes, index, digits.length, Buffer.from(pick(roll, NUMBERS)));
}

/** Stands for a list within a list, and so on, which JSON.stringify cannot write. */
const DEEP = '@deep';
const jsonOf = (value: unknown): string =>
  JSON.stringify(value).replaceAll(`"${DEEP}"`, `${'['.repeat(20_000)}${']'.repeat(20_000)}`);

/** What a JSON value may be exchanged for. */
const hostileValue = (roll: Roll): unknown =>
  pick<() => unknown>(roll, [
    () => null,
    () => true,
    () => Number(pick(roll, NUMBERS)),
    () => -(10 ** roll(20)),
    () => 2 ** roll(60),
    () => '',
    () => pick(roll, ['__proto__', 'constructor', 'toString', 'same', 'relu', 'Dense', 'x'.repeat(10_000)]),
    () => [],
    () => Array.from({ length: roll(5) }, () => 10 ** roll(10)),
    () => new Array(20_000).fill(1),
    () => DEEP,
    () => JSON.parse('{"__proto__":{"dtype":"F32"},"constructor":{"name":{"toString":1}},"toString":1,"length":1e9}'),
  ])();

/** Exchanges, renames, drops or doubles one part of a JSON tree. */
function mutatedJson(value: unknown, roll: Roll): unknown {
  const list = Array.isArray(value);
  if (typeof value !== 'object' || value === null || roll(8) === 0) return hostileValue(roll);
  const entries = Object.entries(value);
  if (entries.length === 0) return hostileValue(roll);
  const at = roll(entries.length);
  const [key, inner] = entries[at];
  switch (roll(10)) {
    case 0:
      entries.splice(at, 1);
      break;
    case 1:
      entries.push(list ? [String(entries.length), inner] : ['__proto__', inner]);
      break;
    case 2:
      entries[at] = [list ? key : pick(roll, ['__proto__', 'constructor', 'toString', `${key}x`]), inner];
      break;
    default:
      entries[at] = [key, mutatedJson(inner, roll)];
  }
  // Keys such as __proto__ become keys like any other.
  return list ? entries.map(([, one]) => one) : Object.fromEntries(entries);
}

function headerOf(file: Uint8Array): { header: Record<string, unknown>; data: Uint8Array } {
  const end = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return { header: JSON.parse(new TextDecoder().decode(file.subarray(8, end))), data: file.subarray(end) };
}

/** A file whose header is sound JSON of a sound length, with nonsense in it. */
function mutatedHeader(file: Uint8Array, roll: Roll): Uint8Array {
  const { header, data } = headerOf(file);
  return framed(jsonOf(mutatedJson(header, roll)), data);
}

/** A saved model whose metadata is sound JSON, with nonsense in it. */
function mutatedModel(file: Uint8Array, roll: Roll): Uint8Array {
  const { header, data } = headerOf(file);
  const metadata = Object.entries(header.__metadata__ ?? {});
  const trees = metadata.filter(([, text]) => /^[[{]/.test(text));
  const simple = roll(5) === 0;
  const [key, text] = pick(roll, simple ? metadata : trees);
  const other = jsonOf(simple ? hostileValue(roll) : mutatedJson(JSON.parse(text), roll));
  const changed = metadata.map((entry) => (entry[0] === key ? [key, other] : entry));
  return framed(JSON.stringify({ ...header, __metadata__: Object.fromEntries(changed) }), data);
}

/** Reads every mutant; asserts on what it throws, how long it takes, and what all of them leave behind. */
async function survive(
  make: (roll: Roll) => Uint8Array,
  read: (bytes: Uint8Array) => unknown,
  { count = COUNT } = {},
): Promise<void> {
  let refused = 0;
  for (let seed = FIRST; seed < FIRST + count; seed++) {
    const bytes = make(dice(seed));
    const began = busy();
    try {
      await read(bytes);
    } catch (error) {
      if (!(error instanceof WgradError))
        throw new Error(`seed ${seed}: ${String(error).slice(0, 200)}`, { cause: error });
      assert.ok(
        error.message.length < 4 * bytes.length + 2000,
        `seed ${seed}: a message of ${error.message.length} letters`,
      );
      refused++;
    }
    const took = busy() - began;
    assert.ok(took < MOST_MS, `seed ${seed}: took ${took} ms`);
    const { external } = process.memoryUsage();
    assert.ok(external < MOST_BYTES, `seed ${seed}: ${external} bytes of arrays`);
  }
  // Otherwise the mutations miss their aim.
  assert.ok(refused > count / 10, `only ${refused} of ${count} were refused`);
}

const safetensors = fixture('all.safetensors');

test('safetensors: bytes', () => survive((roll) => mutated(safetensors, roll), decodeSafetensors));

test('safetensors: headers', () => survive((roll) => mutatedHeader(safetensors, roll), decodeSafetensors));

test('npy', () => {
  const files = fixturesOf('.npy').map(fixture);
  return survive(
    (roll) => mutated(pick(roll, files), roll),
    (bytes) => decodeNpy(bytes),
  );
});

test('npz', () => {
  const noise = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
  const archive = { x: { data: noise, shape: [5, 8] }, zeros: { data: new Float32Array(5000) } };
  const files = [
    encodeNpz(archive),
    encodeNpz(archive, { compressed: true }),
    zipSync({ 'a.npy': encodeNpy(noise), 'b/c.npy': encodeNpy(noise), d: new Uint8Array(9) }, { comment: 'x' }),
    fixture('zip64.npz'),
  ];
  return survive(
    (roll) => mutated(pick(roll, files), roll),
    (bytes) => decodeNpz(bytes),
  );
});

async function makeModel(): Promise<Sequential> {
  const model = new Sequential(
    [
      new Rescaling(1 / 255),
      new Conv2D(2, 3, { padding: 'same', strides: 2, activation: 'relu' }),
      new BatchNormalization(),
      new MaxPooling2D(2, { padding: 'same' }),
      new AveragePooling2D([1, 2]),
      new Dropout(0.25),
      new Reshape([-1, 1, 2]),
      new Activation('tanh'),
      new Conv2D(2, 1),
      new GlobalAveragePooling2D(),
      new Flatten(),
      new Dense(2, { activation: 'softmax' }),
    ],
    { inputShape: [8, 8, 1] },
  );
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' });
  // So that the file holds moments and the state of a training.
  await model.fit(
    zeros([2, 8, 8, 1]),
    [
      [0, 1],
      [1, 0],
    ],
    { verbose: 0 },
  );
  return model;
}

let model: Sequential;
let saved: Uint8Array;

test.before(async () => {
  model = await makeModel();
  saved = await model.toSafetensors();
});

test('saved models: bytes and headers', async () => {
  const read = async (bytes: Uint8Array) => (await Sequential.fromSafetensors(bytes)).dispose();
  await read(saved);
  await survive((roll) => (roll(2) === 0 ? mutated : mutatedHeader)(saved, roll), read);
});

test('saved models: architecture and other metadata', async () => {
  await survive(
    (roll) => mutatedModel(saved, roll),
    async (bytes) => (await Sequential.fromSafetensors(bytes)).dispose(),
  );
});

test('saved models: a small file that describes a large model, or none, is refused before anything is allocated', async () => {
  const described = (inputShape: unknown, layers: unknown[]): Uint8Array =>
    encodeSafetensors([], {
      format: 'wgrad',
      architecture: JSON.stringify({ inputShape, seed: 0, layers }),
    });
  const dense = {
    className: 'Dense',
    name: 'd',
    config: { units: 2 ** 29, activation: 'linear', useBias: true },
  };
  const flatten = { className: 'Flatten', name: 'f', config: {} };
  const reshape = { className: 'Reshape', name: 'r', config: {} };
  const many = Array.from({ length: 30_000 }, (_, at) => ({ ...flatten, name: `f${at}` }));
  const hostile: [string, Uint8Array][] = [
    ['4 GiB', described([1], [dense])],
    ['1e18 weights', described([1e9], [{ ...dense, config: { ...dense.config, units: 1e9 } }])],
    ['a shape beyond 2^53', described([2 ** 52, 2 ** 52, 2 ** 52], [flatten, dense])],
    ['100,000 dimensions', described(new Array(100_000).fill(1), [flatten, dense])],
    ['30,000 layers', described([1], [...many, dense])],
    ['a shape of zeros', described([0, 0], [flatten])],
    ['no numbers in a list', described([1], [{ ...reshape, config: { targetShape: [{ toString: 1 }] } }])],
  ];
  for (const [what, bytes] of hostile) {
    const began = busy();
    try {
      await Sequential.fromSafetensors(bytes);
      assert.unreachable(`${what}: not refused`);
    } catch (error) {
      assert.instance(error, WgradError, what);
    }
    assert.ok(busy() - began < MOST_MS, what);
    assert.ok(process.memoryUsage().external < MOST_BYTES, what);
  }
});

test('weights by name', async () => {
  await survive(
    (roll) => (roll(3) === 0 ? withNumber(new Uint8Array(saved), roll) : mutatedHeader(saved, roll)),
    (bytes) => loadWeightsByName(model, decodeSafetensors(bytes).tensors),
  );
});

/** An archive of two files, by hand: name, size, kind, checksum and padding are all that the reader looks at. */
function tarOf(files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Uint8Array {
  const blocks = files.flatMap(({ path, bytes }) => {
    const header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
    put(path, 0);
    put(`${bytes.length.toString(8).padStart(11, '0')} `, 124);
    put('0', 156);
    put('        ', 148);
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const content = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
    content.set(bytes);
    return [...header, ...content];
  });
  return Uint8Array.from([...blocks, ...new Uint8Array(1024)]);
}

/** Puts the right sum into every header, so that what else is wrong with it is looked at. */
function withSums(archive: Uint8Array): Uint8Array {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    if (!/[0-7]{6}\0 /.test(Buffer.from(archive.subarray(at + 148, at + 156)).toString('latin1'))) continue;
    archive.fill(32, at + 148, at + 156);
    const sum = archive.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    archive.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), at + 148);
  }
  return archive;
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('tar archives', () => {
  const sound = tarOf([
    { path: 'data_batch_1.bin', bytes: new Uint8Array(700).fill(1) },
    { path: 'test_batch.bin', bytes: new Uint8Array(512).fill(2) },
  ]);
  return survive(
    (roll) => {
      const damaged = mutated(sound, roll);
      return roll(2) === 0 ? withSums(damaged) : damaged;
    },
    async (bytes) => {
      const limits = { wanted: () => true, fileBytes: 1e6, archiveBytes: 1e6 };
      for await (const { bytes: content } of readTar(inChunks(bytes, 333), 'x.tar', 'Fetch it again.', limits)) {
        assert.ok(content.length <= bytes.length);
      }
    },
  );
});

test('CIFAR-10 batches', () => {
  const sound = new Uint8Array(2 * recordBytes).fill(3);
  return survive(
    (roll) => mutated(sound, roll),
    (bytes) => decodeCifar([{ name: 'data_batch_1.bin', bytes }]),
    { count: Math.min(COUNT, 300) },
  );
});

test('an error of a reader is a DataError', () => {
  for (const read of [decodeSafetensors, decodeNpy, decodeNpz]) {
    assert.throws(
      () => read(new Uint8Array([1, 2, 3])),
      (error: unknown) => error instanceof DataError,
    );
  }
});

test.run();
