/** Text of any origin where it is shown: no control of a terminal, nothing that a picture cannot hold. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LossTrail } from '../src/callbacks/divergence/lossTrail.ts';
import {
  ArgumentError,
  DataError,
  Dense,
  decodeSafetensors,
  encodeSafetensors,
  Sequential,
  ShapeError,
  WgradError,
} from '../src/index.ts';
import { quote } from '../src/io/quote.ts';
import { SavedState } from '../src/io/state.ts';
import { plotHistory } from '../src/pictures/index.ts';
import { rejects } from './interruption.ts';

const folder = mkdtempSync(join(tmpdir(), 'wgrad-plain-'));
const test = suite('plainText');
test.after(() => rmSync(folder, { recursive: true }));

/** What clears a screen, renames a window, moves back, turns around, or is such a command in one character. */
const CONTROLS = [
  '\u001b[2J',
  '\u001b]0;title\u0007',
  '\rover',
  '\b\b',
  '\u202etxt',
  '\u009b2J',
  '\u2028',
  '\u0000',
  '\u007f',
];
const isPlain = (text: string): boolean => !/[^\P{Cc}\n\t]|[\u2028-\u202e\u2066-\u2069]/u.test(text);

test('no message of an error has them, whatever it quotes', () => {
  for (const control of CONTROLS) {
    const { message, name } = new ShapeError(`Layer '${control}' is wrong.\n\tDo this.`);
    assert.ok(isPlain(message), JSON.stringify(message));
    assert.match(message, /^Layer '.*' is wrong\.\n\tDo this\.$/);
    assert.is(name, 'ShapeError');
    assert.ok(isPlain(quote(`${control}\n\t`)) && !quote('\n').includes('\n'));
  }
  assert.is(new WgradError("Größe '×' → 1…").message, "Größe '×' → 1…");
  assert.is(quote('dense/kernel ü'), "'dense/kernel ü'");
  assert.is(quote('\u001b[31m'), "'\\u001b[31m'");
});

test('a layer has no such name, from a program or from a file', async () => {
  const model = new Sequential([new Dense(1, { name: 'harmless', inputShape: [1] })]);
  const { tensors, metadata } = decodeSafetensors(await model.toSafetensors());
  for (const control of CONTROLS) {
    const name = `dense${control}`;
    await rejects(() => new Dense(1, { name }), ArgumentError, 'control characters');
    // Escaped in JSON, a file holds it as plain text.
    const architecture = metadata.architecture.replace('"harmless"', JSON.stringify(name));
    assert.is.not(architecture, metadata.architecture);
    const renamed = [...tensors].map(([key, tensor]) => ({ ...tensor, name: key.replace('harmless', name) }));
    const bytes = encodeSafetensors(renamed, { ...metadata, architecture });
    await rejects(() => Sequential.fromSafetensors(bytes), DataError, 'damaged');
    await rejects(() => model.fromSafetensors(bytes), DataError);
  }
  assert.ok(isPlain(model.summary({ print: () => {} })));
  assert.match(
    new Sequential([new Dense(1, { name: 'größe 1', inputShape: [1] })]).summary({ print: () => {} }),
    'größe 1',
  );
  model.dispose();
});

test('tensors and callbacks of a file are quoted plainly', async () => {
  for (const control of CONTROLS) {
    const header = JSON.stringify({ [`a${control}`]: { dtype: 'F32', shape: [9], data_offsets: [0, 4] } });
    const bytes = new Uint8Array(8 + header.length * 3 + 4);
    const { written } = new TextEncoder().encodeInto(header, bytes.subarray(8));
    new DataView(bytes.buffer).setBigUint64(0, BigInt(written), true);
    const error = await Promise.resolve()
      .then(() => decodeSafetensors(bytes.subarray(0, 8 + written + 4)))
      .then(
        () => null,
        (caught: unknown) => caught,
      );
    assert.instance(error, DataError);
    assert.ok(error instanceof Error && isPlain(error.message), control);
  }
  const path = join(folder, 'x.safetensors');
  writeFileSync(path, 'no model');
  const error = await Sequential.load(`${path}\u001b[2J`).then(
    () => null,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof DataError && isPlain(error.message));
});

test('a picture holds whatever names and titles hold, as vectors and as pixels', async () => {
  const history = { loss: [2, 1], 'odd\u0000\u001b\uffff': [1, 2], 'lone \ud800': [3, 4] };
  for (const [given, title] of [
    [history, 'title \u0007 \u001b[31m \ufffe \udc00 <&> 😀'],
    [{ 'run \u0001': history, 'run <&>"\'': history }, undefined],
  ] as const) {
    const picture = await plotHistory(given, { title });
    assert.not.match(picture.svg, /[^\P{Cc}\t\n\r]|[\ufffe\uffff]|\p{Cs}/u);
    assert.ok((await picture.png({ zoom: 0.5 })).length > 1000);
    if (title !== undefined) assert.match(picture.svg, '😀');
  }
});

test('metrics and trainings may have the names that objects have', async () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf']) {
    const numbers = JSON.parse(`{"loss":[2,1],"${name}":[0.25,0.5]}`);
    const alone = await plotHistory(numbers);
    assert.match(alone.svg, name.replaceAll('_', ' '));
    // The same training under that name, beside one that lacks the metric.
    const several = await plotHistory(JSON.parse(`{"${name}":{"loss":[2,1]},"other":{"loss":[3],"acc":[0.5]}}`));
    assert.match(several.svg, `${name}: 1`);
    const beside = await plotHistory({ a: numbers, b: { loss: [1] } });
    assert.match(beside.svg, 'a: ');
  }
});

test('a trail counts the steps of its buckets, whatever its saved state says', () => {
  for (const steps of [0, 3, 1e9]) {
    const buckets = [4, 4].map((count) => ({ steps: count, mass: count, loss: 1, accuracy: null }));
    const trail = new LossTrail(4, 12);
    trail.restore(new SavedState('it', { steps, buckets }));
    trail.add(4, 3, null);
    assert.is(trail.newest(12)?.steps, 12);
    // One step more, and the oldest bucket is forgotten.
    trail.add(4, 3, null);
    assert.is(trail.newest(13), null);
    assert.is(trail.newest(12)?.steps, 12);
  }
  const empty = new LossTrail(4, 12);
  empty.restore(new SavedState('it', { steps: 100, buckets: [] }));
  empty.add(2, 1, 0.5);
  assert.is(empty.newest(2)?.steps, 2);
});

test.run();
