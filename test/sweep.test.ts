/** Sweeps: the same trials and the same results to the bit, whatever happens on the way. Nearly all without a device. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Adam, ArgumentError, DataError, Dense, FileError, normal, Sequential } from '../src/index.ts';
import { kept, rungsOf, survivors } from '../src/sweep/halving.ts';
import {
  choice,
  geomspace,
  grid,
  integer,
  type Leg,
  logUniform,
  processes,
  type Runner,
  random,
  type SweepOptions,
  type SweepResult,
  sweep,
  type TrainFunction,
  uniform,
} from '../src/sweep/index.ts';
import { runLeg } from '../src/sweep/runLeg.ts';
import { rejects } from './interruption.ts';
import { LOADER } from './loader.ts';
import { exactText, type FakeOptions, fakeTrain, type Point, space, sweepSpace } from './sweepTrain.ts';

const folder = mkdtempSync(join(tmpdir(), 'wgrad-sweep-'));
const test = suite('sweep');
test.after(() => rmSync(folder, { recursive: true, force: true }));

let folders = 0;
const fresh = (): string => join(folder, String(folders++));

type Changes = Partial<SweepOptions<Point>>;

const run = (changes: Changes = {}, fake: FakeOptions = {}): Promise<SweepResult<Point>> =>
  sweepSpace({
    folder: fresh(),
    ...(changes.runner === undefined && { train: fakeTrain(fake) }),
    ...changes,
  });

/** All of a result that is to be the same to the bit. */
const numbers = ({ trials, best }: SweepResult<Point>): string => exactText([best?.number, trials]);

let straight: SweepResult<Point>;
test.before(async () => {
  straight = await run();
});

// Spaces.

test('a grid has every combination once, in a fixed order', () => {
  const { points } = grid({ a: [1, 2], b: ['x', 'y'], c: [true] });
  assert.equal(points, [
    { a: 1, b: 'x', c: true },
    { a: 1, b: 'y', c: true },
    { a: 2, b: 'x', c: true },
    { a: 2, b: 'y', c: true },
  ]);
  const rates = geomspace(1e-4, 1e-1, 7);
  assert.equal(
    rates.map((rate) => Number(rate.toPrecision(3))),
    [0.0001, 0.000316, 0.001, 0.00316, 0.01, 0.0316, 0.1],
  );
  assert.is(rates[2], 0.001);
});

test('draws follow from the seed, the name and the place; they stay in their bounds and fill them', () => {
  const parameters = {
    rate: logUniform(1e-4, 1e-1),
    layers: integer(1, 3),
    kind: choice(['relu', 'tanh']),
    drop: uniform(0, 0.5),
  };
  const { points } = random(parameters, { trials: 300, seed: 7 });
  assert.equal(random(parameters, { trials: 300, seed: 7 }).points, points);
  assert.not.equal(random(parameters, { trials: 300, seed: 8 }).points, points);
  // Neither more trials nor another parameter change what was drawn.
  const { rate, layers } = parameters;
  const fewer = random({ layers, rate }, { trials: 5, seed: 7 }).points;
  assert.equal(
    fewer,
    points.slice(0, 5).map((point) => ({ layers: point.layers, rate: point.rate })),
  );
  for (const { rate, drop } of points) assert.ok(rate >= 1e-4 && rate < 1e-1 && drop >= 0 && drop < 0.5);
  const share = (is: (point: (typeof points)[number]) => boolean): number => points.filter(is).length / points.length;
  for (const layer of [1, 2, 3]) assert.ok(Math.abs(share((point) => point.layers === layer) - 1 / 3) < 0.1);
  assert.ok(Math.abs(share(({ kind }) => kind === 'tanh') - 0.5) < 0.1);
  // Half of them lie below the geometric mean.
  assert.ok(Math.abs(share((point) => point.rate < 10 ** -2.5) - 0.5) < 0.1);
  assert.ok(Math.abs(share(({ drop }) => drop < 0.25) - 0.5) < 0.1);
});

test('nonsense is refused, with the remedy', () => {
  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [
      () => logUniform(0, 0.1),
      /logUniform: low must be a finite number above 0, got 0. A logarithmic scale has no 0: begin at/,
    ],
    [() => geomspace(0, 0.1, 7), /geomspace: low must be .* got 0/],
    [() => geomspace(0.1, 0.01, 7), /geomspace: high must be a finite number above 0.1, the low bound, got 0.01/],
    [() => geomspace(0.1, 1, 1), /count must be a whole number of at least 2, got 1/],
    [() => uniform(1, 1), /uniform: high must be/],
    [() => uniform(Number.NaN, 1), /uniform: low must be a finite number, got NaN/],
    [() => integer(0.5, 2), /integer: low must be a whole number, got 0.5/],
    [() => choice([]), /choice: values has no value. Give at least one./],
    [() => choice([1, Number.POSITIVE_INFINITY]), /a value of values must be a finite number/],
    [() => grid({}), /grid: there is no parameter/],
    [() => grid({ rate: [] }), /grid: rate has no value/],
    [() => grid({ rate: [0.1, 0.1] }), /grid: rate has 0.1 twice. Leave one of them out./],
    // @ts-expect-error A distribution is no list.
    [() => grid({ rate: logUniform(1e-4, 1e-1) }), /grid: rate is a distribution.*geomspace/],
    // @ts-expect-error Nor is a list a distribution.
    [() => random({ rate: [0.1] }, { trials: 3 }), /random: rate is no distribution/],
    [() => random({ rate: uniform(0, 1) }, { trials: 0 }), /trials must be a whole number of at least 1, got 0/],
    [() => random({ rate: uniform(0, 1) }, { trials: 1, seed: -1 }), /seed must be/],
    [
      () => grid({ a: Array.from({ length: 1000 }, (_, i) => i), b: Array.from({ length: 101 }, (_, i) => i) }),
      /101000/,
    ],
  ];
  for (const [make, message] of refused) {
    assert.throws(
      make,
      (error: unknown) => error instanceof ArgumentError && message.test(error.message),
      String(message),
    );
  }
});

test('options of a sweep that cannot work are refused before anything is written', async () => {
  const train = fakeTrain();
  const refused: readonly (readonly [Changes & { readonly [name: string]: unknown }, RegExp])[] = [
    [{ epochs: 0 }, /epochs must be a whole number of at least 1, got 0/],
    [{ seeds: [] }, /seeds is empty/],
    [{ seeds: [1, 1] }, /a seed stands twice/],
    [{ train: undefined }, /expected either train or runner, got none/],
    [{ train, runner: processes('x') }, /got both/],
    [{ halving: { factor: 1 } }, /factor must be a whole number of at least 2, got 1/],
    [
      { halving: { groupBy: ['batch'] } },
      /groupBy has 'batch', which is no parameter of the space. It has batchSize, learningRate./,
    ],
    [{ timeLimit: 0 }, /timeLimit must be a finite number above 0/],
    [{ epoch: 3 }, /there is no option 'epoch'. Did you mean 'epochs'\?/],
  ];
  for (const [changes, message] of refused) {
    const where = fresh();
    await rejects(() => run({ folder: where, ...changes }), ArgumentError, message);
    assert.not(existsSync(where));
  }
});

// Halving.

test('the best of a rung go on, of equals the first, and never what is not finite', () => {
  assert.equal(survivors([0.1, 0.5, 0.3, 0.9, 0.2, 0.8, 0.4], 3, 'max'), [3, 5]);
  assert.equal(survivors([0.1, 0.5, 0.3, 0.9, 0.2, 0.8, 0.4], 3, 'min'), [0, 4]);
  assert.equal(survivors([1, 1, 1, 1], 2, 'max'), [0, 1]);
  assert.equal(
    survivors([Number.NaN, Number.POSITIVE_INFINITY, 0.5, Number.NEGATIVE_INFINITY, 0.1, 0.2], 2, 'max'),
    [2, 4, 5],
  );
  assert.equal(survivors([Number.NaN, Number.NaN], 3, 'max'), []);
  assert.equal(
    [1, 2, 3, 7, 9].map((points) => kept(points, 3)),
    [1, 1, 1, 2, 3],
  );
  assert.equal(rungsOf(9, {}), [1, 3, 9]);
  assert.equal(rungsOf(10, { factor: 4, minEpochs: 2 }), [2, 8, 10]);
  assert.equal(rungsOf(5, false), [5]);
});

test('each group keeps its own best; the others stop at their rung, and what diverges ends there', () => {
  const { trials, best, rungs } = straight;
  assert.equal(rungs, [1, 3, 9]);
  const ended = (end: string): number[][] =>
    trials
      .filter((trial) => trial.end === end)
      .map(({ parameters, seed, epochs }) => [parameters.batchSize, parameters.learningRate, seed, epochs.length]);
  assert.equal(ended('done'), [
    [16, 0.001, 0, 9],
    [16, 0.001, 1, 9],
    [64, 0.00316227766017, 0, 9],
    [64, 0.00316227766017, 1, 9],
  ]);
  assert.is(ended('stopped').length, 24);
  assert.equal(new Set(ended('stopped').map(([, , , epochs]) => epochs)), new Set([1, 3]));
  assert.is(best?.end, 'done');
  assert.is(best?.epochs.length, 9);
});

test('without halving all train to the end, and what is not finite has diverged', async () => {
  const { trials, complete } = await run({ halving: false, epochs: 3 });
  assert.ok(complete);
  for (const { end, reason, epochs, parameters } of trials) {
    const broken = parameters.learningRate > 0.05;
    assert.is(end, broken ? 'diverged' : 'done');
    assert.is(reason, broken ? 'loss is NaN in epoch 2' : null);
    assert.is(epochs.length, broken ? 2 : 3);
  }
});

/** Runs legs in an order of its own, several at a time, and every epoch a while. */
function shuffled(width: number, pick: (i: number) => number): Runner {
  let calls = 0;
  const train = fakeTrain();
  return {
    width,
    async run(leg: Leg, onEpoch, signal) {
      await sleep(pick(calls++));
      return runLeg(train, leg, onEpoch, signal);
    },
    async close() {},
  };
}

test('neither the order in which trials run nor how many do at a time makes a difference', async () => {
  for (const runner of [shuffled(5, (i) => (i * 7) % 5), shuffled(28, (i) => 28 - (i % 28)), shuffled(1, () => 0)]) {
    assert.equal(numbers(await run({ runner })), numbers(straight));
  }
});

test('an epoch that a runner tells of twice counts once', async () => {
  const train = fakeTrain();
  const runner: Runner = {
    width: 2,
    run: (leg, onEpoch, signal) => {
      const twice: typeof onEpoch = async (record) => {
        await onEpoch(record);
        await onEpoch(record);
      };
      return runLeg(train, leg, twice, signal);
    },
    async close() {},
  };
  assert.equal(numbers(await run({ runner })), numbers(straight));
});

// The file.

test('a file that was cut at any byte is gone on with, to the same results', async () => {
  const whole = fresh();
  await run({ folder: whole });
  const lines = readFileSync(join(whole, 'sweep.jsonl'));
  assert.is(existsSync(join(whole, 'checkpoints')), false);
  for (const bytes of [0, 1, 40, lines.indexOf(10) + 1, 1000, 1777, 2501, lines.length - 3, lines.length]) {
    const where = fresh();
    await run({ folder: where, signal: AbortSignal.abort() });
    writeFileSync(join(where, 'sweep.jsonl'), lines.subarray(0, bytes));
    // The checkpoints are lost: what was known is trained again, and counts once.
    assert.equal(numbers(await run({ folder: where })), numbers(straight), `cut at ${bytes}`);
    assert.equal(readFileSync(join(where, 'sweep.jsonl')).length, lines.length);
  }
});

test('a sweep that was told to end goes on where it was, within a trial from its last whole epoch', async () => {
  const where = fresh();
  let seen: number[] = [];
  for (let calls = 0; ; calls++) {
    assert.ok(calls < 100);
    const controller = new AbortController();
    let epochs = 0;
    const before = seen;
    seen = [];
    const result = await run(
      {
        folder: where,
        signal: controller.signal,
        onProgress: ({ event }) => event === 'epoch' && ++epochs === 5 && controller.abort(),
      },
      { before: ({ number }, epoch) => seen.push(number * 100 + epoch) },
    );
    assert.is(
      result.complete,
      result.trials.every(({ end }) => end !== null),
    );
    assert.equal(
      seen.filter((one) => before.includes(one)),
      [],
      'nothing is trained twice',
    );
    if (result.complete) {
      assert.equal(numbers(result), numbers(straight));
      assert.ok(calls > 5);
      return;
    }
  }
});

test('a file of another sweep, or of anything else, is refused and left as it is', async () => {
  const where = fresh();
  const path = join(where, 'sweep.jsonl');
  await run({ folder: where });
  const content = readFileSync(path);
  const others: readonly (readonly [Changes, RegExp])[] = [
    [
      { epochs: 8 },
      /is of another sweep, whose epochs is 9; here it is 8. Give the same settings .* or delete that file to begin anew/,
    ],
    [{ seeds: [0] }, /whose seeds is 0, 1; here it is 0/],
    [{ halving: false }, /whose halving is/],
    [{ objective: 'loss' }, /whose objective is/],
    [{ conditions: { data: 'CIFAR-10' } }, /whose data is none; here it is CIFAR-10/],
  ];
  for (const [changes, message] of others) await rejects(() => run({ folder: where, ...changes }), DataError, message);
  const other = grid({ batchSize: [16], learningRate: [0.1] });
  await rejects(
    () => sweep({ space: other, train: async () => {}, epochs: 9, seeds: [0, 1], folder: where }),
    DataError,
    /whose space is/,
  );
  assert.equal(readFileSync(path), content);
  for (const [text, message] of [
    ['{"a":1}\n', /is no file of a sweep/],
    ['my diary, without a line break', /is no file of a sweep/],
    [`${content}{"trial":1,"epoch":"x"}\n`, /line \d+ of .* is damaged/],
    [String(content).replace('"epoch":0', '"epoch":'), /line \d+ of .* is damaged/],
  ] as const) {
    writeFileSync(path, text);
    await rejects(() => run({ folder: where }), DataError, message);
    assert.is(readFileSync(path, 'utf8'), text);
  }
});

test('a full disk ends the sweep with an error, and nothing is lost', async () => {
  if (!existsSync('/dev/full')) return;
  const where = fresh();
  const path = join(where, 'sweep.jsonl');
  let epochs = 0;
  const fill = (): void => {
    if (++epochs !== 20) return;
    renameSync(path, `${path}.kept`);
    symlinkSync('/dev/full', path);
  };
  await rejects(() => run({ folder: where }, { before: fill }), FileError, /no room is left on the disk/);
  rmSync(path);
  renameSync(`${path}.kept`, path);
  assert.equal(numbers(await run({ folder: where })), numbers(straight));
  assert.ok(epochs > 19);
});

// Training that goes wrong.

const only = (changes: Changes, train: TrainFunction<Point>): Promise<SweepResult<Point>> =>
  run({
    seeds: [0],
    epochs: 2,
    halving: false,
    space: { ...space, points: space.points.slice(0, 3) },
    ...changes,
    train,
  });

test('a function that throws is tried three times, then left out and told of; the others go on', async () => {
  const events: string[] = [];
  const { trials, complete, best } = await only(
    { onProgress: ({ trial, event }) => trial.number === 1 && events.push(event) },
    fakeTrain({
      before: ({ number }) => {
        if (number === 1) throw new RangeError('no such layer');
      },
    }),
  );
  assert.ok(complete);
  assert.equal(
    trials.map(({ end }) => end),
    ['done', 'failed', 'done'],
  );
  assert.equal(trials[1].failures, Array(3).fill('RangeError: no such layer'));
  assert.is(trials[1].reason, 'RangeError: no such layer');
  assert.equal(events, ['failure', 'failure', 'end']);
  assert.ok(best !== null && best.number !== 1);
});

test('one that throws once, or whose checkpoint is broken, comes to the same results', async () => {
  const done = new Set<string>();
  const first = (what: string): boolean => done.size < done.add(what).size;
  const result = await run(
    {},
    {
      before: ({ number, checkpoint }, epoch) => {
        if (number === 5 && epoch === 0 && first('throw')) throw new Error('once');
        // Reading it fails; then the trial begins anew.
        if (number === 4 && epoch === 2 && first('tear')) {
          writeFileSync(checkpoint, '{"x":');
          throw new Error('torn');
        }
      },
    },
  );
  assert.equal(result.trials[5].failures, ['Error: once']);
  assert.is(result.trials[4].failures[0], 'Error: torn');
  assert.match(result.trials[4].failures[1], 'SyntaxError');
  assert.is(result.trials[4].failures.length, 2);
  assert.equal(withoutFailures(result), withoutFailures(straight));
});

test('one that saves before it reports has epochs that nobody heard of: it is told, and begins anew', async () => {
  const { trials } = await only({}, async (_, trial) => {
    const begin = existsSync(trial.checkpoint) ? Number(readFileSync(trial.checkpoint, 'utf8')) : 0;
    for (let epoch = begin; epoch < trial.epochs; epoch++) {
      writeFileSync(trial.checkpoint, String(epoch + 1));
      if (trial.number === 0 && epoch === 0 && !existsSync(join(folder, 'died'))) {
        writeFileSync(join(folder, 'died'), '');
        throw new Error('died here');
      }
      if (!(await trial.report(epoch, { val_accuracy: epoch }))) return;
    }
  });
  assert.equal(
    trials.map(({ end }) => end),
    ['done', 'done', 'done'],
  );
  assert.match(trials[0].failures[1], 'Report each epoch, and only then save the checkpoint.');
});

test('NaN has diverged, returning early has failed, and a missing objective is the mistake of the caller', async () => {
  const nan = await only({}, async (_, trial) => {
    await trial.report(0, { val_accuracy: Number.NaN, loss: 1 });
  });
  assert.equal(
    nan.trials.map(({ end, reason }) => `${end}: ${reason}`),
    Array(3).fill('diverged: val_accuracy is NaN in epoch 1'),
  );
  assert.is(nan.best, null);
  assert.ok(Number.isNaN(nan.trials[0].epochs[0].logs.val_accuracy));

  const early = await only({}, async () => {});
  assert.match(early.trials[0].reason ?? '', 'training returned after 0 of 2 epochs');

  const missing = only({}, async (_, trial) => {
    await trial.report(0, { accuracy: 1 });
  });
  await rejects(
    () => missing,
    ArgumentError,
    /have no val_accuracy, which is the sweep's objective: there are accuracy. Report it, or name another/,
  );

  const told = await only({}, async (_, trial) => trial.diverged('the loss stays far too high'));
  assert.is(told.trials[2].reason, 'the loss stays far too high');
});

test('one that hangs is given up after the time limit', async () => {
  let aborted = 0;
  const { trials } = await only({ timeLimit: 0.05 }, async (parameters, trial) => {
    if (trial.number !== 1) return fakeTrain()(parameters, trial);
    trial.signal.addEventListener('abort', () => aborted++);
    await new Promise(() => {});
  });
  assert.equal(
    trials.map(({ end }) => end),
    ['done', 'failed', 'done'],
  );
  assert.is(trials[1].reason, 'no epoch ended within the time limit of 0.05 s');
  assert.is(aborted, 3);
});

test('progress counts epochs down to none and knows the time left', async () => {
  const left: number[] = [];
  const result = await run({
    onProgress: ({ event, epochsLeft, secondsLeft }) => {
      if (event === 'epoch') left.push(epochsLeft);
      assert.ok(secondsLeft === null || secondsLeft >= 0);
    },
  });
  // 2 groups of 7 points with 2 seeds: 14 epochs to the first rung, 2 points go on by 2 epochs and 1 by 6.
  assert.is(left[0], 2 * (14 + 2 * 2 * 2 + 2 * 6) - 1);
  assert.is(left.at(-1), 0);
  assert.is(
    left.length,
    result.trials.reduce((sum, { epochs }) => sum + epochs.length, 0),
  );
});

// Processes.

const program = fileURLToPath(new URL('sweepProgram.ts', import.meta.url));

function start(where: string, mode: string): ChildProcess {
  return spawn(process.execPath, ['--import', LOADER, program, 'sweep', where, mode], { stdio: 'inherit' });
}

/** What the file of a folder tells: nothing is left to be trained. */
async function resultOf(where: string): Promise<SweepResult<Point>> {
  return run({ folder: where }, { before: () => assert.unreachable('all was trained') });
}

const withoutFailures = ({ trials, ...result }: SweepResult<Point>): string =>
  numbers({ ...result, trials: trials.map((trial) => ({ ...trial, failures: [] })) });

test('processes that are killed in the middle, with the sweep or alone, come to the same results', async () => {
  const where = fresh();
  const path = join(where, 'sweep.jsonl');
  let kills = 0;
  for (const lines of [9, 30]) {
    const child = start(where, 'slow');
    const ended = once(child, 'exit');
    const count = (): number => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').length : 0);
    while (count() < lines && child.exitCode === null) await sleep(3);
    if (child.kill('SIGKILL')) kills++;
    await ended;
  }
  assert.is(kills, 2);
  // A kill may tear the last line.
  appendFileSync(path, '{"trial":3,"epo');
  const [code] = await once(start(where, ''), 'exit');
  assert.is(code, 0);
  assert.equal(numbers(await resultOf(where)), numbers(straight));
});

test('a process that crashes, hangs or freezes is replaced, and its trial goes on', async () => {
  const hung = 'no epoch ended within the time limit of 2 s';
  const cases = Object.entries({ crash: 'the process was ended by SIGKILL', hang: hung, freeze: hung });
  await Promise.all(
    cases.map(async ([mode, failure]) => {
      const where = fresh();
      const [code] = await once(start(where, mode), 'exit');
      assert.is(code, 0, mode);
      const result = await resultOf(where);
      assert.equal(
        result.trials.flatMap((trial) => trial.failures),
        [failure],
        mode,
      );
      assert.equal(withoutFailures(result), withoutFailures(straight), mode);
    }),
  );
});

test('a script that cannot start says so', async () => {
  const { trials } = await run({
    runner: processes(join(folder, 'none.mjs'), { parallel: 1 }),
    seeds: [0],
    epochs: 1,
    space: { ...space, points: space.points.slice(0, 1) },
  });
  assert.is(trials[0].end, 'failed');
  assert.match(trials[0].reason ?? '', 'the process ended with exit code 1');
});

// On the device.

test('a model is swept with the callbacks of a trial, interrupted or not', async () => {
  const [x, validation] = [normal([64, 5], { seed: 1 }), normal([32, 5], { seed: 2 })];
  const labels = (of: typeof x) => of.slice([0, 0], [-1, 1]).greater(0).reshape([-1]).cast('int32');
  const [y, validationLabels] = [labels(x), labels(validation)];
  const small = grid({ batchSize: [16, 33], learningRate: [0.01, 1e-6] });
  const one = (where: string, signal?: AbortSignal, onProgress?: () => void) =>
    sweep({
      ...{ space: small, epochs: 4, seeds: [3], folder: where, signal, onProgress },
      halving: { factor: 2, minEpochs: 2, groupBy: ['batchSize'] },
      async train({ batchSize, learningRate }, trial) {
        const model = new Sequential([new Dense(7, { activation: 'tanh' }), new Dense(2, { activation: 'softmax' })], {
          seed: trial.seed,
        });
        model.compile({
          optimizer: new Adam({ learningRate }),
          loss: 'sparseCategoricalCrossentropy',
          metrics: ['accuracy'],
        });
        const validationData = [validation, validationLabels] as const;
        await model.fit(x, y, {
          batchSize,
          epochs: trial.epochs,
          validationData,
          verbose: 0,
          callbacks: trial.callbacks(),
        });
        model.dispose();
      },
    });
  // Whoever keeps a checkpoint elsewhere is told when that of an epoch is whole.
  const told: [number, boolean][] = [];
  const checkpoint = join(fresh(), 'one.checkpoint');
  const leg = { ...{ number: 0, parameters: {}, seed: 0, from: 0, until: 2, epochs: 2, failures: 0 }, checkpoint };
  let reported = -1;
  const end = await runLeg(
    async (_, trial) => {
      const model = new Sequential([new Dense(2, { activation: 'softmax' })], { seed: 0 });
      model.compile({ optimizer: new Adam(), loss: 'sparseCategoricalCrossentropy' });
      await model.fit(x, y, { epochs: 2, verbose: 0, callbacks: trial.callbacks() });
      model.dispose();
    },
    { ...leg, objective: 'loss' },
    async ({ epoch }) => {
      reported = epoch;
    },
    new AbortController().signal,
    () => told.push([reported, existsSync(checkpoint)]),
  );
  assert.is(end.kind, 'reached');
  assert.equal(told, [
    [0, true],
    [1, true],
  ]);
  const logsOf = ({ trials }: Awaited<ReturnType<typeof one>>) =>
    trials.map(({ end, reason, epochs }) => ({ end, reason, logs: epochs.map(({ logs }) => logs) }));
  const whole = await one(fresh());
  assert.equal(
    whole.trials.map(({ end, epochs }) => `${end} ${epochs.length}`),
    ['done 4', 'stopped 2', 'done 4', 'stopped 2'],
  );
  for (const { epochs } of whole.trials) for (const { seconds } of epochs) assert.ok(seconds > 0 && seconds < 60);
  const where = fresh();
  let cut: Awaited<ReturnType<typeof one>>;
  let calls = 0;
  do {
    const controller = new AbortController();
    let events = 0;
    cut = await one(where, controller.signal, () => ++events === 3 && controller.abort());
  } while (!cut.complete && ++calls < 20);
  assert.ok(calls >= 2);
  assert.equal(logsOf(cut), logsOf(whole));
});

test.run();
