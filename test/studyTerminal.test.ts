/** What the study prints in terminals of any width, and of a training that was stopped within an epoch. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { epochsAt, epochsText, trainedText } from '../examples/study/epochs.ts';
import { judgeStudy } from '../examples/study/judgeStudy.ts';
import type { RunResult } from '../examples/study/results.ts';
import { Screen } from '../examples/study/screen.ts';
import { table } from '../examples/study/table.ts';
import { wrap } from '../examples/study/wrap.ts';

function run(name: string, val_accuracy: number[], changes: Partial<RunResult> = {}): RunResult {
  return {
    ...{ name, learningRate: 0.001, batchSize: 32, epochs: 3, verdict: 'as good, faster' },
    history: {
      loss: val_accuracy.map((value) => 2.6 - value),
      accuracy: val_accuracy,
      val_loss: val_accuracy.map((value) => 2.7 - value),
      val_accuracy,
      learning_rate: val_accuracy.map(() => 0.001),
    },
    ...{ secondsPerEpoch: 12.34, imagesPerSecond: 12345.6, divergence: null },
    ...changes,
  };
}

const runs = [
  run('baseline', [0.3, 0.4, 0.5]),
  run('batch-128-scaled', [0.2, 0.3, 0.45], { batchSize: 128, learningRate: 0.00012345 }),
  run('a-name-that-is-far-too-long', [0.2, 0.25], { interrupted: { epoch: 1, batches: 8, of: 79 } }),
];
const verdicts = judgeStudy(runs, 1000).verdicts;
const several = runs.map((one) => ({ ...one, repeats: [{ ...one, seed: 1 }] }));

const test = suite('study: terminal');

test('the table and its sentences fit 120, 100, 80, 60 and 40 columns', () => {
  for (const some of [runs, several]) {
    for (const width of [200, 120, 100, 80, 72, 71, 60, 40]) {
      const text = table(some, verdicts, width);
      const longest = Math.max(...text.split('\n').map((line) => line.length));
      assert.ok(longest <= Math.min(width, 140), `${longest} in ${width}:\n${text}`);
      const [head, , ...rows] = text.split('\n');
      for (const column of ['run', 'epochs', 'val %']) assert.ok(head.includes(column), `${width}: ${column}`);
      assert.match(rows[1], /^batch-128-scaled .*\b3\b.*\b45\.0\b/);
      assert.match(rows[2], '1+8/79');
      // No word is lost, whether the verdict has a column or stands before its sentence.
      const words = text.replace(/\s+/g, ' ');
      for (const { sentence } of verdicts) assert.ok(words.includes(sentence), `${width}: ${sentence}`);
      assert.ok(head.includes('verdict') || words.includes(`${verdicts[1].verdict}: ${verdicts[1].sentence}`), text);
    }
  }
  const narrow = table(runs, verdicts, 60).split('\n');
  assert.ok(narrow.includes('(a wider terminal shows more columns, results.json all)'));
  assert.not.ok(table(runs, verdicts, 120).includes('wider terminal'));
  // Beside its name a sentence would have no room.
  assert.ok(narrow.includes('batch-128-scaled'));
});

test('lines break between words; a long word stays whole', () => {
  assert.equal(wrap('one two three', 7), ['one two', 'three']);
  assert.equal(wrap('a much-too-long-word b', 6), ['a', 'much-too-long-word', 'b']);
  assert.equal(wrap('', 10), ['']);
});

test('what is printed takes the width of a terminal, and the usual one elsewhere', () => {
  const terminal = (isTTY: boolean, columns?: number) => new Screen({ isTTY, columns, write: () => {} }, {}).width;
  assert.is(terminal(true, 60), 60);
  assert.is(terminal(false, 60), 120);
  // It does not know.
  assert.is(terminal(true, 0), 120);
});

test('what is printed while a run trains is broken between words, in a terminal alone', () => {
  const printed = (isTTY: boolean): string => {
    let all = '';
    const write = (text: string) => {
      all += text;
    };
    new Screen({ isTTY, columns: 20, write }, {}).print('\nTraining diverged in its first epoch.');
    return all.replaceAll('\x1b[J', '').replaceAll('\x1b[K', '|');
  };
  assert.is(printed(true), '|\nTraining diverged in|\nits first epoch.|\n');
  assert.is(printed(false), '\nTraining diverged in its first epoch.\n');
});

test('an epoch that was cut short is told by its batches and counts as a part', () => {
  const [whole, , cut] = runs;
  assert.is(epochsText(whole), '3');
  assert.is(epochsText({ ...whole, epochs: 9 }), '3/9');
  assert.is(epochsText(cut), '1+8/79');
  assert.equal(epochsAt(whole), [1, 2, 3]);
  assert.equal(epochsAt(cut), [1, 1 + 8 / 79]);
  assert.is(trainedText(whole), '3 epochs');
  assert.is(trainedText(cut), '1 epoch and 8 of 79 batches');
  const first = run('first', [0.1], { interrupted: { epoch: 0, batches: 2, of: 79 } });
  assert.is(trainedText(first), '2 of 79 batches');
  assert.is(epochsText(first), '0+2/79');
  // The part decides nothing, so the table shows the last whole epoch.
  assert.match(table([cut], judgeStudy([cut], 1000).verdicts), /1\+8\/79 +20\.0 +20\.0 +20\.0 +20\.0 /);
  assert.match(table([first], judgeStudy([first], 1000).verdicts), /0\+2\/79 +10\.0 /);
});

test.run();
