/** What a model file may make a reader do: bounds on nesting, values, dimensions and what errors quote of it. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describe } from '../src/base/describe.ts';
import { ArgumentError, DataError } from '../src/base/errors.ts';
import { decodeSafetensors, encodeSafetensors, Sequential } from '../src/index.ts';
import { problemOfJson } from '../src/io/json.ts';
import { decodeState } from '../src/io/state.ts';
import { readArchitecture } from '../src/training/file/architecture.ts';
import { restoreFrom } from '../src/training/onDemand/restoreFrom.ts';
import { framed } from './framed.ts';
import { rejects } from './interruption.ts';

const test = suite('bounds of files');

/** Asserts a DataError that is short. */
async function refused(read: () => unknown, ...parts: string[]): Promise<void> {
  let length = 0;
  const measured = async (): Promise<void> => {
    try {
      await read();
    } catch (error) {
      length = String(error).length;
      throw error;
    }
  };
  await rejects(measured, DataError, ...parts);
  assert.ok(length < 500, `${length} characters`);
}

const entry = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';

test('headers that are nested or full of values are refused before they are parsed', async () => {
  const many = 2_100_000;
  const flood = (one: string): string => `[${Array(many).fill(one)}]`;
  for (const [header, message] of [
    ['['.repeat(1e6), 'is nested more than 4 deep'],
    [`{"x":${'{"a":'.repeat(1e5)}`, 'is nested more than 4 deep'],
    [`{"x":{"shape":${flood('[]')}}}`, 'holds more than 2097152 values'],
    [`{"x":{"shape":${flood('1')}}}`, 'holds more than 2097152 values'],
    [`{"x":${flood('{}')}}`, 'holds more than 2097152 values'],
    [`{"__metadata__":{"a":${flood('"b"')}}}`, 'holds more than 2097152 values'],
  ]) {
    const bytes = framed(header);
    await refused(() => decodeSafetensors(bytes), `safetensors: the header ${message}; write the file again`);
  }
});

test('what is written stays within the bounds of what is read', async () => {
  const data = new Uint8Array(0);
  const empty = Array.from({ length: 64 }, () => 0);
  const tensors = Array.from({ length: 32_000 }, (_, at) => ({ name: `${at}`, shape: empty, data }));
  await rejects(() => encodeSafetensors(tensors), ArgumentError, 'holds more than', 'write several files');
  const fewer = tensors.slice(0, 1000);
  assert.is(decodeSafetensors(encodeSafetensors(fewer)).tensors.size, 1000);
  const shape = Array.from({ length: 65 }, () => 1);
  const x = { name: 'x', data: new Uint8Array(1), shape };
  await rejects(() => encodeSafetensors([x]), ArgumentError, "'x' has 65 dimensions, at most 64 are read; reshape it");
  const back = decodeSafetensors(encodeSafetensors([{ ...x, shape: shape.slice(1) }]));
  assert.is(back.tensors.get('x')?.shape.length, 64);
  await refused(
    () => decodeSafetensors(framed(`{"x":{"dtype":"U8","shape":[${shape}],"data_offsets":[0,1]}}`)),
    "'x' has 65 dimensions, at most 64 are read",
  );
});

test('a key that stands twice is refused wherever it stands', async () => {
  for (const [header, key] of [
    [`{"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 'dtype'],
    [`{"x":{"dtype":"U8","shape":[1],"sh\\u0061pe":[1],"data_offsets":[0,1]}}`, 'shape'],
    [`{"__metadata__":{"format":"a","other":"format","format" :"b"},"x":${entry}}`, 'format'],
    [`{"__metadata__":{},"__metadata__":{"a":"b"},"x":${entry}}`, '__metadata__'],
    [`{"x":${entry}\n,\t"x"\r\n :${entry}}`, 'x'],
  ]) {
    await refused(() => decodeSafetensors(framed(header)), `the header holds '${key}' twice`);
  }
  // Equal texts that are no keys of one object.
  const fine = `{"__metadata__":{"x":"x","dtype":"x","y":"{\\"y\\":1,\\"y\\":2}"},"x":${entry}}`;
  assert.is(decodeSafetensors(framed(fine)).tensors.size, 1);
});

test('what is no JSON at all is left to the parser', () => {
  const limits = { depth: 3, values: 100 };
  for (const text of ['', '"', '"\\', '{"a', '{"a":', '}}}]]]', '{"\\q":1,"b":2}', ',', '{]', '[}', '"a":"b"']) {
    assert.is(problemOfJson(text, limits), null, text);
  }
  assert.is(problemOfJson('[[[]]]', limits), null);
  assert.is(problemOfJson('[[[[]]]]', limits), 'is nested more than 3 deep');
  assert.is(problemOfJson('{"a":"[[[[[[","b":{"a":1}}', limits), null);
  assert.is(problemOfJson(`[${Array(98).fill(1)}]`, limits), null);
  assert.is(problemOfJson(`[${Array(101).fill(1)}]`, limits), 'holds more than 100 values');
  assert.is(
    problemOfJson('{"\\q":1,"\\q":2}', limits),
    'holds \'"\\q"\' twice, and readers differ in which one counts',
  );
});

test('the JSON within the metadata has bounds, too', async () => {
  const deep = '['.repeat(1e6);
  await refused(() => decodeState(deep, new Map()), 'The saved state is nested more than 100 deep', 'save it again.');
  await refused(() => decodeState('{"a":1,"a":2}', new Map()), "holds 'a' twice");
  const architecture = (text: string) => () => readArchitecture({ metadata: { format: 'wgrad', architecture: text } });
  await refused(architecture(deep), 'the architecture in the file is nested more than 64 deep');
  await refused(architecture('{"seed":1,"seed":2}'), "holds 'seed' twice", 'Save the model again.');
});

test('errors quote only the beginning of what a file holds', async () => {
  const long = 'n'.repeat(1_000_000);
  const model = (change: (layer: Record<string, unknown>) => void): Uint8Array => {
    const layer = { className: 'Dense', name: 'dense', config: { units: 1, activation: 'linear', useBias: false } };
    change(layer);
    const architecture = JSON.stringify({ inputShape: [1], seed: 0, layers: [layer] });
    return encodeSafetensors([], { format: 'wgrad', architecture });
  };
  const cases: readonly ((layer: Record<string, unknown>) => void)[] = [
    (layer) => Object.assign(layer, { className: long }),
    (layer) => Object.assign(layer, { config: { units: long } }),
    (layer) => Object.assign(layer, { config: { units: { [long]: 1 } } }),
    (layer) => Object.assign(layer, { config: { units: [long, long] } }),
    (layer) => Object.assign(layer, { config: { units: { constructor: { name: long } } } }),
  ];
  for (const change of cases) await refused(() => Sequential.fromSafetensors(model(change)), 'nnn');
  await refused(() => decodeState(`{"a":{"$tensor":"${long}"}}`, new Map()), 'nnn');
  await refused(() => decodeSafetensors(framed(`{"${long}":1,"${long}":1}`)), 'nnn');
  assert.ok(describe({ [long]: 1 }).length < 100);
});

test('sentences of a message that are put together stay apart', async () => {
  for (const bytes of [new Uint8Array(3), framed('{'), framed('[1]')]) {
    const restored = restoreFrom('backup', () => decodeSafetensors(bytes));
    await rejects(() => restored, DataError, 'fetch it again. Or delete the file to begin anew.');
  }
  const full = restoreFrom('backup', () => decodeState('{', new Map()));
  await rejects(() => full, DataError, 'save it again. Or delete the file to begin anew.');
});

test.run();
