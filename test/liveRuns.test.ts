/** What the live page's list makes of its runs: their order, their differences, their files; and of files that are dropped on it. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compared } from '../examples/browser/comparison.ts';
import { sorted } from '../examples/browser/dropped.ts';
import { runsCsv, runsJson } from '../examples/browser/exports.ts';
import { type ORDERS, ordered } from '../examples/browser/order.ts';
import { newRun, type Run } from '../examples/browser/run.ts';
import { firstPlan } from '../examples/browser/settings.ts';
import type { Track } from '../examples/ui/curve.ts';

const test = suite('live runs');

const track = (accuracy: readonly number[]): Track => ({
  step: accuracy.map((_, i) => 10 * (i + 1)),
  epoch: accuracy.map((_, i) => i + 1),
  seconds: accuracy.map((_, i) => 2 * (i + 1)),
  loss: accuracy.map((value) => 3 - value),
  accuracy,
  learning_rate: accuracy.map(() => 0.001),
});

const run = (name: string, accuracy: readonly number[], plan: Partial<Run['plan']> = {}): Run => ({
  ...newRun({ id: name, name, study: null, color: 0, plan: { ...firstPlan(true), ...plan }, data: 'shapes' }),
  training: track(accuracy),
  validation: track(accuracy),
  epochs: track(accuracy),
  state: 'done',
});

test('runs stand as begun, by name as people count, the best first, by rate or by batch', () => {
  const runs = [
    run('run 10', [0.1, Number.NaN]),
    run('run 2', [0.2, 0.5], { learningRate: 1e-4 }),
    run('Run 3', [], { batchSize: 8 }),
    run('all', [0.9, 0.3]),
  ];
  const by = (order: (typeof ORDERS)[number]) => ordered(runs, order).map(({ name }) => name);
  assert.equal(by('begun'), ['run 10', 'run 2', 'Run 3', 'all']);
  assert.equal(by('name'), ['all', 'run 2', 'Run 3', 'run 10']);
  assert.equal(by('accuracy'), ['run 2', 'all', 'run 10', 'Run 3'], 'what has no number comes last');
  assert.equal(by('rate'), ['run 2', 'run 10', 'Run 3', 'all']);
  assert.equal(by('batch'), ['Run 3', 'run 10', 'run 2', 'all']);
  assert.equal(
    runs.map(({ name }) => name),
    ['run 10', 'run 2', 'Run 3', 'all'],
    'the list itself stays',
  );
});

test('a comparison says in which settings runs differ and which is the best in what', () => {
  const { settings, results } = compared([
    run('a', [0.6, 0.4], { schedule: 'plateau' }),
    run('b', [0.2, 0.5], { learningRate: 1e-5 }),
    run('c', [0.5, Number.NaN]),
  ]);
  const differing = settings.filter(({ differs }) => differs);
  assert.equal(
    differing.map(({ name, values }) => [name, values]),
    [
      ['learning rate', ['0.001', '1e-5', '0.001']],
      ['schedule', ['lower on a plateau', 'constant', 'constant']],
    ],
  );
  const of = (name: string) => results.find((row) => row.name === name);
  assert.equal(of('validation accuracy')?.values, ['40.0 %', '50.0 %', 'NaN']);
  assert.equal(of('validation accuracy')?.best, [1]);
  assert.equal(of('best of its epochs')?.best, [0]);
  assert.equal(of('validation loss')?.best, [1], 'the lowest');
  assert.equal(of('epochs done')?.best, [], 'more is not better');
  assert.equal(compared([run('a', [0.5]), run('b', [0.5])]).results[0].best, [], 'all are as good');
  assert.ok(compared([run('a', []), run('b', [])]).results.every(({ best }) => best.length === 0));
});

test('a table has a row an epoch and run; no name breaks it, none is a formula', () => {
  const lines = runsCsv([run('plain', [0.1, Number.NaN]), run('=1+"a",\nb', [0.3]), run('none', [])]).split('\r\n');
  assert.is(lines.length, 1 + 2 + 1 + 1, 'with an end of the last line');
  const columns = lines[0].split(',');
  assert.equal(columns.slice(-8), [
    'epoch',
    'step',
    'seconds',
    'learning_rate',
    'loss',
    'accuracy',
    'val_loss',
    'val_accuracy',
  ]);
  assert.ok(columns.includes('set learningRate') && columns.includes('set batchSize'));
  assert.is(lines[2].split(',').length, columns.length);
  assert.match(lines[2], /^plain,done,shapes,.*,2,20,4,0\.001,NaN,NaN,NaN,NaN$/);
  assert.ok(lines[3].startsWith('"\'=1+""a"",\nb",done,'), lines[3]);
});

test('all that is known goes into JSON, NaN and infinity too; pictures do not', () => {
  const diverged = {
    ...run('a', [0.5, Number.NaN, Number.POSITIVE_INFINITY]),
    exhibits: { filters: [], predictions: new Float32Array(3), step: 30, layers: [] },
  };
  const { format, version, runs } = JSON.parse(runsJson([diverged]));
  assert.equal([format, version, runs.length], ['wgrad runs', 1, 1]);
  assert.equal(runs[0].validation.accuracy, [0.5, 'NaN', 'Infinity']);
  assert.equal(runs[0].validation.loss, [2.5, 'NaN', '-Infinity']);
  assert.equal(runs[0].plan, diverged.plan);
  assert.is('exhibits' in runs[0], false);
});

test('files that are dropped are images or a model, or it is said what is wrong with them', () => {
  const files = (...names: string[]) => sorted(names.map((name) => ({ name })));
  const kinds = ({ images, models, refusal }: ReturnType<typeof files>) => [images.length, models.length, refusal];
  assert.equal(kinds(files('data_batch_1.bin', 'TEST.BIN', 'x.tar.gz', 'x.tgz')), [4, 0, null]);
  assert.equal(kinds(files('m.SafeTensors', 'a.bin')), [1, 1, null]);
  assert.match(files('a.bin', 'cifar-10-batches-bin').refusal ?? '', /^cifar-10-batches-bin: .* no folder/);
  assert.match(files('a.safetensors', 'b.safetensors').refusal ?? '', /^a\.safetensors and b\.safetensors: /);
  assert.equal(files('a.bin', 'x.gz').images, [], 'all or none');
});

test.run();
