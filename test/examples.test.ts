/** The examples as a user starts them: in a process of their own, with little data. The quick start is run by package.test.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode } from 'fast-png';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readFlags } from '../examples/study/options.ts';
import { readResults } from '../examples/study/resultFiles.ts';
import type { StudyResults } from '../examples/study/results.ts';
import { PLANS } from '../examples/study/runs.ts';
import { settingsFor } from '../examples/study/settings.ts';
import { type Refusal, refusalOf } from './commandLine.ts';
import { LOADER } from './loader.ts';
import { offline } from './offline.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Starts an example without a network; `watch` sees its output as it grows. */
function start(example: string, flags: readonly string[], watch?: (output: string, child: ChildProcess) => void) {
  const child = spawn(process.execPath, ['--import', LOADER, `examples/${example}`, ...flags], {
    cwd: root,
    // An empty cache and no network: the study must do without CIFAR-10.
    env: offline(folder),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const take = (chunk: Buffer) => {
    output += chunk;
    watch?.(output, child);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, output }));
  });
}

let folder = '';

const examples = suite('examples');
examples.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-examples-'));
});
examples.after(() => rm(folder, { recursive: true, force: true }));

const tiny = ['--train', '200', '--test', '100', '--epochs', '5', '--runs', 'high-lr,baseline'];

examples('the README shows the quickstart as it is', async () => {
  const code = await readFile(join(root, 'examples/quickstart.ts'), 'utf8');
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  assert.ok(readme.includes(`\`\`\`ts\n${code}\`\`\``), 'README.md lacks the text of examples/quickstart.ts');
});

examples('the study writes its files, and says where its images are not CIFAR-10', async () => {
  const out = join(folder, 'study');
  const { code, output } = await start('cifar-lr-batch.ts', [...tiny, '--out', out]);
  assert.is(code, 0, output);
  assert.match(output, 'No CIFAR-10: ');
  assert.match(output, 'run 2 of 2: high-lr (learning rate 0.1, batch 32, 5 epochs)');
  assert.match(output, /baseline +0\.001 +32 +5 /);
  assert.equal((await readdir(out)).sort(), [
    'accuracy-by-epoch.png',
    'accuracy-by-time.png',
    'baseline.csv',
    'high-lr.csv',
    'learning-rate.png',
    'loss.png',
    'overview.png',
    'report.html',
    'results.json',
    'samples.png',
  ]);
  assert.ok(decode(await readFile(join(out, 'samples.png'))).width > 1000);

  const { runs, ...facts } = await readResults(join(out, 'results.json'));
  assert.equal(Object.keys(facts), ['adapter', 'software', 'data', 'preset', 'seed', 'validationImages']);
  assert.type(facts.adapter, 'string');
  assert.type(facts.software, 'boolean');
  assert.is(facts.data, 'synthetic shapes (not CIFAR-10), 200 training and 100 test images');
  assert.equal(
    runs.map(({ name, learningRate, batchSize, epochs }) => ({ name, learningRate, batchSize, epochs })),
    [
      { ...PLANS.baseline, epochs: 5 },
      { ...PLANS['high-lr'], epochs: 5 },
    ],
  );
  for (const run of runs) {
    assert.equal(Object.keys(run.history), ['loss', 'accuracy', 'val_loss', 'val_accuracy', 'learning_rate']);
    for (const list of Object.values(run.history)) assert.is(list.length, 5);
    assert.is(run.history.learning_rate[0], run.learningRate);
    assert.ok(run.secondsPerEpoch > 0);
    assert.ok(Math.abs(run.imagesPerSecond * run.secondsPerEpoch - 200) < 1e-6);
    assert.type(run.verdict, 'string');
  }
});

examples('a study that is killed goes on with --resume, to the same numbers', async () => {
  const out = join(folder, 'killed');
  const flags = [...tiny, '--out', out];
  const first = await start('cifar-lr-batch.ts', flags, (text, child) => {
    // In the second run, after its second epoch: the backup of the first is there.
    if (/run 2 of 2.*Epoch 2\/5/s.test(text)) child.kill('SIGKILL');
  });
  assert.is(first.signal, 'SIGKILL', first.output);
  const killed = await readResults(join(out, 'results.json'));
  assert.equal(
    killed.runs.map(({ name }) => name),
    ['baseline'],
  );
  assert.equal((await readdir(out)).sort(), [
    'baseline.csv',
    'high-lr.backup.safetensors',
    'progress.json',
    'results.json',
  ]);

  const second = await start('cifar-lr-batch.ts', [...flags, '--resume']);
  assert.is(second.code, 0, second.output);
  assert.match(second.output, /run 1 of 2: baseline .*\nDone before the interruption\./);
  assert.not.match(second.output, 'Epoch 1/5');
  assert.match(second.output, 'Epoch 5/5');
  // What the test of the files has trained without interruption.
  const straight = await readResults(join(folder, 'study', 'results.json'));
  const resumed = await readResults(join(out, 'results.json'));
  const numbers = ({ runs, ...facts }: StudyResults) => ({
    ...facts,
    runs: runs.map(({ name, epochs, history, divergence }) => ({ name, epochs, history, divergence })),
  });
  assert.equal(numbers(resumed), numbers(straight));
  assert.is(resumed.runs[0].secondsPerEpoch, killed.runs[0].secondsPerEpoch);
  assert.equal(resumed.runs[1].epochSeconds?.length, 5);
  assert.equal((await readdir(out)).sort(), (await readdir(join(folder, 'study'))).sort());
});

examples('Ctrl-C ends the study in good order: what there is gets written', async () => {
  const out = join(folder, 'interrupted');
  let sent = 0;
  const { code, output } = await start(
    'cifar-lr-batch.ts',
    ['--train', '200', '--test', '100', '--epochs', '5000', '--runs', 'baseline,low-lr', '--out', out],
    (text, child) => {
      if (sent > 0 || !text.includes('Epoch 2/5000')) return;
      sent = performance.now();
      child.kill('SIGINT');
    },
  );
  const took = performance.now() - sent;
  assert.is(code, 130, output);
  assert.ok(took < 20_000, `ended ${took} ms after the signal`);
  const { runs } = await readResults(join(out, 'results.json'));
  assert.equal(
    runs.map(({ name }) => name),
    ['baseline'],
  );
  const [{ history, interrupted }] = runs;
  const epochs = history.val_loss.length;
  assert.ok(epochs >= 2 && epochs < 5000, `${epochs} epochs`);
  // The signal may come between two epochs.
  if (interrupted) {
    assert.is(interrupted.epoch, epochs - 1);
    assert.is(interrupted.of, 7);
    assert.match(output, new RegExp(`baseline .* ${epochs - 1}\\+${interrupted.batches}/7 `));
  }
  const left = await readdir(out);
  for (const name of ['overview.png', 'progress.json', 'baseline.backup.safetensors'])
    assert.ok(left.includes(name), name);
});

examples(
  'a study of several seeds that is killed in the second one goes on with --resume, to the same numbers',
  async () => {
    const flags = [
      '--train',
      '96',
      '--test',
      '50',
      '--epochs',
      '2',
      '--plateau-epochs',
      '4',
      '--runs',
      'baseline,plateau',
    ];
    const seeds = [...flags, '--seed', '5', '--seeds', '2', '--out'];
    const [out, straight] = [join(folder, 'seeds'), join(folder, 'seeds-straight')];
    const first = await start('cifar-lr-batch.ts', [...seeds, out], (text, child) => {
      if (/run 4 of 4.*Epoch 2\/4/s.test(text)) child.kill('SIGKILL');
    });
    assert.is(first.signal, 'SIGKILL', first.output);
    const heads = [...first.output.matchAll(/^run (\d of 4: [\w-]+ with seed \d) /gm)].map(([, head]) => head);
    assert.equal(heads, [
      '1 of 4: baseline with seed 5',
      '2 of 4: plateau with seed 5',
      '3 of 4: baseline with seed 6',
      '4 of 4: plateau with seed 6',
    ]);
    const killed = await readResults(join(out, 'results.json'));
    assert.equal(
      killed.runs.map(({ name, repeats = [] }) => [name, repeats.map(({ seed }) => seed)]),
      [
        ['baseline', [6]],
        ['plateau', []],
      ],
    );
    assert.equal(
      (await readdir(out)).filter((name) => name.includes('backup')),
      ['plateau.seed-6.backup.safetensors'],
    );
    const second = await start('cifar-lr-batch.ts', [...seeds, out, '--resume']);
    assert.is(second.code, 0, second.output);
    assert.is(second.output.split('Done before the interruption.').length, 4);
    assert.not.match(second.output, 'Epoch 1/4');
    assert.match(second.output, 'preset quick, seeds 5 and 6');
    const whole = await start('cifar-lr-batch.ts', [...seeds, straight]);
    assert.is(whole.code, 0, whole.output);
    const numbers = async (place: string) =>
      (await readResults(join(place, 'results.json'))).runs.map(({ name, history, right, repeats = [], verdict }) => {
        return { name, history, right, verdict, repeats: repeats.map((one) => [one.seed, one.history, one.right]) };
      });
    assert.equal(await numbers(out), await numbers(straight));
    assert.equal((await readdir(out)).sort(), (await readdir(straight)).sort());
    assert.match(
      await readFile(join(out, 'baseline.csv'), 'utf8'),
      /^seed,epoch,.*\n5,1,.*\n5,2,.*\n6,1,.*\n6,2,[^\n]*\n$/,
    );
  },
);

examples('a wrong flag, run or folder is an error that names it', async () => {
  const wrong = [
    [['--epoch', '3'], "unknown option '--epoch'"],
    [
      ['--out', join(root, 'package.json', 'x')],
      `--out: '${join(root, 'package.json', 'x')}': what its path calls a folder is a file`,
    ],
    [['--data', join(folder, 'nowhere')], 'there is no such folder or file. Give as --data a folder'],
  ] as const;
  const outcomes = await Promise.all(
    wrong.map(([flags]) =>
      start('cifar-lr-batch.ts', [...flags, ...(flags[0] === '--out' ? [] : ['--out', join(folder, 'wrong')])]),
    ),
  );
  for (const [i, [, message]] of wrong.entries()) assertRefused(outcomes[i], message);
});

examples('so is every value that a flag cannot have', () => {
  const wrong = [
    [
      ['--runs', 'baseline,lower-lr'],
      "There is no run 'lower-lr'. Did you mean 'low-lr'? Choose from baseline, low-lr,",
    ],
    [['--preset', 'quik'], "Did you mean 'quick'? Choose from quick, full."],
    [['--adapter', 'lavapip'], "Did you mean 'lavapipe'?"],
    [
      ['--train', '999999999'],
      "option '--train <n>' argument '999999999' is invalid. Give a whole number from 1 to 50000.",
    ],
    [['--seed', '4294967295', '--seeds', '2'], '--seeds 2 from --seed 4294967295 on goes beyond the last seed'],
    [['--out', ''], "option '--out <dir>' argument '' is invalid. Give a folder's name"],
  ] as const;
  for (const [flags, message] of wrong)
    assertRefused(
      refusalOf(() => readFlags(flags)),
      message,
    );
});

function assertRefused({ code, output }: Refusal, message: string): void {
  assert.is(code, 1, output);
  assert.ok(output.includes(message), `${message} in ${output}`);
  assert.not.match(output, /^ +at /m);
}

examples('presets and flags', () => {
  const settings = (flags: string[], software: boolean) => settingsFor(readFlags(flags), software);
  const quick = settings([], true);
  assert.is(quick.preset, 'quick');
  assert.is(quick.runs.length, 6);
  // What the quick preset may take on two cores: 1.5 ms an image trained, 0.4 ms an image validated.
  const perEpoch = ((quick.train ?? 0) * 1.5 + (quick.test ?? 0) * 0.4) / 1000;
  const seconds = quick.runs.reduce((sum, { epochs }) => sum + epochs * perEpoch, 0);
  assert.ok(seconds <= 200, `${seconds} s`);

  const full = settings([], false);
  assert.is(full.preset, 'full');
  assert.is(full.train, undefined);
  assert.is(full.test, undefined);
  assert.is(full.runs.at(-1)?.epochs, 300);

  const own = settings(['--train', '10000', '--epochs', '8', '--runs', 'plateau,high-lr', '--rate', '0.5'], true);
  assert.is(own.test, 10_000);
  assert.equal(
    own.runs.map(({ name, epochs, policy, learningRate }) => [name, epochs, policy, learningRate]),
    [
      ['high-lr', 8, 'warn', 0.5],
      ['plateau', 24, 'stop', 0.5],
    ],
  );
});

examples.run();
