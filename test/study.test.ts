/** The study's reporting: verdicts, files, table and pictures from made-up runs. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DecodedPng, decode } from 'fast-png';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rasterize } from '#raster';
import { writeCharts, ZOOM } from '../examples/study/charts.ts';
import { commandLine, environmentOf, withoutFolders } from '../examples/study/environment.ts';
import { type Exhibits, firstKernel } from '../examples/study/exhibits.ts';
import { CLIPPED_LOSS, GUESSING_LOSS } from '../examples/study/facts.ts';
import { judgeStudy } from '../examples/study/judgeStudy.ts';
import { readFlags } from '../examples/study/options.ts';
import { Progress } from '../examples/study/progress.ts';
import { readResults, writeResults, writeRunCsv } from '../examples/study/resultFiles.ts';
import type { RunResult, StudyFacts, StudyResults } from '../examples/study/results.ts';
import { writeSampleSheet } from '../examples/study/sampleSheet.ts';
import { Screen } from '../examples/study/screen.ts';
import { type Settings, settingsFor } from '../examples/study/settings.ts';
import { SHEET_WIDTH } from '../examples/study/sheet.ts';
import { table } from '../examples/study/table.ts';
import { trainRun } from '../examples/study/trainRun.ts';
import { Callback, DataError, openDevice, proceduralImages, ShapeError } from '../src/index.ts';
import { page } from '../src/pictures/svgSheet.ts';
import { accuracyByEpoch, accuracyByTime, learningRate, lossByEpoch, overview } from './studySvg.ts';

/** A run whose training numbers follow its validation accuracy, with what the test is about put in place. */
function run(name: string, val_accuracy: number[], changes: Partial<RunResult> & { rates?: number[] } = {}): RunResult {
  const { rates, ...rest } = changes;
  const learningRate = rest.learningRate ?? 0.001;
  return {
    name,
    learningRate,
    batchSize: 32,
    epochs: val_accuracy.length,
    history: {
      loss: val_accuracy.map((value) => 2.6 - 2.5 * value),
      accuracy: val_accuracy.map((value) => value - 0.01),
      val_loss: val_accuracy.map((value) => 2.7 - 2.5 * value),
      val_accuracy,
      learning_rate: rates ?? val_accuracy.map(() => learningRate),
    },
    secondsPerEpoch: 2,
    imagesPerSecond: 5000,
    divergence: null,
    verdict: '',
    ...rest,
  };
}

function study(runs: RunResult[]): StudyResults {
  return { adapter: 'a GPU', software: false, data: 'CIFAR-10', preset: 'short', seed: 0, runs };
}

const baseline = run('baseline', [0.41, 0.455, 0.494, 0.483, 0.5, 0.491]);
const lowRate = run('low-lr', [0.369, 0.412, 0.423, 0.438, 0.458, 0.461], { learningRate: 0.0001 });
const broken = run('high-lr', [NaN], {
  learningRate: 0.1,
  divergence: { kind: 'nan', epoch: 0, step: 7, tensor: 'dense/kernel', loss: NaN, advice: 'Lower the rate.' },
});
const stuck = run('high-lr', [0.1, 0.1], {
  learningRate: 0.1,
  divergence: { kind: 'stuck', epoch: 0, step: 90, tensor: null, loss: 8.9, advice: 'Lower the rate.' },
});
const scheduled = run('plateau', [0.3, 0.4, 0.4, 0.45, 0.45, 0.45], {
  batchSize: 128,
  rates: [0.004, 0.004, 0.004, 0.002, 0.002, 0.001],
  secondsPerEpoch: 1,
});

const files = suite('study: files');
let folder = '';
files.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-study-'));
});
files.after(() => rm(folder, { recursive: true }));

files('results.json comes back as it was, NaN included, one line a list', async () => {
  const results = study([{ ...baseline, epochSeconds: [3, 2, 2, 2, 2, 2] }, broken]);
  const path = await writeResults(folder, results);
  assert.equal(await readResults(path), results);
  const text = await readFile(path, 'utf8');
  assert.match(text, '"val_accuracy": [0.41, 0.455, 0.494, 0.483, 0.5, 0.491]');
  assert.match(text, '"val_accuracy": [null]');
  assert.equal(
    (await readdir(folder)).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

files('an infinite loss comes back as NaN', async () => {
  const burst = run('burst', [0.1]);
  burst.history.loss = [Infinity];
  const [read] = (await readResults(await writeResults(folder, study([burst])))).runs;
  assert.ok(Number.isNaN(read.history.loss[0]));
});

files('the CSV has one line an epoch', async () => {
  const short = run('short', [0.25, NaN], { epochSeconds: [3, 2] });
  const lines = (await readFile(await writeRunCsv(folder, short), 'utf8')).split('\n');
  assert.equal(lines, [
    'epoch,seconds,learning_rate,loss,accuracy,val_loss,val_accuracy',
    '1,3,0.001,1.975,0.24,2.075,0.25',
    '2,2,0.001,NaN,NaN,NaN,NaN',
    '',
  ]);
});

files('the table fits 120 columns and ends with a sentence a run', () => {
  const long = { ...baseline, name: 'batch-128-scaled-and-more', imagesPerSecond: 123456 };
  const all = [baseline, lowRate, broken, scheduled, long];
  const { verdicts } = judgeStudy(all, 100_000);
  const lines = table(
    all.map((one, i) => ({ ...one, verdict: verdicts[i].verdict })),
    verdicts,
  ).split('\n');
  assert.ok(Math.max(...lines.map((line) => line.length)) <= 120);
  assert.match(lines[3], /^low-lr +0\.0001 +32 +6 +45\.1 +45\.1 +46\.1 +46\.1 +1\.45 +1\.55 +2\.00 +5,000 +unclear$/);
  assert.match(lines[4], /^high-lr .* NaN .*diverged$/);
  assert.ok(lines.some((line) => line.startsWith('low-lr') && line.includes(verdicts[1].sentence.slice(0, 40))));
});

files('progress: the runs that are done come back, and another study is refused', async () => {
  const facts = { adapter: 'a GPU', software: false, data: 'CIFAR-10', preset: 'quick', seed: 0 };
  const settings = settingsFor(readFlags(['--runs', 'baseline,low-lr', '--epochs', '3']), true);
  const logs: string[] = [];
  const { log } = console;
  console.log = (line) => logs.push(line);
  const first = await Progress.open(folder, facts, settings, true).finally(() => {
    console.log = log;
  });
  assert.match(logs.join(), 'this one begins anew');
  await writeFile(first.backupOf(baseline), 'a backup');
  await writeResults(folder, study([baseline]));
  const exhibits: Exhibits = {
    predictions: [0.1, NaN],
    confusion: [
      [3, 1, 0],
      [0, 2, 2],
    ],
    filters: { shape: [1, 1, 1, 2], before: [0.5, -0.25], after: [NaN, 0.1] },
  };
  await first.done({ run: baseline, exhibits });
  assert.not.ok((await readdir(folder)).includes('baseline.backup.safetensors'));

  const second = await Progress.open(folder, facts, settings, true);
  assert.equal(second.outcomes, [{ run: baseline, exhibits }]);
  assert.is(second.outcomeOf(lowRate), undefined);

  const others: [string, Settings, StudyFacts][] = [
    [
      'run baseline: learning rate 0.001, batch 32, 3 epochs',
      settingsFor(readFlags(['--runs', 'baseline,low-lr']), true),
      facts,
    ],
    ['clip: false; this one has true', { ...settings, clip: true }, facts],
    ['runs: baseline,low-lr; this one has baseline.', { ...settings, runs: settings.runs.slice(0, 1) }, facts],
    ['data: CIFAR-10; this one has shapes', settings, { ...facts, data: 'shapes' }],
    ['seed: 0; this one has 1', settings, { ...facts, seed: 1 }],
    ['adapter: a GPU; this one has another', settings, { ...facts, adapter: 'another' }],
  ];
  for (const [difference, now, where] of others) {
    await Progress.open(folder, where, now, true).then(
      () => assert.unreachable(difference),
      (error: unknown) => {
        assert.instance(error, DataError);
        assert.match(String(error), difference);
        assert.match(String(error), 'leave out --resume to begin anew');
      },
    );
  }
  const contents = await readFile(join(folder, 'progress.json'), 'utf8');
  await writeFile(join(folder, 'progress.json'), contents.replace('"exhibits"', '"predictions"'));
  await Progress.open(folder, facts, settings, true).then(
    () => assert.unreachable('what an older version kept was accepted'),
    (error: unknown) => assert.match(String(error), 'is damaged or of another version. Leave out --resume'),
  );
  // A study that begins anew forgets the one before.
  await Progress.open(folder, facts, settings, false);
  assert.equal((await Progress.open(folder, facts, settings, true)).outcomes, []);
  await second.end();
  assert.not.ok((await readdir(folder)).includes('progress.json'));
});

const exhibits = suite('study: exhibits');
exhibits.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-study-'));
});
exhibits.after(() => rm(folder, { recursive: true }));

/** Ends a training in its second epoch. */
class Interruption extends Callback {
  readonly controller = new AbortController();
  override onEpochBegin(epoch: number): void {
    if (epoch === 1) this.controller.abort();
  }
}

exhibits('a run that was gone on with shows what an uninterrupted one shows', async () => {
  const device = await openDevice();
  const data = proceduralImages({ train: 96, test: 60 });
  const settings = settingsFor(readFlags(['--runs', 'baseline', '--epochs', '3']), true);
  const silent = new Screen({ write: () => {} }, {});
  const train = (backup: string, interruption: Interruption | null) =>
    trainRun(settings.runs[0], {
      device,
      data,
      settings,
      signal: (interruption?.controller ?? new AbortController()).signal,
      backup: join(folder, backup),
      screen: silent,
      follow: () => (interruption === null ? [] : [interruption]),
    });
  try {
    const straight = await train('straight', null);
    const stopped = await train('stopped', new Interruption());
    const resumed = await train('stopped', null);
    if (straight === null || stopped === null || resumed === null) return assert.unreachable('no batch was seen');
    assert.ok(stopped.run.history.loss.length < 3);
    assert.equal(resumed.run.history, straight.run.history);
    assert.equal(resumed.exhibits, straight.exhibits);

    const { predictions, confusion, filters } = straight.exhibits;
    assert.is(predictions.length, 32 * 10);
    assert.ok(Math.abs(predictions.slice(0, 10).reduce((sum, share) => sum + share, 0) - 1) < 1e-5);
    const { labels } = data.test;
    assert.equal(
      confusion.map((row) => [row.length, row.reduce((sum, count) => sum + count, 0)]),
      data.classNames.map((_, own) => [11, labels.filter((label) => label === own).length]),
    );
    const right = confusion.reduce((sum, row, own) => sum + row[own], 0);
    assert.is((right / labels.length).toFixed(6), straight.run.history.val_accuracy[2].toFixed(6));
    assert.equal(filters.shape, [3, 3, 3, 32]);
    assert.is(filters.before.length, 864);
    assert.equal(filters.before, stopped.exhibits.filters.before);
    assert.not.equal(filters.before, filters.after);
  } finally {
    device.close();
  }
});

exhibits('the first convolution is found, or its absence told', () => {
  const weight = (name: string, shape: number[]) => ({ name, shape, data: new Float32Array(1) });
  const kernel = weight('conv/kernel', [1, 1, 1, 1]);
  const dense = weight('dense/kernel', [1, 1]);
  assert.is(firstKernel([weight('table', [1, 1, 1, 1]), dense, kernel, weight('second/kernel', [1, 1, 1, 1])]), kernel);
  assert.throws(() => firstKernel([dense]), /No convolution among dense\/kernel: .* Put a Conv2D back/);
});

exhibits('the environment names neither folders nor users', () => {
  const facts = { adapter: 'a GPU', software: true, data: 'CIFAR-10', preset: 'quick', seed: 7 };
  const argv = ['--data', '/home/alice/cifar 10', '--out=/tmp/x/', '--epochs', '3', '--runs', 'baseline,low-lr'];
  const device = {
    name: 'a GPU',
    software: true,
    features: ['subgroups', 'timestamp-query'],
    subgroupSize: 8,
    maxBufferBytes: 2 ** 31,
    maxBindingBytes: 2 ** 27,
  };
  const source = 'read from /home/alice/cifar 10';
  const environment = environmentOf({ facts, device, source, argv, date: new Date(0) });
  const text = environment.map(([name, value]) => `${name}: ${value}`).join('\n');
  assert.match(
    text,
    /^date: 1970-01-01T00:00:00\.000Z\ncommand: npm run cifar -- --data '…\/cifar 10' --out=…\/x --epochs 3/,
  );
  assert.match(text, /\nwgrad: \d+\.\d+\.\d+\nNode: \d+\.\d+\.\d+\noperating system: \S/);
  assert.match(text, 'software adapter: yes\ndevice features: subgroups, timestamp-query\nlanes of a subgroup: 8');
  assert.match(text, 'largest buffer: 2,048 MiB\nlargest binding: 128 MiB\npreset: quick\nseed: 7\ndata: CIFAR-10');
  assert.match(text, /\ndata source: read from …\/cifar 10$/);
  for (const secret of ['alice', '/tmp']) assert.not.ok(text.includes(secret), secret);
  assert.is(commandLine([]), 'npm run cifar');
  assert.is(withoutFolders(homedir()), '~');
  assert.is(withoutFolders('C:\\Users\\alice\\data'), '…/data');
  assert.is(
    withoutFolders('downloaded from https://example.org/a/b.tgz'),
    'downloaded from https://example.org/a/b.tgz',
  );
});

const pictures = suite('study: pictures');
pictures.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-study-'));
});
pictures.after(() => rm(folder, { recursive: true }));

/** Share of the pixels right of a share of the width that are not white. */
function ink({ width, height, channels, data }: DecodedPng, from = 0): number {
  const left = Math.floor(from * width);
  let dark = 0;
  for (let y = 0; y < height; y++) {
    for (let x = left; x < width; x++) {
      const at = (y * width + x) * channels;
      if (data[at] + data[at + 1] + data[at + 2] < 600) dark++;
    }
  }
  return dark / (height * (width - left));
}

pictures('the font draws without any of the system', async () => {
  const blank = await rasterize(page(200, 40, []));
  const written = await rasterize(page(200, 40, ['<text x="5" y="25" font-family="Source Sans 3">46.1 % ×</text>']));
  assert.not(Buffer.from(written).equals(Buffer.from(blank)));
});

pictures('five charts, of the right width, drawn on, with clear margins', async () => {
  const paths = await writeCharts(folder, study([baseline, stuck, scheduled]));
  assert.equal((await readdir(folder)).sort(), [
    'accuracy-by-epoch.png',
    'accuracy-by-time.png',
    'learning-rate.png',
    'loss.png',
    'overview.png',
  ]);
  for (const path of paths) {
    const image = decode(await readFile(path));
    assert.is(image.width, SHEET_WIDTH * ZOOM);
    assert.ok(ink(image) > 0.005, `${path} is all but blank`);
    // Text that is cut off runs through the page's right margin.
    assert.is(ink(image, 0.995), 0, `${path} reaches its right edge`);
  }
});

pictures('one epoch of nothing but NaN, a run without any epoch and a study without runs are drawn', async () => {
  const charts = [accuracyByEpoch, accuracyByTime, lossByEpoch, learningRate, overview];
  for (const runs of [[broken], [run('none', [])], []]) {
    for (const draw of charts) {
      const svg = await draw(study(runs));
      // A coordinate that is not a number draws nothing, or at the wrong place.
      assert.not.match(svg, /="[^"<>]*(NaN|Infinity|undefined)/);
    }
  }
  assert.match(await accuracyByEpoch(study([broken])), 'no number: NaN');
});

pictures('a run that turns to NaN keeps its numbers up to there', async () => {
  const svg = await accuracyByEpoch(study([baseline, { ...broken, history: run('high-lr', [0.25, NaN]).history }]));
  assert.match(svg, '25.0 %, then NaN');
  assert.not.match(svg, /="[^"<>]*(NaN|Infinity|undefined)/);
});

pictures('headings and labels say what is in the numbers', async () => {
  const svg = await accuracyByEpoch(study([baseline, lowRate, stuck]));
  for (const words of [
    '−3.0 points from the baseline, with an unknown error',
    'stays at 10.0 %: it diverged in epoch 1',
    '46.1 % validation',
    '49.1 % baseline',
  ]) {
    assert.match(svg, words);
  }
});

pictures('the reference losses are those of guessing and of a sure wrong class', () => {
  assert.is(GUESSING_LOSS.toFixed(3), '2.303');
  assert.is(CLIPPED_LOSS.toFixed(2), '14.51');
});

pictures('the sample sheet holds the images, three times their size, in green and red frames', async () => {
  const images = new Uint8Array(2 * 3072).fill(200, 3072);
  images.set([10, 20, 30], 3);
  const path = join(folder, 'sheet.png');
  await writeSampleSheet(path, images, [0, 1], new Float32Array([0.9, 0.1, 0.7, 0.3]), ['cat', 'dog']);
  const { width, channels, data } = decode(await readFile(path));
  const pixel = (x: number, y: number) => [
    ...data.subarray((y * width + x) * channels, (y * width + x) * channels + 3),
  ];
  // The first image's corner; its second pixel covers three by three.
  assert.equal(pixel(36, 56), [0, 0, 0]);
  for (const [x, y] of [
    [39, 56],
    [41, 58],
  ])
    assert.equal(pixel(x, y), [10, 20, 30]);
  assert.equal(pixel(42, 56), [0, 0, 0]);
  assert.equal(pixel(39, 59), [0, 0, 0]);
  assert.equal(pixel(34, 60), [0x00, 0x9e, 0x73]);
  assert.equal(pixel(128 + 36, 56), [200, 200, 200]);
  assert.equal(pixel(128 + 34, 60), [0xd5, 0x5e, 0x00]);
  const wrong = writeSampleSheet(path, images, [0], new Float32Array(4), ['cat', 'dog']);
  await wrong.then(
    () => assert.unreachable('sizes that do not fit were accepted'),
    (error: unknown) => assert.instance(error, ShapeError),
  );
});

files.run();
exhibits.run();
pictures.run();
