/** Checkpoints: files that survive a kill, and trainings that go on from them as if nothing had happened. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import * as disk from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { uniform } from '../src/base/random.ts';
import {
  Adam,
  AdamW,
  ArgumentError,
  BackupAndRestore,
  BatchNormalization,
  Callback,
  CSVLogger,
  DataError,
  Dense,
  DivergenceDetector,
  Dropout,
  decodeSafetensors,
  EarlyStopping,
  encodeSafetensors,
  FileError,
  type FitOptions,
  type History,
  LearningRateScheduler,
  type MetricsReport,
  ModelCheckpoint,
  type Optimizer,
  ReduceLROnPlateau,
  Rescaling,
  type SavedState,
  Sequential,
  SGD,
  type State,
  tensor,
  type Weight,
} from '../src/index.ts';
import { decodeState, encodeState } from '../src/io/state.ts';
import { onDisk } from '../src/platform/files.ts';
import { placeOfProcesses, writeWhole } from '../src/platform/node/wholeFile.ts';
import { bundleProgram } from './bundleProgram.ts';
import { fail, Interrupt, Interruption, interrupted, rejects } from './interruption.ts';
import { LOADER } from './loader.ts';

const self = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));

// The training that is interrupted: every source of chance and every kind of state at once.

const COUNT = 40;
const x = tensor(uniform(COUNT * 4, { seed: 1, low: -1 }), [COUNT, 4]);
const y = tensor(
  Int32Array.from({ length: COUNT }, (_, i) => i % 3),
  [COUNT],
);

interface Recipe {
  readonly seed?: number;
  readonly units?: number;
  /** The inputs are multiplied by this. */
  readonly scale?: number;
  readonly optimizer?: Optimizer;
}

function network({
  seed = 6,
  units = 8,
  scale = 1,
  optimizer = new Adam({ learningRate: 0.02 }),
}: Recipe = {}): Sequential {
  const layers = [
    new Rescaling(scale),
    new Dense(units, { activation: 'relu' }),
    new BatchNormalization(),
    new Dropout(0.3),
    new Dense(3, { activation: 'softmax' }),
  ];
  return new Sequential(layers, { inputShape: [4], seed }).compile({
    optimizer,
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
}

/** What a training leaves behind; everything in it must be the same, bit for bit. */
interface Outcome {
  readonly history: History['history'];
  readonly epoch: readonly number[];
  readonly weights: number[];
  readonly drops: ReduceLROnPlateau['drops'];
  readonly bestEpoch: number | null;
}

const flat = (weights: readonly Weight[]): number[] => weights.flatMap(({ data }) => Array.from(data));

/** 24 examples in 6 batches an epoch, 16 for validation; the rate drops and early stopping waits. */
const OPTIONS: FitOptions = { epochs: 6, batchSize: 4, verbose: 0, validationSplit: 0.4 };

async function train(callbacks: readonly Callback[], options: FitOptions = {}, model = network()): Promise<Outcome> {
  const plateau = new ReduceLROnPlateau({ factor: 0.5, patience: 1, minDelta: 0.05, cooldown: 1 });
  const stopping = new EarlyStopping({ patience: 4, minDelta: 0.01, restoreBestWeights: true });
  // What saves comes first, and yet saves the newest state of the others.
  const all = [...callbacks, plateau, stopping, new DivergenceDetector()];
  const { history, epoch } = await model.fit(x, y, { ...OPTIONS, ...options, callbacks: all });
  const outcome = {
    history,
    epoch,
    weights: flat(await model.getWeights()),
    drops: plateau.drops,
    bestEpoch: stopping.bestEpoch,
  };
  model.dispose();
  return outcome;
}

// As a second process: trains and is killed in the midst of epoch 4.
if (process.argv[2] === '--killed') {
  const kill = (): void => void process.kill(process.pid, 'SIGKILL');
  await train([new Interrupt(3, 3, kill), new BackupAndRestore(process.argv[3])]);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'wgrad-checkpoint-'));
const here = (...names: string[]): string => join(folder, ...names);

const files = suite('checkpoint: files');
files.after(() => rmSync(folder, { recursive: true }));

/** Saves one version after the other until it is killed; the version is in every weight. */
const WRITER = `
import { Dense, Sequential } from '../src/index.ts';
const model = new Sequential([new Dense(300, { inputShape: [500] }), new Dense(300)]);
const path = process.argv[2];
for (let version = Number(process.argv[3]); ; version++) {
  await model.setWeights((await model.getWeights()).map((weight) => ({ ...weight, data: weight.data.fill(version) })));
  await model.save(path);
  process.stdout.write('.');
}
`;

files('a kill at any moment leaves the old file or the new one', async () => {
  // Bundled, because a process that compiles TypeScript takes a second to start.
  const writer = await bundleProgram({ text: WRITER, outDir: here('writer'), platform: 'node' });
  const target = here('killed');
  await disk.mkdir(target);
  const path = join(target, 'model.safetensors');
  const versions: number[] = [];
  let drafts = 0;
  for (let kill = 0; kill < 22; kill++) {
    const next = (versions.at(-1) ?? 0) + 1;
    const child = spawn(process.execPath, [writer, path, String(next)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    const early = closed.then(() => fail(new Error('The writer ended by itself.')));
    early.catch(() => {});
    await Promise.race([once(child.stdout, 'data'), early]);
    // At any moment, and every other time within a save, which on a busy machine any moment may miss.
    if (kill % 2 === 0) await setTimeout(25 * Math.random());
    else while (readdirSync(target).length < 2) await Promise.race([setImmediate(), early]);
    child.kill('SIGKILL');
    await closed;
    const { tensors } = decodeSafetensors(readFileSync(path));
    const values = new Set([...tensors.values()].flatMap(({ data }) => [...new Set(data)]));
    assert.is(values.size, 1, `the file holds the versions ${[...values]}`);
    versions.push(Number([...values][0]));
    drafts += readdirSync(target).length - 1;
  }
  versions.reduce((before, version) => {
    assert.ok(version > before, `versions ${versions}`);
    return version;
  }, 0);
  assert.ok(drafts > 0, 'no kill came in the midst of a save');
  // The next save clears away what the killed ones left.
  await new Sequential([new Dense(2, { inputShape: [2] })]).save(path);
  assert.equal(readdirSync(target), ['model.safetensors']);
});

files('a save that fails leaves the old file and no draft', async () => {
  const target = here('failing');
  await disk.mkdir(target);
  const path = join(target, 'file');
  await writeWhole(path, 'old');
  const refuse = (code: string) => async (): Promise<never> =>
    fail(Object.assign(new Error(`${code}: refused`), { code }));
  /** The file functions, with one of a file handle refused. */
  const without = (name: 'writeFile' | 'sync', code: string): typeof disk => ({
    ...disk,
    open: async (...args: Parameters<typeof disk.open>) => {
      const handle = await disk.open(...args);
      Object.defineProperty(handle, name, { value: refuse(code) });
      return handle;
    },
  });
  for (const [code, fs] of [
    ['ENOSPC', without('writeFile', 'ENOSPC')],
    ['EIO', without('sync', 'EIO')],
    ['EACCES', { ...disk, rename: refuse('EACCES') }],
  ] as const) {
    await rejects(() => writeWhole(path, 'new', fs), Error, code);
    assert.equal(readdirSync(target), ['file'], code);
    assert.is(readFileSync(path, 'utf8'), 'old', code);
  }
});

files('what the system refuses is told with the remedy', async () => {
  const model = new Sequential([new Dense(2, { inputShape: [2] })]);
  writeFileSync(here('plain'), '');
  await rejects(() => model.save(here('nowhere/model')), FileError, 'save', here('nowhere/model'), 'make the folder');
  await rejects(() => model.save(folder), FileError, folder, 'it is a folder');
  await rejects(() => model.save(here('plain/model')), FileError, 'what its path calls a folder is a file');
  await rejects(() => model.load(here('nothing')), FileError, 'load', here('nothing'), 'Correct the path');
  await rejects(() => Sequential.load(folder), FileError, 'it is a folder');
  for (const [code, remedy] of [
    ['ENOSPC', 'no room is left on the disk. Free some'],
    ['EACCES', 'change the permissions'],
    ['EROFS', 'read-only. Choose another place'],
    ['EMFILE', 'too many'],
  ] as const) {
    const refused = async (): Promise<never> => fail(Object.assign(new Error('too many'), { code }));
    await rejects(() => onDisk('save', 'there', refused), FileError, "save: 'there'", remedy);
  }
  await rejects(() => onDisk('save', 'there', async () => fail(new RangeError('other'))), RangeError, 'other');
});

files('drafts of processes that are gone are removed, those of living ones stay; links stay links', async () => {
  const target = here('drafts');
  await disk.mkdir(target);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const place = await placeOfProcesses();
  const draft = (owner: number, name = 'file', mark = '0123456789ab') => `${name}.${owner}-${place}-${mark}.part`;
  const old = draft(process.pid, 'file', 'ffffffffffff');
  const others = [draft(process.pid), draft(pid, 'other'), 'file.part', 'file.1-x.part'];
  for (const name of [draft(pid), old, ...others]) writeFileSync(join(target, name), 'x');
  utimesSync(join(target, old), new Date(), new Date(Date.now() - 7_200_000));
  symlinkSync('file', join(target, 'link'));
  await writeWhole(join(target, 'file'), 'one');
  assert.equal(readdirSync(target).sort(), ['file', 'link', ...others].sort());
  await writeWhole(join(target, 'link'), 'two');
  assert.ok((await disk.lstat(join(target, 'link'))).isSymbolicLink());
  assert.is(readFileSync(join(target, 'file'), 'utf8'), 'two');
});

files('saved state comes back as it was: NaN, infinities, -0, arrays', () => {
  const state: State = {
    numbers: [1.1, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324],
    nested: { text: 'ü', none: null, yes: true, list: [[], {}] },
    weights: [{ data: new Float32Array([1, Number.NaN, -0]) }, { data: new Float32Array(0) }],
  };
  const { json, tensors } = encodeState(state, 'training');
  const file = decodeSafetensors(encodeSafetensors(tensors));
  const back = decodeState(json, file.tensors);
  // As texts that tell -0 from 0; an array's NaN would not even equal itself.
  const text = (value: State): string =>
    JSON.stringify(value, (_, one: unknown) => {
      if (one instanceof Float32Array) return [...new Uint8Array(one.slice().buffer)];
      return typeof one === 'number' ? `${Object.is(one, -0) ? '-' : ''}${one}` : one;
    });
  assert.is(text(back), text(state));
  for (const bad of ['{', '{"a":{"$tensor":"x"}}', `${'['.repeat(5000)}${']'.repeat(5000)}`]) {
    assert.throws(
      () => decodeState(bad, file.tensors),
      (error: unknown) => error instanceof DataError,
    );
  }
});

const resuming = suite('checkpoint: resuming');

let reference: Outcome;
resuming.before(async () => {
  reference = await train([]);
  // Else the tests below would prove little.
  assert.ok(reference.drops.length >= 2, `rates ${reference.history.learning_rate}`);
  assert.is(reference.epoch.length, 6);
  assert.ok(reference.bestEpoch !== null && reference.bestEpoch < 5, `best epoch ${reference.bestEpoch}`);
});

resuming('a process that is killed within an epoch is gone on with by another one, bit for bit', async () => {
  const path = here('process.safetensors');
  const { signal } = spawnSync(process.execPath, ['--import', LOADER, self, '--killed', path], { cwd: root });
  assert.is(signal, 'SIGKILL');
  assert.ok(existsSync(path));
  assert.equal(await train([new BackupAndRestore(path)]), reference);
  assert.not.ok(existsSync(path), 'the backup goes at the end');
});

resuming('interrupted after any number of batches, with backups of any frequency, the result is the same', async () => {
  const path = here('batches.safetensors');
  for (const [saveFreq, epoch, batch] of [
    ['epoch', 0, 3],
    [1, 2, 1],
    [1, 3, 5],
    [5, 4, 4],
  ] as const) {
    await interrupted(train([new BackupAndRestore(path, { saveFreq }), new Interrupt(epoch, batch)]));
    // A second interruption, too.
    await interrupted(train([new BackupAndRestore(path, { saveFreq }), new Interrupt(5, 2)]));
    assert.equal(await train([new BackupAndRestore(path, { saveFreq })]), reference, `${saveFreq}: ${epoch}, ${batch}`);
  }
});

resuming('an epoch that was saved in its midst goes on at the batch, and hooks say so', async () => {
  const path = here('midst.safetensors');
  await interrupted(train([new BackupAndRestore(path, { saveFreq: 1 }), new Interrupt(1, 2)]));
  const events: string[] = [];
  class Recorder extends Callback {
    override onEpochBegin(epoch: number): void {
      events.push(`epoch ${epoch}`);
    }
    override onTrainBatchEnd(batch: number): void {
      events.push(String(batch));
    }
  }
  await train([new BackupAndRestore(path, { saveFreq: 1 }), new Recorder()], { epochs: 2 });
  // The save of the third batch had not come yet: the one who interrupts has a lower rank.
  assert.equal(events, ['epoch 1', '2', '3', '4', '5']);
});

resuming('2 epochs, save, resume to 6 are 6 epochs', async () => {
  const path = here('after.safetensors');
  const run = async (model: Sequential, epochs: number): Promise<unknown> => {
    const callbacks = [new ReduceLROnPlateau({ patience: 1, minDelta: 0.05 }), new EarlyStopping({ patience: 4 })];
    const { history, epoch } = await model.fit(x, y, { ...OPTIONS, epochs, callbacks });
    return { history, epoch, weights: flat(await model.getWeights()) };
  };
  const straight = await run(network(), 6);
  const first = network();
  await run(first, 2);
  await first.save(path);
  const second = network();
  assert.is(await second.resume(path), true);
  assert.equal(await run(second, 6), straight);
  assert.is(await second.resume(here('nothing')), false);
});

resuming('a ModelCheckpoint is gone on with as well, and remembers its best value', async () => {
  const path = here('checkpoint.safetensors');
  const checkpoint = () => new ModelCheckpoint(path, { monitor: 'loss', saveBestOnly: true });
  await interrupted(train([checkpoint(), new Interrupt(4, 1)]));
  const model = network();
  await model.resume(path);
  const again = checkpoint();
  assert.equal(await train([again], {}, model), reference);
  assert.is(again.best, Math.min(...reference.history.loss));
});

resuming('batches in parts are gone on with, too', async () => {
  const path = here('parts.safetensors');
  const options = { microBatchSize: 3, epochs: 3 };
  const straight = await train([], options);
  await interrupted(train([new BackupAndRestore(path, { saveFreq: 1 }), new Interrupt(1, 4)], options));
  assert.equal(await train([new BackupAndRestore(path)], options), straight);
});

resuming('what was not finite, recoveries and a rate by schedule survive', async () => {
  const path = here('sick.safetensors');
  const values = uniform(COUNT * 4, { seed: 1, low: -1 });
  // Finite, as inputs must be, until it is multiplied by ten.
  values[20] = 3e38;
  const sick = tensor(values, [COUNT, 4]);
  for (const onDivergence of ['warn', 'recover'] as const) {
    const run = async (...extra: Callback[]): Promise<unknown> => {
      const detector = new DivergenceDetector({ onDivergence, print: () => {} });
      const schedule = new LearningRateScheduler((_, rate) => rate * 0.9);
      const model = network({ scale: 10 });
      const callbacks = [schedule, detector, ...extra];
      const { history } = await model.fit(sick, y, { ...OPTIONS, epochs: 4, callbacks });
      const { divergences, recoveries } = detector;
      assert.ok(divergences.length > 1);
      return { history, divergences, recoveries, weights: flat(await model.getWeights()) };
    };
    const straight = await run();
    for (const saveFreq of [1, 'epoch'] as const) {
      await interrupted(run(new BackupAndRestore(path, { saveFreq }), new Interrupt(2, 3)));
      assert.equal(await run(new BackupAndRestore(path)), straight, `${onDivergence}, ${saveFreq}`);
    }
  }
});

resuming('an early stop comes when it would have come, and stays one', async () => {
  const path = here('stopped.safetensors');
  const run = async (...extra: Callback[]): Promise<unknown> => {
    const stopping = new EarlyStopping({ monitor: 'loss', minDelta: 10, patience: 2, restoreBestWeights: true });
    const model = network();
    const { history } = await model.fit(x, y, { ...OPTIONS, callbacks: [stopping, ...extra] });
    return { history, stopped: stopping.stoppedEpoch, weights: flat(await model.getWeights()) };
  };
  const straight = await run();
  const late = new BackupAndRestore(path);
  late.onTrainEnd = async () => fail(new Interruption());
  for (const interruption of [[new BackupAndRestore(path), new Interrupt(2, 0)], [late]]) {
    await interrupted(run(...interruption));
    assert.equal(await run(new BackupAndRestore(path)), straight);
  }
});

resuming('the backup goes at the end unless it shall stay; an epoch cut short is not saved', async () => {
  const path = here('new', 'backup.safetensors');
  const keep = new BackupAndRestore(path, { deleteCheckpoint: false });
  await train([keep], { epochs: 1 });
  assert.ok(existsSync(path));
  // It is done already.
  assert.equal((await train([keep], { epochs: 1 })).epoch, [0]);
  const before = readFileSync(path);
  const stop: Interrupt = new Interrupt(1, 2, () => {
    stop.model.stopTraining = true;
  });
  assert.equal((await train([keep, stop])).epoch, [0, 1]);
  assert.equal(readFileSync(path), before);
  assert.equal(await train([new BackupAndRestore(path)]), reference);
  assert.throws(
    () => new BackupAndRestore(''),
    (error: unknown) => error instanceof ArgumentError,
  );
  assert.throws(
    () => new BackupAndRestore(path, { saveFreq: 0 }),
    (error: unknown) => error instanceof ArgumentError,
  );
});

resuming('a backup of another training is refused, with what differs and the remedy', async () => {
  const path = here('another.safetensors');
  await train([new BackupAndRestore(path, { deleteCheckpoint: false })], { epochs: 1 });
  const before = readFileSync(path);
  const refused = async (recipe: Recipe, options: FitOptions, ...parts: string[]): Promise<void> => {
    const model = network(recipe);
    const run = () => model.fit(x, y, { ...OPTIONS, ...options, callbacks: [new BackupAndRestore(path)] });
    await rejects(run, DataError, path, ...parts, 'Or delete the file to begin anew');
    assert.equal(readFileSync(path), before);
    model.dispose();
  };
  await refused({ units: 9 }, {}, 'another model', '"units":8', '"units":9');
  await refused({ seed: 4 }, {}, 'seed 6', 'has 4');
  await refused({ optimizer: new SGD() }, {}, 'saved with Adam', 'the model has SGD');
  await refused({ optimizer: new AdamW() }, {}, 'saved with Adam', 'the model has AdamW');
  await refused({ optimizer: new Adam({ beta1: 0.8 }) }, {}, '"beta1":0.9', '"beta1":0.8');
  await refused({}, { batchSize: 8 }, 'batchSize 4', 'has 8');
  await refused({}, { validationSplit: 0 }, 'samples 24', 'has 40');
  await refused({}, { shuffle: false }, 'shuffle true', 'has false');
  await refused({}, {}, 'ReduceLROnPlateau', 'Give fit the same callbacks');
});

resuming('a damaged backup is refused, and leaves the model as it was', async () => {
  const path = here('damaged.safetensors');
  await train([new BackupAndRestore(path, { deleteCheckpoint: false })], { epochs: 1 });
  const whole = readFileSync(path);
  const { tensors, metadata } = decodeSafetensors(whole);
  const inputs = [...tensors].flatMap(([name, { shape, data }]) => ({ name, shape, data }));
  const changed = (changes: Record<string, string>) => encodeSafetensors(inputs, { ...metadata, ...changes });
  const training: Record<string, unknown> = JSON.parse(metadata.training);
  const trainingWith = (changes: Record<string, unknown>) =>
    changed({ training: JSON.stringify({ ...training, ...changes }) });
  const optimizer: { config: Record<string, unknown> } = JSON.parse(metadata.optimizer);
  const rateOf = (learningRate: unknown) =>
    changed({ optimizer: JSON.stringify({ ...optimizer, config: { ...optimizer.config, learningRate } }) });
  const model = network();
  const weights = flat(await model.getWeights());
  const cases: [string, Uint8Array][] = [
    ...[0, 7, 100, whole.length >> 1, whole.length - 1].map((length): [string, Uint8Array] => [
      `cut at ${length}`,
      whole.subarray(0, length),
    ]),
    ['no metadata', encodeSafetensors(inputs)],
    ['no training', changed({ training: 'null' })],
    ['training is no JSON', changed({ training: '{' })],
    ['architecture is no JSON', changed({ architecture: '}' })],
    ['architecture without layers', changed({ architecture: '{"inputShape":[4],"seed":3,"layers":[1,2,3,4,5]}' })],
    ['optimizer is no JSON', changed({ optimizer: 'Adam' })],
    ['optimizer without settings', changed({ optimizer: '{"name":"Adam"}' })],
    ['negative steps', changed({ steps: '-1' })],
    ['steps are no number', changed({ optimizer_steps: 'many' })],
    [
      'no moments',
      encodeSafetensors(
        inputs.filter(({ name }) => !name.startsWith('optimizer/')),
        metadata,
      ),
    ],
    [
      'no weights',
      encodeSafetensors(
        inputs.filter(({ name }) => name !== 'dense/kernel'),
        metadata,
      ),
    ],
    [
      'weights of another shape',
      encodeSafetensors(
        inputs.map((one) => ({ ...one, shape: [one.data.length] })),
        metadata,
      ),
    ],
    [
      'no best weights',
      encodeSafetensors(
        inputs.filter(({ name }) => !name.includes('bestWeights')),
        metadata,
      ),
    ],
  ];
  for (const [what, bytes] of cases) {
    writeFileSync(path, bytes);
    await rejects(
      async () => assert.unreachable(`${what}: ${await model.resume(path)}`),
      DataError,
      path,
      'delete the file',
    );
    assert.equal(flat(await model.getWeights()), weights, what);
  }
  for (const bytes of [
    changed({ training: '[]' }),
    trainingWith({ epoch: -1 }),
    rateOf('high'),
    rateOf(-1),
    rateOf({ $number: 'NaN' }),
    rateOf(1e39),
    trainingWith({ callbacks: 3 }),
    trainingWith({ trainer: null }),
    trainingWith({ trainer: { nonFinite: null, epoch: {} } }),
    trainingWith({ callbacks: { EarlyStopping: [{ best: 'x' }] } }),
  ]) {
    writeFileSync(path, bytes);
    await rejects(() => train([new BackupAndRestore(path)]), DataError, path, 'delete the file');
  }
});

resuming("a user's own callback keeps its state, and hears every report once", async () => {
  const path = here('own.safetensors');
  class Reports extends Callback {
    static override name = 'Reports';
    seen: number[] = [];
    override state(): State {
      return { seen: this.seen };
    }
    override restore(saved: SavedState): void {
      this.seen = saved.numbers('seen');
    }
    override onMetrics({ epoch, batch, step, mean, window }: MetricsReport): void {
      this.seen.push(epoch, batch, step, mean.loss, window.loss);
    }
  }
  const options = { epochs: 3 };
  const straight = new Reports();
  await train([straight], options);
  assert.is(straight.seen.length, 5 * 3 * 6);
  await interrupted(train([new BackupAndRestore(path, { saveFreq: 1 }), new Reports(), new Interrupt(1, 3)], options));
  const resumed = new Reports();
  await train([new BackupAndRestore(path), resumed], options);
  assert.equal(resumed.seen, straight.seen);
});

resuming('what was loaded and not trained with is saved again', async () => {
  const path = here('handed-on.safetensors');
  const model = network({ optimizer: new AdamW({ learningRate: 0.05, weightDecay: 0.1 }) });
  await model.fit(x, y, { ...OPTIONS, epochs: 1 });
  await model.save(path);
  const stateIn = (bytes: Uint8Array) => {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const moments = [...tensors].filter(([name]) => name.startsWith('optimizer/'));
    return { moments, steps: metadata.optimizer_steps, optimizer: metadata.optimizer };
  };
  const saved = stateIn(await model.toSafetensors());
  assert.is(saved.moments.length, 2);
  const bare = await Sequential.load(path);
  assert.equal(stateIn(await bare.toSafetensors()), saved, 'without compile');
  assert.equal(stateIn(await bare.compile({ loss: 'sparseCategoricalCrossentropy' }).toSafetensors()), saved);
});

resuming('a loaded model has the rate and the settings it was saved with', async () => {
  const path = here('loaded.safetensors');
  const model = network({ optimizer: new AdamW({ learningRate: 0.05, weightDecay: 0.1 }) });
  await model.fit(x, y, { ...OPTIONS, epochs: 1 });
  model.optimizer.learningRate = 0.002;
  await model.save(path);

  const compiled = network({ optimizer: new AdamW({ learningRate: 0.05 }) });
  await compiled.load(path);
  assert.is(compiled.optimizer.learningRate, 0.002);
  const other = network({ optimizer: new SGD({ learningRate: 0.3 }) });
  await other.load(path);
  assert.is(other.optimizer.learningRate, 0.3, 'another optimizer has its own');

  const fresh = (await Sequential.load(path)).compile({ loss: 'sparseCategoricalCrossentropy' });
  assert.equal([fresh.optimizer.name, fresh.optimizer.config()], ['AdamW', model.optimizer.config()]);
  const given = (await Sequential.load(path)).compile({
    optimizer: new AdamW({ learningRate: 0.7 }),
    loss: 'sparseCategoricalCrossentropy',
  });
  assert.is(given.optimizer.learningRate, 0.7, 'a rate that is given goes before the one of the file');
  const named = (await Sequential.load(path)).compile({ optimizer: 'adamw', loss: 'sparseCategoricalCrossentropy' });
  assert.is(named.optimizer.learningRate, 0.002);
  assert.is(
    (await Sequential.load(path)).compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' }).optimizer.name,
    'SGD',
  );
  assert.type(await (await Sequential.load(path)).resume(path), 'boolean', 'the loss is that of the file');
});

const csv = suite('checkpoint: CSVLogger');

csv('after a kill there is no line twice and none torn', async () => {
  const [path, log] = [here('csv.safetensors'), here('log.csv')];
  for (const append of [false, true]) {
    rmSync(log, { force: true });
    const expected = 'epoch,accuracy,learning_rate,loss,val_accuracy,val_loss';
    if (append) writeFileSync(log, `${expected}\r\n7,0,0,0,0,0\r\n`);
    const logger = () => new CSVLogger(log, { append });
    const lines = () => readFileSync(log, 'utf8').split('\r\n');
    const backup = new BackupAndRestore(path);
    const save = backup.onEpochEnd.bind(backup);
    // The third line is written, the backup after it no more.
    backup.onEpochEnd = async () => {
      if (lines().length === (append ? 6 : 5)) throw new Interruption();
      await save();
    };
    await interrupted(train([logger(), backup]));
    writeFileSync(log, '3,0.5,0.0', { flag: 'a' });
    await train([logger(), new BackupAndRestore(path)]);
    const [header, ...rest] = lines();
    assert.is(header, expected);
    assert.equal(
      rest.map((line) => line.split(',')[0]),
      [...(append ? ['7'] : []), '0', '1', '2', '3', '4', '5', ''],
    );
    const losses = rest.slice(append ? 1 : 0, -1).map((line) => Number(line.split(',')[3]));
    assert.equal(losses, reference.history.loss);
  }
});

csv('appending leaves a torn last line out; a log that was lost begins anew', async () => {
  const [path, log] = [here('torn.safetensors'), here('torn.csv')];
  writeFileSync(log, 'epoch,loss\r\n0,1.25\r\n1,1.0');
  await train([new CSVLogger(log, { append: true })], { epochs: 1 });
  assert.match(readFileSync(log, 'utf8'), /^epoch,loss\r\n0,1\.25\r\n0,[\d.]+\r\n$/);
  await interrupted(train([new CSVLogger(log), new BackupAndRestore(path), new Interrupt(4, 0)]));
  rmSync(log);
  await train([new CSVLogger(log), new BackupAndRestore(path)]);
  assert.match(
    readFileSync(log, 'utf8'),
    /^epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\r\n4,[^\n]+\r\n5,[^\n]+\r\n$/,
  );
  await rejects(() => train([new CSVLogger(folder)]), FileError, 'CSVLogger', 'it is a folder');
});

resuming.run();
csv.run();
files.run();
