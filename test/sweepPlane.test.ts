/** What the map of rates and batch sizes says in words, on planes that were made up; and one that was trained. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chartsOf } from '../examples/sweep/charts.ts';
import { serveLive } from '../examples/sweep/live.ts';
import { edgesOf } from '../examples/sweep/mapChart.ts';
import { noiseReadings, noiseScale, noiseWords, suggestedBatch } from '../examples/sweep/noise.ts';
import { parsePage } from '../examples/sweep/page/pageData.ts';
import { paretoFront, readingsOf } from '../examples/sweep/pareto.ts';
import { advice, bestRates, cellsOf, type PlaneTrial, type SweepFacts } from '../examples/sweep/plane.ts';
import { wordsOf } from '../examples/sweep/report.ts';
import { exponentOf, ruleWords } from '../examples/sweep/rules.ts';
import { commonTarget, effortsTo, scalingWords, turningPoint } from '../examples/sweep/scaling.ts';
import { adviceWords, table } from '../examples/sweep/table.ts';
import { geomspace } from '../src/sweep/index.ts';
import { LOADER } from './loader.ts';
import { offline } from './offline.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const BATCHES = [16, 32, 64, 128, 256];
const RATES = geomspace(1e-5, 1, 21);

interface Made {
  /** Best rate of a batch. */
  readonly best: (batch: number) => number;
  /** Rates above this diverge. */
  readonly most?: number;
  readonly seeds?: readonly number[];
  /** Steps that a batch takes to its accuracy. */
  readonly pace?: (batch: number) => number;
  readonly batches?: readonly number[];
}

/** A plane whose accuracy falls off from the best rate of each batch. */
function made({ best, most = 1e9, seeds = [0], pace = () => 30, batches = BATCHES }: Made): SweepFacts {
  const trials = batches.flatMap((batchSize) =>
    RATES.flatMap((learningRate) =>
      seeds.map((seed): Omit<PlaneTrial, 'number' | 'point'> => {
        const off = Math.log10(learningRate / best(batchSize)) + 0.05 * (seed % 2);
        const broken = learningRate > most;
        const epochs = Array.from({ length: broken ? 1 : 6 }, (_, epoch) => {
          const steps = ((epoch + 1) * 2048) / batchSize;
          const val_accuracy = 0.11 + Math.max(0, 0.4 - 0.1 * off ** 2) * (1 - Math.exp(-steps / pace(batchSize)));
          const logs = broken
            ? { loss: Number.NaN, val_accuracy: 0.1, val_loss: Number.NaN }
            : { loss: 2, val_accuracy, val_loss: 2 };
          return { epoch, seconds: 1 + 16 / batchSize, logs };
        });
        return {
          ...{ parameters: { batchSize, learningRate }, seed, epochs, failures: [] },
          ...(broken ? { end: 'diverged', reason: 'loss is NaN in epoch 1' } : { end: 'done', reason: null }),
        };
      }),
    ),
  );
  return {
    ...{ adapter: 'none', software: true, data: 'CIFAR-10, 2,048 training and 500 test images', epochs: 6, rungs: [6] },
    ...{ trainingImages: 2048, validationImages: 500 },
    trials: trials.map((trial, number) => ({ ...trial, number, point: Math.floor(number / seeds.length) })),
  };
}

const planes = suite('the plane of a sweep');

planes('a plane by the linear rule, by the square-root rule, and one whose best rate does not grow', () => {
  for (const [power, words] of [
    [1, /to the power of 1\.\d\d ± 0\.\d\d: the linear rule fits, the other does not/],
    [0.5, /to the power of 0\.\d\d ± 0\.\d\d: the square-root rule fits, the other does not/],
    [0, /to the power of 0\.00 ± 0\.\d\d: it does not grow, and neither rule fits/],
    [1.6, /to the power of 1\.\d\d ± 0\.\d\d: neither rule fits/],
  ] as const) {
    const facts = made({ best: (batch) => 1e-4 * (batch / 16) ** power });
    const exponent = exponentOf(facts);
    assert.ok(
      exponent !== null && Math.abs(exponent.value - power) <= exponent.within,
      `${power}: ${exponent?.value} ± ${exponent?.within}`,
    );
    assert.match(ruleWords(facts), words);
  }
});

planes('a power that may be 0 or that of a rule is told as one that may be both', () => {
  // Best rates that go up and down.
  const facts = made({
    best: (batch) => (Math.log2(batch) % 2 === 0 ? 1e-3 : 4e-4),
    batches: [16, 32, 64, 128, 256, 512],
  });
  assert.match(
    ruleWords(facts),
    /power of -?0\.\d\d ± 0\.\d\d: the square-root rule is not ruled out, nor is that it does not grow/,
  );
});

planes('the rule that fits misses the best rates by less, and both factors are told', () => {
  const facts = made({ best: (batch) => 1e-3 * (batch / 16) ** 0.5 });
  const [linear, root] = exponentOf(facts)?.misses ?? [];
  assert.ok(root < 1.3 && linear > 2, `${linear}, ${root}`);
  assert.match(
    ruleWords(facts),
    /the square-root rule misses the best rates by a factor of 1\.\d, the linear rule by 2\.\d/,
  );
});

planes('seeds that agree make nothing more certain than the grid of rates allows', () => {
  const within = (seeds: readonly number[]): number =>
    exponentOf(made({ best: (batch) => 1e-4 * batch ** 0.5, seeds }))?.within ?? 0;
  assert.ok(
    within([0, 2, 4, 6]) > 0.1 && within([0, 2, 4, 6]) <= within([0]),
    `${within([0, 2, 4, 6])}, ${within([0])}`,
  );
  assert.is(exponentOf(made({ best: () => 1e-3, batches: [16, 32] })), null);
  assert.match(ruleWords(made({ best: () => 1e-3, batches: [16, 32] })), 'Of two batch sizes no rule can be read.');
});

planes('what diverged is marked and never the best; where nothing did, the table says so', () => {
  const some = made({ best: () => 0.01, most: 0.02 });
  const broken = cellsOf(some).filter(({ diverged }) => diverged);
  assert.is(broken.length, BATCHES.length * RATES.filter((rate) => rate > 0.02).length);
  for (const { accuracy } of broken) assert.ok(Number.isNaN(accuracy));
  assert.match(table(some), /16 +0\.01 .* rate 0\.0316/);
  assert.match(table(made({ best: () => 0.01 })), /16 +0\.01 .* nowhere/);
});

planes('where all diverged there is no best rate, no advice, and still a picture', async () => {
  const facts = made({ best: () => 0.01, most: 0 });
  assert.equal(bestRates(facts), []);
  assert.is(advice(facts), null);
  assert.match(ruleWords(facts), 'there is no best rate');
  assert.match(adviceWords(facts), 'nothing to advise yet');
  assert.match(table(facts), /16 +– +– +– +– +– +rate \S+\n/);
  const { map } = await chartsOf(facts, null);
  assert.is(map.svg.match(/M-?[\d.]+,-?[\d.]+L/g) !== null, true);
  assert.match(map.svg, 'nothing to advise yet');
});

planes('a rate above the best that leaves the network guessing counts as diverged, one below as slow', () => {
  const facts = made({ best: () => 0.01 });
  const guessing = (rate: number): SweepFacts => ({
    ...facts,
    trials: facts.trials.map((trial) =>
      trial.parameters.learningRate === rate
        ? { ...trial, epochs: trial.epochs.map((one) => ({ ...one, logs: { val_accuracy: 0.1, val_loss: 2.31 } })) }
        : trial,
    ),
  });
  const [slow, fast] = [RATES[0], RATES[20]];
  const divergedAt = (rate: number): boolean =>
    cellsOf(guessing(rate)).some((cell) => cell.rate === rate && cell.diverged);
  assert.is(divergedAt(fast), true);
  assert.is(divergedAt(slow), false);
});

planes('of points that are as good as the best, the fastest is advised', () => {
  // Every batch is as good; the largest has the shortest epochs.
  const facts = made({ best: () => 0.01, pace: () => 0.1 });
  const found = advice(facts);
  assert.is(found?.cell.batch, 256);
  assert.match(adviceWords(facts), /^Use batch 256 and rate 0\.0\d+ here: 5\d\.\d % after 6 epochs and 6\.4 s, /);
});

planes('the point where doubling no longer halves the steps is found, and its absence', () => {
  const flat = made({ best: () => 0.01, pace: (batch) => 1600 / Math.min(batch, 64) });
  const goal = commonTarget(flat) ?? Number.NaN;
  assert.ok(goal > 0.11 && goal < 0.51);
  const efforts = effortsTo(flat, goal);
  assert.equal(
    efforts.map(({ batch }) => batch),
    BATCHES,
  );
  const turn = turningPoint(efforts) ?? Number.NaN;
  assert.ok(turn > 40 && turn < 110, String(turn));
  assert.match(
    scalingWords(flat, goal),
    /^Up to about batch \d+ doubling nearly halves the steps to \d+ %, beyond it no longer; batch \d+ is there first, after/,
  );
  const perfect = made({ best: () => 0.01, pace: (batch) => 1600 / batch });
  assert.is(turningPoint(effortsTo(perfect, commonTarget(perfect) ?? Number.NaN)), null);
  assert.match(scalingWords(flat, 0.99), 'No batch size reached 99 %.');
});

planes('the front holds what nothing beats', () => {
  const facts = made({ best: () => 0.01 });
  const readings = readingsOf(facts);
  const front = paretoFront(readings);
  for (const one of front)
    assert.not(
      readings.some(
        ({ seconds, accuracy }) =>
          seconds <= one.seconds && accuracy >= one.accuracy && (seconds < one.seconds || accuracy > one.accuracy),
      ),
    );
  for (let i = 1; i < front.length; i++)
    assert.ok(front[i].seconds > front[i - 1].seconds && front[i].accuracy > front[i - 1].accuracy);
});

/** A plane whose noise scale rises to `last` in the last epoch. */
function noisy(last: (batch: number) => number): SweepFacts {
  const facts = made({ best: () => 0.01 });
  return {
    ...facts,
    trials: facts.trials.map((trial) => ({
      ...trial,
      epochs: trial.epochs.map((record) => ({
        ...record,
        logs: {
          ...record.logs,
          gradient_noise_scale: last(trial.parameters.batchSize) * 2 ** (record.epoch + 1 - trial.epochs.length),
        },
      })),
    })),
  };
}

planes('the noise of gradients at the best rates suggests a batch size, where it was measured', async () => {
  // The median of the batch sizes: one that tells nonsense changes nothing.
  const facts = noisy((batch) => (batch === 16 ? 1e6 : 300));
  const readings = noiseReadings(facts);
  assert.is(readings.length, 6 * BATCHES.length);
  assert.equal(new Set(readings.map(({ rate }) => rate)), new Set([0.01]));
  assert.is(noiseScale(readings), 300);
  assert.is(suggestedBatch(300), 256);
  assert.match(
    noiseWords(readings) ?? '',
    /noise scale is about 300, by the last epochs of 5 batch sizes .*: it suggests batch 256\./,
  );
  const { noise } = await chartsOf(facts, null);
  assert.match(noise.svg, 'suggests batch 256');
  assert.not.match(noise.svg, /NaN|undefined|Infinity/);
  assert.match(wordsOf(facts).at(-1) ?? '', 'suggests batch 256');

  const lost = noisy(() => Number.POSITIVE_INFINITY);
  assert.match(noiseWords(noiseReadings(lost)) ?? '', 'too large to tell');
  assert.not.match((await chartsOf(lost, null)).noise.svg, /NaN|undefined|Infinity/);
  assert.equal(noiseReadings(made({ best: () => 0.01 })), []);
  assert.is(noiseWords([]), null);
});

planes('cells meet in the middle between their values, also those of a single one', () => {
  const edges = edgesOf([1, 4, 16]);
  assert.equal(
    edges.map((edge) => edge.map((value) => Number(value.toFixed(9)))),
    [
      [0.5, 2],
      [2, 8],
      [8, 32],
    ],
  );
  assert.equal(edgesOf([10]), [[5, 20]]);
});

planes('the pictures tell what was found, and nothing that is no number', async () => {
  const facts = made({ best: (batch) => 1e-3 * (batch / 16) ** 0.5, most: 0.1 });
  const charts = await chartsOf(facts, commonTarget(facts));
  assert.equal(Object.keys(charts), ['map', 'scaling', 'seconds', 'parallel']);
  for (const [name, { svg }] of Object.entries(charts)) assert.not.match(svg, /NaN|undefined|Infinity/, name);
  for (const words of ['square-root rule', 'linear rule', 'batch size', 'learning rate'])
    assert.match(charts.map.svg, words);
  assert.match((await chartsOf({ ...facts, data: 'shapes, 9 images' }, null)).map.svg, 'On shapes: ');
});

planes('a page keeps what is no number', () => {
  const data = { facts: made({ best: () => 0.01, most: 0 }), words: ['one'], charts: [] };
  assert.ok(Number.isNaN(parsePage(JSON.stringify(data)).facts.trials[0].epochs[0].logs.loss));
});

planes('a page that follows a sweep is served to this machine alone, and to its end', async () => {
  let facts = made({ best: () => 0.01 });
  const live = await serveLive(() => ({ facts, words: ['so far'], charts: [] }));
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(new URL(path, live.address), init);
  assert.match(live.address, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.match(await (await get('/')).text(), 'id="sweep-data">{"facts"');
  facts = { ...facts, trials: facts.trials.slice(0, 3) };
  const data = parsePage(await (await get('/data.json')).text());
  assert.is(data.facts.trials.length, 3);
  assert.is(data.live, true);
  assert.is((await get('/../package.json')).status, 404);
  assert.is((await get('/data.json', { method: 'POST' })).status, 404);
  const answer = await new Promise<number | undefined>((resolve) =>
    request(live.address, { headers: { host: 'elsewhere.example' } }, ({ statusCode }) => resolve(statusCode)).end(),
  );
  assert.is(answer, 404);
  const ended = live.end();
  assert.is(parsePage(await (await get('/data.json')).text()).live, false);
  await ended;
  assert.is(
    await get('/data.json').then(
      () => 'open',
      () => 'closed',
    ),
    'closed',
  );
});

planes('npm run sweep trains, draws and advises; with processes it comes to the same numbers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-sweep-example-'));
  const run = async (out: string, ...flags: readonly string[]) => {
    const tiny = ['--train', '60', '--test', '50', '--epochs', '1', '--batches', '20,32', '--rates', '0.001,0.01'];
    const child = spawn(
      process.execPath,
      ['--import', LOADER, 'examples/sweep.ts', ...tiny, '--out', join(folder, out), ...flags],
      {
        cwd: root,
        env: offline(folder),
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const [code] = await once(child, 'close');
    return { code, output };
  };
  const numbers = (out: string) => {
    const { trials }: SweepFacts = JSON.parse(readFileSync(join(folder, out, 'sweep.json'), 'utf8'));
    return trials.map(({ parameters, epochs, end }) => ({ parameters, end, logs: epochs.map(({ logs }) => logs) }));
  };
  try {
    const { code, output } = await run('one');
    assert.is(code, 0, output);
    assert.match(output, /4 of 4: batch 20, rate 0\.01, seed 0: \d+\.\d % after 1 epoch, done/);
    assert.match(output.trim().split('\n\n').at(-1) ?? '', /^Use batch (20|32) and rate 0\.0+1 here: \d/);
    assert.equal(
      readdirSync(join(folder, 'one'))
        .filter((name) => !/^(scaling|sweep)\./.test(name))
        .sort(),
      ['map.png', 'map.svg', 'noise.png', 'noise.svg', 'parallel.png', 'parallel.svg', 'seconds.png', 'seconds.svg'],
    );
    assert.match(readFileSync(join(folder, 'one', 'sweep.html'), 'utf8'), 'id="sweep-data">{"facts"');
    assert.is(
      readFileSync(join(folder, 'one', 'sweep.csv'), 'utf8')
        .trim()
        .split('\n').length,
      5,
    );
    const both = await run('two', '--parallel', '2');
    assert.is(both.code, 0, both.output);
    assert.equal(numbers('two'), numbers('one'));
    const other = await run('one', '--epochs', '2');
    assert.is(other.code, 1);
    assert.match(other.output, /is of another sweep, whose epochs is 1; here it is 2\. Give the same settings/);
    const zero = await run('three', '--rates', '0,0.1');
    assert.match(zero.output, "'0' is no rate. Give numbers above 0");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

planes.run();
