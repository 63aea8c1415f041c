/** TensorBoard's event files, read by a reader that shares nothing with the writer: whole after kills, in Keras' layout. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { decode } from 'fast-png';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { uniform } from '../src/base/random.ts';
import {
  ArgumentError,
  BackupAndRestore,
  Callback,
  Conv2D,
  CSVLogger,
  DataError,
  Dense,
  FileError,
  type FitOptions,
  Flatten,
  type History,
  JSONLogger,
  Rescaling,
  Sequential,
  tensor,
  type Weight,
} from '../src/index.ts';
import { filterPixels } from '../src/io/pixels.ts';
import { SavedState } from '../src/io/state.ts';
import { encodeSummary, encodeVersion } from '../src/tensorboard/event.ts';
import { filterImage } from '../src/tensorboard/filterImage.ts';
import { histogramOf } from '../src/tensorboard/histogram.ts';
import { TensorBoard, type TensorBoardOptions } from '../src/tensorboard/index.ts';
import { encodeRecord, wholeRecords } from '../src/tensorboard/record.ts';
import { bundleProgram } from './bundleProgram.ts';
import { FakeModel, params, train as trainFake } from './callbacks.fake.ts';
import { Interrupt, interrupted, rejects } from './interruption.ts';
import { LOADER } from './loader.ts';

const self = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));

// The reader: CRC-32C by its definition, bit by bit, and protocol buffers by their wire format.

function crc(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  }
  return ~rest >>> 0;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The checksum that a place of a file holds, unmasked. */
function checksumAt(file: Uint8Array, at: number): number {
  const turned = (viewOf(file).getUint32(at, true) - 0xa282ead8) >>> 0;
  return ((turned << 15) | (turned >>> 17)) >>> 0;
}

/** The payloads of all records; whatever is not whole is an error. */
function recordsOf(file: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(viewOf(file).getBigUint64(at, true));
    assert.is(checksumAt(file, at + 8), crc(file.subarray(at, at + 8)), `the length of the record at ${at}`);
    const payload = file.subarray(at + 12, at + 12 + length);
    assert.is(payload.length, length);
    assert.is(checksumAt(file, at + 12 + length), crc(payload), `the payload of the record at ${at}`);
    records.push(payload);
    at += length + 16;
  }
  return records;
}

/** A message's fields by number: whole numbers, or the bytes of everything else. */
function fieldsOf(message: Uint8Array): Map<number, (bigint | Uint8Array)[]> {
  const fields = new Map<number, (bigint | Uint8Array)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const [field, kind] = [key >>> 3, key & 7];
    const values = fields.get(field) ?? [];
    fields.set(field, values);
    if (kind === 0) {
      values.push(varint());
      continue;
    }
    const length = kind === 1 ? 8 : kind === 5 ? 4 : kind === 2 ? Number(varint()) : Number.NaN;
    assert.ok(at + length <= message.length, `field ${field} of kind ${kind}`);
    values.push(message.subarray(at, at + length));
    at += length;
  }
  return fields;
}

class Fields {
  readonly #fields: Map<number, (bigint | Uint8Array)[]>;
  constructor(message: Uint8Array) {
    this.#fields = fieldsOf(message);
  }
  all(field: number): Uint8Array[] {
    return (this.#fields.get(field) ?? []).map((value) => (value instanceof Uint8Array ? value : fail('a number')));
  }
  bytes(field: number): Uint8Array | null {
    return this.all(field)[0] ?? null;
  }
  whole(field: number): number {
    const [value = 0n] = this.#fields.get(field) ?? [];
    return typeof value === 'bigint' ? Number(value) : fail('no number');
  }
  doubles(field: number): number[] {
    return this.all(field).flatMap((bytes) =>
      Array.from({ length: bytes.length / 8 }, (_, i) => viewOf(bytes).getFloat64(i * 8, true)),
    );
  }
  text(field: number): string | null {
    const bytes = this.bytes(field);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }
}

interface Point {
  readonly tag: string;
  readonly step: number;
  readonly scalar?: number;
  readonly histogram?: Readonly<Record<'min' | 'max' | 'num' | 'sum' | 'sumSquares', number>> & {
    readonly limits: number[];
    readonly counts: number[];
  };
  readonly image?: {
    readonly height: number;
    readonly width: number;
    readonly channels: number;
    readonly png: number[];
  };
}

interface Read {
  readonly version: string | null;
  readonly times: number[];
  readonly points: Point[];
}

function read(file: Uint8Array): Read {
  const events = recordsOf(file).map((payload) => new Fields(payload));
  const points = events.slice(1).flatMap((event) => {
    const step = event.whole(2);
    const summary = event.bytes(5) ?? fail('no summary');
    return new Fields(summary).all(1).map((value) => pointOf(new Fields(value), step));
  });
  return { version: events[0].text(3), times: events.map((event) => event.doubles(1)[0]), points };
}

function pointOf(value: Fields, step: number): Point {
  const [tag, simple, image, histogram] = [value.text(1) ?? '', value.bytes(2), value.bytes(4), value.bytes(5)];
  if (simple !== null) return { tag, step, scalar: viewOf(simple).getFloat32(0, true) };
  if (image !== null) {
    const of = new Fields(image);
    const png = [...(of.bytes(4) ?? [])];
    return { tag, step, image: { height: of.whole(1), width: of.whole(2), channels: of.whole(3), png } };
  }
  const of = new Fields(histogram ?? fail('an empty value'));
  const [min, max, num, sum, sumSquares] = [1, 2, 3, 4, 5].map((field) => of.doubles(field)[0]);
  return { tag, step, histogram: { min, max, num, sum, sumSquares, limits: of.doubles(6), counts: of.doubles(7) } };
}

function fail(problem: string | Error): never {
  throw problem instanceof Error ? problem : new Error(problem);
}

const eventFiles = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** All that the files of a run hold, those of an earlier name first. */
function pointsOf(logDir: string, run: 'train' | 'validation'): Point[] {
  const folder = join(logDir, run);
  return eventFiles(folder).flatMap((name) => {
    const { version, times, points } = read(readFileSync(join(folder, name)));
    assert.is(version, 'brain.Event:2');
    assert.ok(times.every((time, i) => time > 1.7e9 && time >= (times[i - 1] ?? 0)));
    return points;
  });
}

/** Steps and values of a chart. */
const chart = (points: readonly Point[], tag: string): (readonly [number, number | undefined])[] =>
  points.filter((point) => point.tag === tag).map(({ step, scalar }) => [step, scalar]);

const tagsOf = (points: readonly Point[]): string[] => [...new Set(points.map(({ tag }) => tag))].sort();

const rounded = (values: readonly number[]): (readonly [number, number])[] =>
  values.map((value, epoch) => [epoch, Math.fround(value)]);

// A training with images: 26 examples in 7 batches, the last one shorter, and 14 for validation.

const COUNT = 40;
const images = uniform(COUNT * 36, { seed: 1, low: -1 });
const x = tensor(images, [COUNT, 6, 6, 1]);
const y = tensor(
  Int32Array.from({ length: COUNT }, (_, i) => i % 3),
  [COUNT],
);
const OPTIONS: FitOptions = { epochs: 4, batchSize: 4, verbose: 0, validationSplit: 0.35 };

function network(scale = 1): Sequential {
  const layers = [new Rescaling(scale), new Conv2D(4, 3), new Flatten(), new Dense(3, { activation: 'softmax' })];
  return new Sequential(layers, { inputShape: [6, 6, 1], seed: 3 }).compile({
    optimizer: 'adam',
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
}

async function train(callbacks: readonly Callback[], options: FitOptions = {}): Promise<History['history']> {
  const model = network();
  const { history } = await model.fit(x, y, { ...OPTIONS, ...options, callbacks });
  model.dispose();
  return history;
}

// As a second process: trains, and says so after each epoch, until it is killed.

const LONG = 120;

if (process.argv[2] === '--trains') {
  const there = (name: string): string => join(process.argv[3], name);
  class Tell extends Callback {
    override onEpochEnd(): void {
      process.stdout.write('.');
    }
  }
  const callbacks = [
    new TensorBoard(there('logs'), { updateFreq: 'batch', histogramFreq: 3, writeImages: true }),
    new JSONLogger(there('log.jsonl')),
    new CSVLogger(there('log.csv')),
    new BackupAndRestore(there('backup.safetensors')),
    new Tell(),
  ];
  await train(callbacks, { epochs: LONG });
  process.exit();
}

const folder = mkdtempSync(join(tmpdir(), 'wgrad-tensorboard-'));
const here = (...names: string[]): string => join(folder, ...names);

const format = suite('tensorboard: format');

/** Two records that TensorBoard 2.21's own writer wrote, with the messages of Google's protocol buffers. */
const GOLDEN = Buffer.from(
  'GAAAAAAAAACjf0siCQAAEED8VNlBGg1icmFpbi5FdmVudDoyM40v6bIAAAAAAAAAJzGeBwkAAGBA/FTZQRCAvMGWCyqgAQoRCgplcG9jaF9sb3Nz' +
    'FQAAwD8KDwoIZXBvY2hfw7wVAADAfwpgCgtrL2hpc3RvZ3JhbSpRCQAAAAAAAPC/EQAAAAAAAABAGQAAAAAAAAhAIQAAAAAAAPg/KQAAAAAAABVA' +
    'MhAAAAAAAADgPwAAAAAAAABAOhAAAAAAAADwPwAAAAAAAABAChgKB2svaW1hZ2UiDQisAhACGAMiBIlQTkcRIot3',
  'base64',
);

format('what is written is to the byte what TensorBoard writes itself', () => {
  const histo = { min: -1, max: 2, num: 3, sum: 1.5, sumSquares: 5.25, bucketLimit: [0.5, 2], bucket: [1, 2] };
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47);
  const ours = Buffer.concat([
    encodeRecord(encodeVersion(1_700_000_000.25)),
    encodeRecord(
      encodeSummary(1_700_000_001.5, 3_000_000_000, [
        { tag: 'epoch_loss', simpleValue: 1.5 },
        { tag: 'epoch_ü', simpleValue: Number.NaN },
        { tag: 'k/histogram', histo },
        { tag: 'k/image', image: { height: 300, width: 2, colorspace: 3, encodedImageString: png } },
      ]),
    ),
  ]);
  assert.is(ours.toString('base64'), GOLDEN.toString('base64'));
});

format('the reader of these tests reads what TensorBoard wrote', () => {
  const { version, times, points } = read(GOLDEN);
  assert.is(version, 'brain.Event:2');
  assert.equal(times, [1_700_000_000.25, 1_700_000_001.5]);
  const step = 3_000_000_000;
  assert.equal(points, [
    { tag: 'epoch_loss', step, scalar: 1.5 },
    { tag: 'epoch_ü', step, scalar: Number.NaN },
    {
      tag: 'k/histogram',
      step,
      histogram: { min: -1, max: 2, num: 3, sum: 1.5, sumSquares: 5.25, limits: [0.5, 2], counts: [1, 2] },
    },
    { tag: 'k/image', step, image: { height: 300, width: 2, channels: 3, png: [0x89, 0x50, 0x4e, 0x47] } },
  ]);
});

format('what is not whole ends the records: cut anywhere, damaged anywhere', () => {
  const first = encodeRecord(encodeVersion(1)).length;
  assert.is(wholeRecords(GOLDEN, Number.POSITIVE_INFINITY), GOLDEN.length);
  for (let most = 0; most < GOLDEN.length; most++) {
    assert.is(wholeRecords(GOLDEN, most), most < first ? 0 : first, `${most} bytes`);
    const damaged = Uint8Array.from(GOLDEN);
    damaged[most] ^= 16;
    assert.is(wholeRecords(damaged, damaged.length), most < first ? 0 : first, `damaged at ${most}`);
  }
});

format('histograms count the finite values and tell of the others', () => {
  const values = Float32Array.of(-3, -2.95, 0, 0, 2.85, 3, Number.NaN, Number.POSITIVE_INFINITY);
  const { histogram, notFinite } = histogramOf(values);
  assert.is(notFinite, 2);
  const { min, max, num, sum, sumSquares, bucketLimit, bucket } = histogram ?? fail('no histogram');
  assert.equal([min, max, num], [-3, 3, 6]);
  assert.ok(Math.abs(sum + 0.1) < 1e-6 && Math.abs(sumSquares - 34.825) < 1e-5);
  assert.equal(
    bucket,
    Array.from({ length: 30 }, (_, i) => ({ 0: 2, 15: 2, 29: 2 })[i] ?? 0),
  );
  assert.is(bucketLimit.at(-1), 3);
  bucketLimit.forEach((limit, i) => {
    assert.ok(Math.abs(limit - (-3 + (i + 1) * 0.2)) < 1e-9);
  });
  const equal = histogramOf(new Float32Array(5).fill(0.25)).histogram;
  assert.equal(equal, {
    min: 0.25,
    max: 0.25,
    num: 5,
    sum: 1.25,
    sumSquares: 0.3125,
    bucketLimit: [0.25],
    bucket: [5],
  });
  const largest = histogramOf(Float32Array.of(-3.4e38, 3.4e38)).histogram;
  assert.equal([largest?.bucket[0], largest?.bucket[29]], [1, 1]);
  assert.equal(histogramOf(Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY)), { histogram: null, notFinite: 2 });
  assert.equal(histogramOf(new Float32Array()), { histogram: null, notFinite: 0 });
});

format('filters become squares that are large enough to see', () => {
  for (const [channels, filters, across, down] of [
    [3, 5, 3, 2],
    [1, 4, 2, 2],
    [2, 5, 2, 5],
  ]) {
    const shape = [3, 3, channels, filters];
    const kernel: Weight = {
      name: 'conv2d/kernel',
      shape,
      data: uniform(9 * channels * filters, { seed: 2, low: -1 }),
    };
    kernel.data[0] = Number.NaN;
    const { width, height, colorspace, encodedImageString } = filterImage(kernel);
    const png = decode(encodedImageString);
    assert.equal([png.width, png.height, png.channels, colorspace], [width, height, 3, 3]);
    const cell = width / (across * 4 - 1);
    assert.is(height, (down * 4 - 1) * cell);
    assert.ok(Math.max(width, height) > 256 && Math.max(width, height) <= 512, `${width} × ${height}`);
    filterPixels(kernel).forEach((tile, i) => {
      for (const [row, column] of [
        [0, 0],
        [2, 1],
      ]) {
        for (const part of [0.01, 0.99]) {
          const px = Math.floor(((i % across) * 4 + column + part) * cell);
          const py = Math.floor((Math.floor(i / across) * 4 + row + part) * cell);
          const at = (py * width + px) * 3;
          const from = (row * 3 + column) * 3;
          assert.equal([...png.data.subarray(at, at + 3)], [...tile.data.subarray(from, from + 3)], `tile ${i}`);
        }
      }
    });
  }
  // A large one stays as it is.
  const large = { name: 'c/kernel', shape: [3, 3, 200, 2], data: new Float32Array(3600) };
  assert.equal([filterImage(large).width, filterImage(large).height], [799, 7]);
});

const writing = suite('tensorboard: writing');

writing('a training is written in Keras’ layout', async () => {
  const logs = here('layout');
  const history = await train([new TensorBoard(logs)]);
  const [own, held] = [pointsOf(logs, 'train'), pointsOf(logs, 'validation')];
  assert.equal(tagsOf(own), ['epoch_accuracy', 'epoch_learning_rate', 'epoch_loss']);
  for (const name of ['loss', 'accuracy', 'learning_rate']) {
    assert.equal(chart(own, `epoch_${name}`), rounded(history[name]));
  }
  assert.equal(tagsOf(held), [
    'epoch_accuracy',
    'epoch_loss',
    'evaluation_accuracy_vs_iterations',
    'evaluation_loss_vs_iterations',
  ]);
  assert.equal(chart(held, 'epoch_loss'), rounded(history.val_loss));
  assert.equal(
    chart(held, 'evaluation_loss_vs_iterations'),
    history.val_loss.map((loss, epoch) => [7 * (epoch + 1), Math.fround(loss)]),
  );
  for (const run of ['train', 'validation']) {
    const [name, ...others] = eventFiles(join(logs, run));
    assert.match(name, new RegExp(`^events\\.out\\.tfevents\\.\\d{10}\\.wgrad\\.${process.pid}\\.0\\.v2$`));
    assert.equal(others, []);
  }
  const alone = here('alone');
  await train([new TensorBoard(alone)], { validationSplit: 0, epochs: 1 });
  assert.equal(readdirSync(alone), ['train']);
});

writing('after every epoch all of it is in the file', async () => {
  const logs = here('epochs');
  const seen: number[] = [];
  class Look extends Callback {
    override onEpochEnd(): void {
      seen.push(
        chart(pointsOf(logs, 'train'), 'epoch_loss').length,
        chart(pointsOf(logs, 'validation'), 'epoch_loss').length,
      );
    }
  }
  await train([new TensorBoard(logs, { updateFreq: 3 }), new Look()], { epochs: 3 });
  assert.equal(seen, [1, 1, 2, 2, 3, 3]);
});

writing('batches: windows add up to the epoch, and no batch is waited for', async () => {
  for (const [updateFreq, counts] of [
    ['batch', [4, 4, 4, 4, 4, 4, 2, 4, 4, 4, 4, 4, 4, 2]],
    [2, [8, 8, 8, 6, 8, 8, 6]],
    [5, [20, 18]],
  ] as const) {
    const logs = here(`batches ${updateFreq}`);
    const callback = new TensorBoard(logs, { updateFreq });
    assert.is(callback.everyTrainBatch, false);
    assert.is(callback.everyTestBatch, false);
    assert.is(callback.everyMetrics, false);
    const history = await train([callback], { epochs: 2 });
    const written = chart(pointsOf(logs, 'train'), 'batch_loss');
    let total = 0;
    written.forEach(([, loss = Number.NaN], i) => {
      total += loss * counts[i];
    });
    const steps: number[] = [];
    for (const count of counts) steps.push((steps.at(-1) ?? 0) + Math.ceil(count / 4));
    assert.equal(
      written.map(([step]) => step),
      steps,
    );
    const rest = counts.reduce<number>((sum, count) => sum + count, 0);
    if (rest === 52) assert.ok(Math.abs(total / 26 - history.loss[0] - history.loss[1]) < 1e-5, `${updateFreq}`);
  }
});

/** Gives a callback reports of the GPU as `fit` does. */
async function report(callback: Callback, epoch: number, losses: readonly number[], first = 0): Promise<void> {
  await callback.onEpochBegin(epoch, {});
  for (const [at, loss] of losses.entries()) {
    const step = first + at;
    await callback.onMetrics({ epoch, batch: at + 1, step, mean: {}, window: { loss }, nonFinite: null });
  }
}

async function begun(logs: string, options: TensorBoardOptions): Promise<TensorBoard> {
  const callback = new TensorBoard(logs, options);
  callback.setModel(new FakeModel());
  callback.setParams({ ...params, batchSize: 4, samples: 10, steps: 3 });
  await callback.onTrainBegin();
  return callback;
}

writing('the mean of several reports weighs them by their examples, across epochs, NaN included', async () => {
  const logs = here('weights');
  const callback = await begun(logs, { updateFreq: 4 });
  await report(callback, 0, [1, 2, 9]);
  await report(callback, 1, [3, 4, 6], 3);
  await report(callback, 2, [Number.NaN, 1, Number.POSITIVE_INFINITY], 6);
  await report(callback, 3, [Number.NEGATIVE_INFINITY, 1, 2], 9);
  await callback.state();
  assert.equal(chart(pointsOf(logs, 'train'), 'batch_loss'), [
    [4, Math.fround((4 + 8 + 18 + 12) / 14)],
    [8, Number.NaN],
    [12, Number.NaN],
  ]);
  const never = here('never');
  const silent = await begun(never, {});
  await report(silent, 0, [1, 2, 3]);
  await silent.state();
  assert.equal(eventFiles(join(never, 'train')), []);
});

writing('speed is that of the steps; between epochs nothing counts', async () => {
  const logs = here('speed');
  const callback = await begun(logs, { updateFreq: 2, writeStepsPerSecond: true });
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  for (const epoch of [0, 1]) {
    await callback.onEpochBegin();
    await pause(60);
    for (const batch of [1, 2, 3]) {
      await callback.onMetrics({ epoch, batch, step: 3 * epoch + batch - 1, mean: {}, window: {}, nonFinite: null });
    }
    await pause(60);
    await callback.onEpochEnd(epoch, { loss: 1 });
    await pause(600);
  }
  const points = pointsOf(logs, 'train');
  const batches = chart(points, 'batch_steps_per_second').map(([, speed = 0]) => speed);
  assert.is(batches.length, 3);
  // 2 steps in 60 ms and a little; the second two, over the end of the epoch, as well.
  for (const speed of batches.slice(0, 2)) assert.ok(speed > 4 && speed < 34, `${batches}`);
  for (const [, speed = 0] of chart(points, 'epoch_steps_per_second')) assert.ok(speed > 5 && speed < 26, `${speed}`);
});

/** Weights of any kind. */
class Weights extends FakeModel {
  weights: Weight[] = [];
  override async getWeights(): Promise<Weight[]> {
    return this.weights;
  }
}

writing('histograms and images come every so many epochs; weights that are not finite are told of', async () => {
  const logs = here('histograms');
  const model = new Weights();
  const kernel = { name: 'conv2d/kernel', shape: [2, 2, 1, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
  const sick = { name: 'dense/kernel', shape: [1, 3], data: Float32Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY) };
  const lost = { name: 'dense/bias', shape: [2], data: new Float32Array(2).fill(Number.NaN) };
  model.weights = [kernel, { name: 'conv2d/bias', shape: [2], data: new Float32Array(2) }, sick, lost];
  await trainFake(new TensorBoard(logs, { histogramFreq: 2, writeImages: true }), model, [1, 2, 3, 4], 'loss');
  const points = pointsOf(logs, 'train');
  assert.equal(tagsOf(points), [
    'conv2d/bias/histogram',
    'conv2d/kernel/histogram',
    'conv2d/kernel/image',
    'dense/bias/not_finite',
    'dense/kernel/histogram',
    'dense/kernel/not_finite',
    'epoch_loss',
  ]);
  const of = (tag: string): Point[] => points.filter((point) => point.tag === tag);
  for (const tag of tagsOf(points)) {
    assert.equal(
      of(tag).map(({ step }) => step),
      tag === 'epoch_loss' ? [0, 1, 2, 3] : [0, 2],
      tag,
    );
  }
  assert.is(of('conv2d/kernel/histogram')[0].histogram?.sum, 36);
  assert.is(of('dense/kernel/histogram')[0].histogram?.num, 1);
  assert.is(of('dense/kernel/not_finite')[0].scalar, 2);
  assert.is(of('dense/bias/not_finite')[0].scalar, 2);
  const { image } = of('conv2d/kernel/image')[0];
  assert.equal(image?.png, [...filterImage(kernel).encodedImageString]);
  const plain = here('plain histograms');
  await trainFake(new TensorBoard(plain, { histogramFreq: 1 }), model, [1], 'loss');
  assert.not.ok(tagsOf(pointsOf(plain, 'train')).includes('conv2d/kernel/image'));
});

writing('the weights of a real training are those of the model', async () => {
  const logs = here('real');
  const model = network();
  const callbacks = [new TensorBoard(logs, { histogramFreq: 2, writeImages: true })];
  await model.fit(x, y, { ...OPTIONS, epochs: 3, callbacks });
  const points = pointsOf(logs, 'train');
  for (const { name, data } of await model.getWeights()) {
    const [first, last, ...others] = points.filter(({ tag }) => tag === `${name}/histogram`);
    assert.equal([first.step, last.step, others.length], [0, 2, 0]);
    const { histogram } = last;
    assert.equal([histogram?.min, histogram?.max, histogram?.num], [Math.min(...data), Math.max(...data), data.length]);
    assert.is(
      histogram?.counts.reduce((sum, count) => sum + count, 0),
      data.length,
    );
  }
  assert.is(points.filter(({ tag }) => tag === 'conv2d/kernel/image').length, 2);
  model.dispose();
});

writing('a loss that is NaN is NaN', async () => {
  const logs = here('nan');
  // Finite, as inputs must be, until it is multiplied by ten.
  const values = images.slice();
  values[20] = 3e38;
  const model = network(10);
  const callbacks = [new TensorBoard(logs, { updateFreq: 'batch' })];
  const warn = console.warn;
  console.warn = () => {};
  const fitted = model.fit(tensor(values, [COUNT, 6, 6, 1]), y, { ...OPTIONS, epochs: 2, callbacks });
  const { history } = await fitted.finally(() => {
    console.warn = warn;
  });
  assert.ok(Number.isNaN(history.loss[0]), `${history.loss}`);
  const points = pointsOf(logs, 'train');
  assert.equal(chart(points, 'epoch_loss'), rounded(history.loss));
  const batches = chart(points, 'batch_loss').map(([, loss]) => Number.isNaN(loss));
  for (const epoch of [batches.slice(0, 7), batches.slice(7)]) {
    // Its own batch's alone, wherever it lies; the epoch's mean is NaN.
    assert.equal([...epoch].sort(), [false, false, false, false, false, false, true]);
  }
  model.dispose();
});

writing('what led to an error is in the file', async () => {
  const logs = here('error');
  await interrupted(train([new TensorBoard(logs, { updateFreq: 'batch' }), new Interrupt(0, 4)]));
  assert.ok(chart(pointsOf(logs, 'train'), 'batch_loss').length >= 3);
});

writing('options that cannot be are refused', async () => {
  for (const [make, ...parts] of [
    [() => new TensorBoard(''), 'logDir'],
    [() => new TensorBoard('x', { histogramFreq: -1 }), 'histogramFreq', 'at least 0'],
    [() => new TensorBoard('x', { histogramFreq: 0.5 }), 'histogramFreq'],
    [() => new TensorBoard('x', { updateFreq: 0 }), 'updateFreq', 'at least 1'],
    [() => new TensorBoard('x', Object({ updateFreq: 'step' })), 'updateFreq', "'batch', 'epoch'"],
    [() => new TensorBoard('x', Object({ writeImages: 1 })), 'writeImages'],
    [() => new TensorBoard('x', Object({ writeStepsPerSecond: 'yes' })), 'writeStepsPerSecond'],
    [() => new TensorBoard('x', Object({ histogram_freq: 1 })), "Did you mean 'histogramFreq'?"],
    [() => new TensorBoard('x', { writeImages: true }), 'histogramFreq is 0', 'Pass histogramFreq 1'],
  ] as const) {
    await rejects(make, ArgumentError, 'TensorBoard', ...parts);
  }
  const { logDir, histogramFreq, writeImages, writeStepsPerSecond, updateFreq } = new TensorBoard();
  assert.equal(
    [logDir, histogramFreq, writeImages, writeStepsPerSecond, updateFreq],
    ['logs', 0, false, false, 'epoch'],
  );
});

writing('a folder that cannot be is told of before the first epoch', async () => {
  writeFileSync(here('file'), '');
  let epochs = 0;
  class Count extends Callback {
    override onEpochBegin(): void {
      epochs++;
    }
  }
  await rejects(
    () => train([new TensorBoard(here('file', 'logs')), new Count()]),
    FileError,
    'TensorBoard',
    'is a file',
  );
  await rejects(() => train([new TensorBoard(here('file')), new Count()]), FileError, 'TensorBoard', here('file'));
  assert.is(epochs, 0);
});

writing('in a browser all loggers say where to go', async () => {
  const text =
    "export { TensorBoard } from '../src/tensorboard/index.ts'; export { CSVLogger, JSONLogger } from '../src/index.ts';";
  const loggers = await bundleProgram({ text, outDir: here('browser'), platform: 'browser' });
  const { TensorBoard, JSONLogger, CSVLogger } = await import(pathToFileURL(loggers).href);
  for (const Logger of [TensorBoard, JSONLogger, CSVLogger]) {
    const error = await new Logger('log').onTrainBegin().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.match(String(error), `StateError: ${Logger.name}: a browser has no files. Use it in Node, or History here.`);
  }
});

const resuming = suite('tensorboard: going on');
resuming.after(() => rmSync(folder, { recursive: true }));

const contentOf = (logs: string) => ({ train: pointsOf(logs, 'train'), validation: pointsOf(logs, 'validation') });

resuming('interrupted anywhere, the files come to hold what they would have held', async () => {
  const options = { updateFreq: 3, histogramFreq: 2, writeImages: true } as const;
  const straight = here('straight');
  await train([new TensorBoard(straight, options)]);
  for (const [saveFreq, epoch, batch] of [
    ['epoch', 1, 5],
    [1, 0, 2],
    [1, 2, 4],
    [5, 3, 3],
  ] as const) {
    const [logs, path] = [here(`resumed ${saveFreq} ${epoch}`), here('resumed.safetensors')];
    const run = (...extra: Callback[]): Promise<unknown> =>
      train([new TensorBoard(logs, options), new BackupAndRestore(path, { saveFreq }), ...extra]);
    await interrupted(run(new Interrupt(epoch, batch)));
    const names = [eventFiles(join(logs, 'train')), eventFiles(join(logs, 'validation'))];
    // A kill within a write.
    for (const name of names[0]) appendFileSync(join(logs, 'train', name), GOLDEN.subarray(0, 30));
    await interrupted(run(new Interrupt(3, 5)));
    await run();
    assert.equal(contentOf(logs), contentOf(straight), `${saveFreq}: ${epoch}, ${batch}`);
    if (epoch > 0) assert.equal([eventFiles(join(logs, 'train')), eventFiles(join(logs, 'validation'))], names);
  }
});

resuming('a speed is not made up for an epoch that was begun elsewhere', async () => {
  const [logs, path] = [here('made up'), here('made up.safetensors')];
  const callbacks = () => [
    new TensorBoard(logs, { updateFreq: 'batch', writeStepsPerSecond: true }),
    new BackupAndRestore(path, { saveFreq: 1 }),
  ];
  await interrupted(train([...callbacks(), new Interrupt(1, 4)]));
  await train(callbacks(), { epochs: 3 });
  const points = pointsOf(logs, 'train');
  assert.equal(
    chart(points, 'epoch_steps_per_second').map(([epoch]) => epoch),
    [0, 2],
  );
  assert.is(chart(points, 'batch_loss').length, 21);
  assert.is(chart(points, 'batch_steps_per_second').length, 20);
});

resuming('a file that was lost begins anew, another training begins another one', async () => {
  const [logs, path] = [here('lost'), here('lost.safetensors')];
  const run = (...extra: Callback[]): Promise<unknown> =>
    train([new TensorBoard(logs), new BackupAndRestore(path), ...extra]);
  await interrupted(run(new Interrupt(2, 1)));
  const [name] = eventFiles(join(logs, 'train'));
  rmSync(join(logs, 'train'), { recursive: true });
  await run();
  assert.equal(eventFiles(join(logs, 'train')), [name]);
  assert.equal(
    chart(pointsOf(logs, 'train'), 'epoch_loss').map(([epoch]) => epoch),
    [2, 3],
  );
  const before = readFileSync(join(logs, 'train', name));
  const callback = new TensorBoard(logs);
  await train([callback], { epochs: 1 });
  await train([callback], { epochs: 1 });
  assert.is(eventFiles(join(logs, 'train')).length, 3);
  assert.is(eventFiles(join(logs, 'validation')).length, 3);
  assert.equal(readFileSync(join(logs, 'train', name)), before);
});

resuming('a damaged state leads to no other file', async () => {
  const logs = here('hostile');
  writeFileSync(here('victim'), 'precious');
  const callback = new TensorBoard(logs);
  const means = { sums: {}, examples: 0, steps: 0 };
  const none = { name: null, bytes: 0 };
  for (const name of ['../../victim', 'events.out.tfevents.1/../../../victim', '', 'victim']) {
    const state = { train: { name, bytes: 3 }, validation: none, steps: 0, batch: 0, means };
    await rejects(() => callback.restore(new SavedState('it', state)), DataError, 'no event file', 'Save it again');
  }
  assert.is(readFileSync(here('victim'), 'utf8'), 'precious');
});

resuming('trainings that are killed again and again have each epoch once in every log', async () => {
  const target = here('killed');
  const start = () =>
    spawn(process.execPath, ['--import', LOADER, self, '--trains', target], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  let kills = 0;
  for (let epochs = 2; kills < 5; epochs++) {
    const child = start();
    const closed = once(child, 'close');
    let told = 0;
    child.stdout.on('data', (dots: Buffer) => {
      told += dots.filter((byte) => byte === 46).length;
      if (told >= epochs) setTimeout(() => child.kill('SIGKILL'), 30 * Math.random());
    });
    const [, signal] = await closed;
    assert.is(signal, 'SIGKILL', `it ended by itself after ${told} epochs`);
    kills++;
  }
  const last = start();
  last.stdout.resume();
  const [code] = await once(last, 'close');
  assert.is(code, 0);
  const history = await train([], { epochs: LONG });
  const points = contentOf(join(target, 'logs'));
  assert.equal(chart(points.train, 'epoch_loss'), rounded(history.loss));
  assert.equal(chart(points.validation, 'epoch_loss'), rounded(history.val_loss));
  assert.equal(
    chart(points.train, 'batch_loss').map(([step]) => step),
    Array.from({ length: 7 * LONG }, (_, step) => step + 1),
  );
  const images = points.train.filter(({ tag }) => tag === 'conv2d/kernel/image');
  assert.equal(
    images.map(({ step }) => step),
    Array.from({ length: LONG / 3 }, (_, i) => 3 * i),
  );
  const rows = readFileSync(join(target, 'log.jsonl'), 'utf8').trimEnd().split('\n');
  assert.equal(
    rows.map((row) => JSON.parse(row)).map(({ epoch, loss }) => [epoch, loss]),
    history.loss.map((loss, epoch) => [epoch, loss]),
  );
  const [, ...lines] = readFileSync(join(target, 'log.csv'), 'utf8').trimEnd().split('\r\n');
  assert.equal(
    lines.map((line) => Number(line.split(',')[3])),
    history.loss,
  );
  // Going on means the same files.
  assert.is(eventFiles(join(target, 'logs/train')).length, 1);
});

format.run();
writing.run();
resuming.run();
