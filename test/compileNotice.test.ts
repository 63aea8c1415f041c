/** Compiling: each kernel once, its progress, and the notice where it takes long. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CompileNotice, type Every } from '../src/callbacks/progress/compileNotice.ts';
import { Callback, Dense, openDevice, ProgressBar, type ProgressStream, Sequential, tensor } from '../src/index.ts';
import { add, exp, mul } from '../src/ops/elementwise.ts';
import { matmul } from '../src/ops/matmul.ts';
import { Plan } from '../src/runtime/plan.ts';
import { draw, nodeOf } from './support.ts';

const test = suite('compile notice');

class FakeStream implements ProgressStream {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;
  constructor(isTTY: boolean, columns = 40) {
    this.isTTY = isTTY;
    this.columns = columns;
  }
  write(text: string): void {
    this.text += text;
  }
  /** What was written since the last call. */
  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }
}

/** A timer that ticks by hand. */
class FakeTimer {
  period: number | null = null;
  tick = (): void => {};
  readonly every: Every = (ms, tick) => {
    this.period = ms;
    this.tick = tick;
    return () => {
      this.period = null;
    };
  };
}

function noticeOn(stream: ProgressStream | null): { notice: CompileNotice; timer: FakeTimer; lines: string[] } {
  const timer = new FakeTimer();
  const lines: string[] = [];
  return { notice: new CompileNotice({ stream, print: (line) => lines.push(line), every: timer.every }), timer, lines };
}

test('a terminal sees the kernels after half a second, then the first step, then nothing', () => {
  const stream = new FakeStream(true);
  const { notice, timer } = noticeOn(stream);
  assert.is(timer.period, 500);
  const [training, validation] = [notice.part(), notice.part()];
  training(0, 16);
  validation(0, 9);
  training(1, 16);
  assert.is(stream.take(), '', 'too early');
  timer.tick();
  assert.is(stream.take(), '\rcompiling kernels 1 of 25 …\x1b[K\r');
  validation(1, 9);
  assert.is(stream.take(), '\rcompiling kernels 2 of 25 …\x1b[K\r');
  notice.onTrainBegin();
  timer.tick();
  assert.is(stream.take(), '\rfirst step: compiling …\x1b[K\r');
  notice.onMetrics();
  assert.is(stream.take(), '\r\x1b[K');
  assert.is(timer.period, null, 'the timer ends');
  notice.onMetrics();
  notice.end();
  training(2, 16);
  assert.is(stream.take(), '');
});

test('a line never wraps; a terminal that says 0 columns has 80', () => {
  for (const [columns, text] of [
    [20, 'compiling kernels 0'],
    [0, 'compiling kernels 0 of 7 …'],
  ] as const) {
    const stream = new FakeStream(true, columns);
    const { notice, timer } = noticeOn(stream);
    notice.part()(0, 7);
    timer.tick();
    assert.is(stream.take(), `\r${text}\x1b[K\r`);
    notice.end();
  }
});

test('what compiles at once is not mentioned, not even by an erased line', () => {
  const stream = new FakeStream(true);
  const { notice, timer } = noticeOn(stream);
  notice.part()(16, 16);
  notice.onTrainBegin();
  notice.onMetrics();
  assert.is(stream.take(), '');
  assert.is(timer.period, null);
});

test('a pipe or a console gets one plain line after two seconds', () => {
  const stream = new FakeStream(false);
  const piped = noticeOn(stream);
  const printed = noticeOn(null);
  for (const { notice, timer } of [piped, printed]) {
    assert.is(timer.period, 2000);
    notice.part()(5, 16);
    timer.tick();
    assert.is(timer.period, null, 'only once');
    notice.part()(1, 1);
    notice.end();
  }
  assert.is(stream.take(), 'compiling kernels 5 of 16 …\n');
  assert.equal(printed.lines, ['compiling kernels 5 of 16 …']);
});

const model = (): Sequential =>
  new Sequential([new Dense(16, { activation: 'relu' }), new Dense(4, { activation: 'softmax' })], {
    inputShape: [8],
  }).compile({ loss: 'sparseCategoricalCrossentropy' });
const x = tensor(draw([40, 8]).values, [40, 8]);
const y = new Int32Array(40).map((_, i) => i % 4);

test('fit counts the kernels of all its plans where its bar is drawn; with verbose 0 it has no timer', async () => {
  for (const verbose of [0, 1] as const) {
    const stream = new FakeStream(true);
    let timers = 0;
    let elapse = (): void => {};
    // Half a second passes at once: whatever is told is drawn. It passes again as the first step begins.
    const every: Every = (_, tick) => {
      timers++;
      tick();
      elapse = tick;
      return () => {
        timers--;
        elapse = () => {};
      };
    };
    class FirstStep extends Callback {
      override onTrainBatchBegin(): void {
        elapse();
      }
    }
    const bar = new ProgressBar({ stream, every });
    const callbacks = [bar, new FirstStep()];
    await model().fit(x, y, { batchSize: 16, validationSplit: 0.5, verbose, callbacks });
    assert.is(timers, 0);
    if (verbose === 0) {
      assert.is(stream.take(), '');
      continue;
    }
    const text = stream.take();
    const counts = [...text.matchAll(/compiling kernels (\d+) of (\d+)/g)].map(([, done, total]) => [+done, +total]);
    const [done, total] = counts.at(-1) ?? [0, 1];
    assert.is(done, total, text);
    // Training and validation, a full and a short batch each.
    assert.ok(total > 20, `${total} kernels`);
    assert.ok(text.includes('first step: compiling …\x1b[K\r'));
    assert.ok(text.lastIndexOf('compiling') < text.indexOf('loss'), 'gone before the bar');
  }
});

test('a fit that fails ends its timer', async () => {
  const timer = new FakeTimer();
  const bar = new ProgressBar({ stream: new FakeStream(true), every: timer.every });
  const seen: (number | null)[] = [];
  class Failing extends Callback {
    override onTrainBegin(): void {
      seen.push(timer.period);
      throw new Error('on purpose');
    }
  }
  const message = await model()
    .fit(x, y, { callbacks: [bar, new Failing()] })
    .then(
      () => 'no error',
      (error: Error) => error.message,
    );
  assert.is(message, 'on purpose');
  assert.equal([...seen, timer.period], [500, null]);
});

test('a plan tells of each kernel; equal kernels of several plans compile once, also side by side', async () => {
  const device = await openDevice();
  try {
    let compiled = 0;
    const { gpu } = device;
    const create = gpu.createComputePipelineAsync.bind(gpu);
    gpu.createComputePipelineAsync = (descriptor) => {
      compiled++;
      return create(descriptor);
    };
    const product = () => {
      const [a, b] = [nodeOf(draw([8, 8])), nodeOf(draw([8, 8]))];
      return mul(exp(matmul(a, b)), add(a, b));
    };
    const told: string[] = [];
    const plans = await Promise.all([
      Plan.compile(device, [product()], { progress: (done, total) => told.push(`${done} of ${total}`) }),
      Plan.compile(device, [product()]),
    ]);
    const total = plans[0].schedule.kernels.length;
    assert.equal(
      told,
      Array.from({ length: total + 1 }, (_, done) => `${done} of ${total}`),
    );
    assert.ok(compiled > 0);
    assert.is(compiled, device.stats.kernels);
    const before = compiled;
    plans.push(await Plan.compile(device, [product()]));
    assert.is(compiled, before, 'a later plan');
    for (const plan of plans) plan.dispose();
  } finally {
    device.close();
  }
});

test.run();
