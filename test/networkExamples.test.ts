/** The examples of deeper networks as a user starts them: in a process of their own, with little data. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode } from 'fast-png';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOADER } from './loader.ts';
import { offline } from './offline.ts';

const test = suite('network examples');

const root = fileURLToPath(new URL('..', import.meta.url));

let folder = '';
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-network-examples-'));
});
test.after(() => rm(folder, { recursive: true, force: true }));

function run(example: string, ...flags: string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ['--import', LOADER, `examples/${example}`, ...flags], {
    cwd: root,
    // An empty cache and no network: the images are drawn.
    env: offline(folder),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** A picture that is wide enough to hold a chart. */
async function assertPicture(...path: string[]): Promise<void> {
  assert.ok(decode(await readFile(join(...path))).width >= 400);
}

test('the residual network trains, says what it knows and draws it', async () => {
  const out = join(folder, 'resnet');
  const flags = ['--blocks', '1', '--train', '40', '--test', '20', '--epochs', '1', '--batch', '20', '--out', out];
  const { code, output } = await run('cifar-resnet.ts', ...flags);
  assert.is(code, 0, output);
  assert.match(output, 'ResNet-8, 75,290 parameters');
  assert.match(output, /Epoch 1\/1 .* val_accuracy: /);
  assert.match(output, /Right about [\d.]+ % of 20 images that it has not seen\./);
  await assertPicture(out, 'history.png');
  await assertPicture(out, 'confusion.png');
});

test('the transformer trains, writes sums and draws its curves', async () => {
  const out = join(folder, 'transformer');
  const flags = ['--train', '64', '--test', '16', '--epochs', '1', '--out', out];
  const { code, output } = await run('char-transformer.ts', ...flags);
  assert.is(code, 0, output);
  assert.match(output, /Epoch 1\/1 .* val_accuracy: /);
  assert.match(output, /\d\d \+ \d\d = \d+/);
  assert.match(output, /Right about \d+ of 16 sums that it has not seen\./);
  await assertPicture(out, 'history.png');
});

test('what flags cannot mean is refused', async () => {
  const [many, wrong] = await Promise.all([
    run('char-transformer.ts', '--train', '8000', '--test', '200'),
    run('cifar-resnet.ts', '--blocks', '0'),
  ]);
  assert.is(many.code, 1);
  assert.match(many.output, 'more than all 8100 sums');
  assert.is(wrong.code, 1);
  assert.match(wrong.output, 'a whole number from 1 to 200');
});

test.run();
