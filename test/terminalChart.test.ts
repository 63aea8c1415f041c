/** The study's chart in a terminal: what stands on the screen after all that was written. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Forecast } from '../examples/study/forecast.ts';
import { onInterrupt } from '../examples/study/interrupt.ts';
import { readFlags } from '../examples/study/options.ts';
import { Screen, type Size, type Terminal } from '../examples/study/screen.ts';
import { settingsFor } from '../examples/study/settings.ts';
import { type ChartContent, type Curves, chartLines, TerminalChart } from '../examples/study/terminalChart.ts';
import { textPlot } from '../examples/study/textPlot.ts';
import { trainRun } from '../examples/study/trainRun.ts';
import { History } from '../src/callbacks/history.ts';
import { CompileNotice } from '../src/callbacks/progress/compileNotice.ts';
import {
  CallbackList,
  type MetricsReport,
  openDevice,
  ProgressBar,
  proceduralImages,
  ReduceLROnPlateau,
} from '../src/index.ts';
import { FakeModel, params } from './callbacks.fake.ts';

/** Escapes that a regular expression may name. */
const visible = (text: string): string => text.replaceAll('\x1b', '␛');

/** A terminal that understands what is written here: line feed, carriage return, erasing, moving up, colours. */
class Emulator implements Terminal {
  readonly isTTY = true;
  columns: number;
  rows: number;
  writes: string[] = [];
  /** All lines since the start, those scrolled off included. */
  readonly #lines: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor({ columns, rows }: Size) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.writes.push(text);
    for (const [, sequence, character] of visible(text).matchAll(/␛\[([\d;]*[A-Za-z])|([\s\S])/g)) {
      if (sequence === undefined) this.#put(character);
      else this.#control(sequence);
    }
  }

  /** All that a person sees when scrolling back, without blanks at the ends of lines. */
  get lines(): string[] {
    const lines = this.#lines.map((line) =>
      [...line]
        .map((character) => character ?? ' ')
        .join('')
        .trimEnd(),
    );
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  /** Row of the cursor, from the first line on. */
  get cursor(): readonly [row: number, column: number] {
    return [this.#row, this.#column];
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') {
      // As a terminal's driver has it: a line feed goes to the line's start, too.
      this.#column = 0;
      this.#down();
    } else {
      if (this.#column === this.columns) {
        this.#column = 0;
        this.#down();
      }
      this.#lines[this.#row][this.#column++] = character;
    }
  }

  #down(): void {
    this.#row++;
    this.#lines[this.#row] ??= [];
  }

  #control(sequence: string): void {
    const count = Number(sequence.slice(0, -1) || 1);
    switch (sequence.at(-1)) {
      case 'K':
        this.#lines[this.#row].length = Math.min(this.#lines[this.#row].length, this.#column);
        break;
      case 'J':
        this.#lines[this.#row].length = Math.min(this.#lines[this.#row].length, this.#column);
        this.#lines.length = this.#row + 1;
        break;
      case 'A':
        assert.ok(count < this.rows, 'the cursor cannot leave the screen');
        this.#row -= count;
        break;
      case 'm':
        break;
      default:
        assert.unreachable(`a terminal here knows no ${JSON.stringify(sequence)}`);
    }
  }
}

const wide: Size = { columns: 100, rows: 30 };
const baseline: Curves = { loss: [1.9, 1.6, 1.5, 1.45], val_accuracy: [0.41, 0.455, 0.494, 0.483] };

/** A run of four epochs of two steps on a screen, with the callbacks of the study in their order. */
function training(terminal: Terminal, behind: Curves | null = baseline, environment = {}) {
  const screen = new Screen(terminal, environment);
  const history = new History();
  const model = new FakeModel();
  model.history = history;
  let time = 0;
  const bar = new ProgressBar({ verbose: 1, stream: screen, now: () => time });
  const chart = new TerminalChart(screen, behind);
  const plateau = new ReduceLROnPlateau({
    monitor: 'val_loss',
    patience: 1,
    factor: 0.5,
    verbose: 1,
    print: screen.print,
  });
  const all = new CallbackList([bar, plateau, chart, history], model, { ...params, steps: 2, samples: 200, epochs: 4 });
  const report = (epoch: number, batch: number, loss: number): MetricsReport => {
    return { epoch, batch, step: 2 * epoch + batch - 1, mean: { loss }, window: { loss }, nonFinite: null };
  };
  /** A step, half a second each. */
  const step = async (epoch: number, batch: number, loss: number): Promise<void> => {
    time += 500;
    await all.onMetrics(report(epoch, batch, loss));
    await all.onTrainBatchEnd(batch - 1, { loss });
  };
  const epoch = async (epoch: number, loss: number, val_accuracy: number): Promise<void> => {
    await all.onEpochBegin(epoch, {});
    // The last report's mean is not the epoch's.
    await step(epoch, 1, loss + 0.3);
    await step(epoch, 2, loss + 0.2);
    await all.onTestBegin({});
    time += 500;
    await all.onEpochEnd(epoch, { loss, val_loss: 1, val_accuracy });
  };
  return { screen, all, step, epoch };
}

const summary = (loss: string, accuracy: string): string =>
  `2/2 [====================] 1.5s - 200 images/s - loss: ${loss} - val_loss: 1.0000 - val_accuracy: ${accuracy} - learning_rate: `;

const test = suite('terminal chart');

test('a run’s chart stands under the bar, makes way for every line and stays once at the end', async () => {
  const terminal = new Emulator(wide);
  const { all, epoch, step, screen } = training(terminal);
  screen.print('run 2 of 2');
  await all.onTrainBegin({});
  await epoch(0, 2.1, 0.37);
  await all.onEpochBegin(1, {});
  await step(1, 1, 1.95);
  const during = terminal.lines;
  assert.equal(during.slice(0, 3), ['run 2 of 2', 'Epoch 1/4', `${summary('2.1000', '0.3700')}0.`.slice(0, 100)]);
  assert.match(
    during.join('\n'),
    /\nEpoch 2\/4\n1\/2 \[=+>\.+\] 0\.50s - 0\.50s left - 200 images\/s - loss: 1\.9500\nloss 1\.95 /,
  );
  assert.equal(during.slice(-8), [
    'loss 1.95  baseline · 1.60  guessing ┈ 2.30       val_accuracy 37.0 %  baseline · 41.0 %',
    ' 2.30┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   50.0┤                          ·········',
    '     │─╮                                               │                   ········       ········',
    '     │ ╰──────                                         │           ·········',
    ' 1.88┤······                                       43.5┤     ·······',
    '     │     ·······                                     │······',
    '     │           ···············                       │',
    ' 1.45┤                         ·················   37.0┤─',
  ]);
  // The cursor waits at the bar.
  assert.equal(terminal.cursor, [during.length - 9, 0]);
  screen.print('Half of it is done.');
  assert.equal(terminal.lines, [...during.slice(0, -9), 'Half of it is done.', '', ...during.slice(-8)]);

  await step(1, 2, 1.9);
  await all.onEpochEnd(1, { loss: 1.9, val_loss: 2, val_accuracy: 0.42 });
  await epoch(2, 1.8, 0.47);
  await epoch(3, 1.7, 0.5);
  await all.onTrainEnd({});
  screen.print('the table');
  const { lines } = terminal;
  assert.is(lines.filter((line) => line.startsWith('loss ')).length, 1, lines.join('\n'));
  assert.is(lines.filter((line) => line.includes('┤') || line.includes('│')).length, 7, lines.join('\n'));
  assert.is(lines.filter((line) => /^Epoch \d\/4$/.test(line)).length, 4);
  assert.match(lines.join('\n'), /\nEpoch 2: ReduceLROnPlateau reducing learning rate to 0\.05\.\nEpoch 3\/4\n2\/2 \[/);
  assert.equal(lines.slice(-9, -7), [
    'loss 1.70  baseline · 1.45  guessing ┈ 2.30       val_accuracy 50.0 %  baseline · 48.3 %',
    ' 2.30┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈   50.0┤                          ·········  ╭────',
  ]);
  assert.is(lines.at(-1), 'the table');
});

test('without a terminal not a byte differs, and --no-chart leaves the bar as it was', async () => {
  const plain = async (stream: Terminal, verbose: (bar: ProgressBar) => CallbackList) => {
    const all = verbose(new ProgressBar({ verbose: 1, stream, now: () => 0 }));
    await all.onTrainBegin({});
    await all.onEpochBegin(0, {});
    await all.onMetrics({ epoch: 0, batch: 1, step: 0, mean: { loss: 2 }, window: { loss: 2 }, nonFinite: null });
    await all.onTrainBatchEnd(0, { loss: 2 });
    await all.onEpochEnd(0, { loss: 2, val_accuracy: 0.3 });
    await all.onTrainEnd({});
  };
  const recorder = (isTTY: boolean) => {
    const writes: string[] = [];
    return { isTTY, columns: 100, rows: 30, writes, write: (text: string) => writes.push(text) };
  };
  for (const [isTTY, chart, environment] of [
    [false, true, {}],
    [true, false, {}],
    [true, true, { TERM: 'dumb' }],
  ] as const) {
    const [direct, through] = [recorder(isTTY), recorder(isTTY)];
    const model = new FakeModel();
    model.history = new History();
    const own = { ...params, steps: 2, samples: 200, epochs: 1 };
    await plain(direct, (bar) => new CallbackList([bar], model, own));
    const screen = new Screen(through, environment);
    assert.is(screen.isTTY, isTTY);
    await plain(through, () => {
      const bar = new ProgressBar({ verbose: 1, stream: screen, now: () => 0 });
      return new CallbackList([bar, ...(chart ? [new TerminalChart(screen, baseline)] : [])], model, own);
    });
    assert.equal(through.writes, direct.writes);
    screen.print('a line');
    assert.is(through.writes.at(-1), isTTY ? 'a line\x1b[K\n' : 'a line\n');
  }
});

test('a bar that moves alone is drawn alone; the whole frame is one write', async () => {
  const terminal = new Emulator(wide);
  const { all, epoch, step, screen } = training(terminal);
  await all.onTrainBegin({});
  await epoch(0, 2.1, 0.37);
  await all.onEpochBegin(1, {});
  await step(1, 1, 1.95);
  const before = terminal.writes.length;
  screen.write('\r1/2 a moment later\x1b[K\r');
  assert.equal(terminal.writes.slice(before), ['\r1/2 a moment later\x1b[K\r']);
  await step(1, 2, 1.9);
  assert.is(terminal.writes.length, before + 2);
  assert.match(visible(terminal.writes[before + 1]), /^␛\[J\r1\/2 [^\n]*\n(?:[^\n]*\n){7}[^\n]*␛\[8A\r$/);
});

test('the notice of kernels that compile, a failed run and Ctrl-C leave nothing behind', async () => {
  for (const end of ['onTrainError', 'remove'] as const) {
    const terminal = new Emulator(wide);
    const { all, epoch, screen } = training(terminal);
    const notice = new CompileNotice({
      stream: screen,
      print: screen.print,
      every: (_, tick) => {
        tick();
        return () => {};
      },
    });
    assert.equal(terminal.lines, ['compiling kernels 0 of 0 …']);
    await all.onTrainBegin({});
    notice.end();
    assert.equal(terminal.lines, []);
    await epoch(0, 2.1, 0.37);
    assert.match(terminal.lines.join('\n'), /\nloss 2\.10 .* val_accuracy 37\.0 % /);
    if (end === 'onTrainError') await all.onTrainError(new Error('lost'));
    else screen.remove();
    screen.print('The end.');
    assert.is(terminal.lines.length, 4, terminal.lines.join('\n'));
    assert.is(terminal.lines.at(-1), 'The end.');
    await all.onTrainEnd({});
    assert.is(terminal.lines.length, 4);
  }
});

test('Ctrl-C takes the chart away at once, as the second one ends the process', async () => {
  const terminal = new Emulator(wide);
  const { all, epoch, screen } = training(terminal);
  const signal = onInterrupt(screen);
  await all.onTrainBegin({});
  await epoch(0, 2.1, 0.37);
  process.emit('SIGINT');
  assert.is(signal.aborted, true);
  assert.equal(terminal.lines.slice(3), ['', 'Stopping after this batch; Ctrl-C again ends at once.']);
});

test('whatever a run of the study prints goes past its chart', async () => {
  const terminal = new Emulator({ columns: 160, rows: 30 });
  const screen = new Screen(terminal, {});
  const data = proceduralImages({ train: 96, test: 32 });
  const settings = settingsFor(readFlags(['--runs', 'plateau', '--plateau-epochs', '3', '--rate', '1e10']), true);
  const [run] = settings.runs;
  const forecast = new Forecast(96, screen.print);
  const folder = await mkdtemp(join(tmpdir(), 'wgrad-terminal-'));
  const device = await openDevice();
  const printed: string[] = [];
  const { log } = console;
  console.log = (line) => printed.push(line);
  try {
    await trainRun(run, {
      device,
      data,
      settings: { ...settings, plateau: { ...settings.plateau, patience: 1, minDelta: 1e30 } },
      signal: new AbortController().signal,
      backup: join(folder, 'backup'),
      screen,
      follow: (watch) => [forecast.follow(watch, run, []), new TerminalChart(screen, baseline)],
    });
  } finally {
    console.log = log;
    device.close();
    await rm(folder, { recursive: true, force: true });
  }
  assert.equal(printed, []);
  // Three of the run, and one of the control of its fall after the second.
  assert.is(terminal.lines.filter((line) => /^Epoch \d\/3$/.test(line)).length, 4);
  const text = terminal.lines.join('\n');
  for (const message of ['Training diverged', 'Epoch 2: ReduceLROnPlateau reducing', '(whole study: about']) {
    assert.is(text.split(message).length, 2, `${message} in\n${text}`);
  }
  assert.is(terminal.lines.filter((line) => /val_accuracy [\d.]+ %/.test(line)).length, 1, text);
  assert.is(terminal.lines.filter((line) => line.includes('┤') || line.includes('│')).length, 7, text);
});

test('a terminal that changes its size gets another chart, or none', async () => {
  const terminal = new Emulator(wide);
  const { all, epoch, screen } = training(terminal);
  await all.onTrainBegin({});
  await epoch(0, 2.1, 0.37);
  const bar = '\rthe bar\x1b[K\r';
  terminal.columns = 50;
  screen.write(bar);
  assert.match(terminal.lines.at(-8) ?? '', /^loss 2\.10 {2}baseline · 1\.90 {2}guessing ┈ 2\.30$/);
  terminal.rows = 15;
  screen.write(bar);
  assert.is(terminal.lines.at(-1), 'the bar');
  terminal.rows = 16;
  screen.write(bar);
  assert.match(terminal.lines.at(-8) ?? '', /^loss/);
});

const content = (run: Curves, changes: Partial<ChartContent> = {}): ChartContent => {
  return { run, newest: null, baseline: null, epochs: run.loss.length, ...changes };
};
const plainLines = (one: ChartContent, size = wide): string[] => chartLines(one, size, false);

test('NO_COLOR takes the colours and nothing else', () => {
  const both = content(baseline, { baseline });
  const coloured = chartLines(both, wide, true);
  assert.match(coloured.join(''), '\x1b[36m');
  assert.match(coloured.join(''), '\x1b[2m');
  assert.equal(
    coloured.map((line) => stripVTControlCharacters(line).trimEnd()),
    plainLines(both),
  );
  const terminal = new Emulator(wide);
  assert.is(new Screen(terminal, {}).colour, true);
  assert.is(new Screen(terminal, { NO_COLOR: '' }).colour, true);
  assert.is(new Screen(terminal, { NO_COLOR: '1' }).colour, false);
});

test('NaN ends the curve and stands in the title; numbers after it are drawn again', () => {
  const half = (losses: number[]): string[] =>
    plainLines(content({ loss: losses, val_accuracy: [] }), { columns: 50, rows: 30 });
  const broken = half([3, 2.9, NaN, NaN]);
  assert.match(broken[0], /^loss NaN /);
  assert.match(broken.slice(1).join('\n'), '╮');
  const columnsOf = (lines: string[]) =>
    Math.max(...lines.slice(1).map((line) => line.replace(/┈/g, ' ').trimEnd().length));
  assert.ok(columnsOf(broken) < 25, broken.join('\n'));
  assert.match(half([3, Infinity])[0], /^loss Infinity /);
  const recovered = half([3, NaN, 2.6, 2.5]);
  assert.match(recovered[0], /^loss 2\.50 /);
  assert.ok(columnsOf(recovered) > 45, recovered.join('\n'));
  assert.match(half([NaN, NaN]).join('\n'), /^loss NaN /);
});

test('a loss of 1e9 lies on the top row and leaves the axis to the others', () => {
  const lines = plainLines(content({ loss: [1e9, 2.32, 2.31], val_accuracy: [0.1, 0.1, 0.1] }, { baseline }));
  assert.match(lines[1], /^≥4\.61┤─/);
  assert.match(lines[7], /^ 1\.45┤/);
  const all = plainLines(content({ loss: [1e9], val_accuracy: [0.1] }));
  assert.match(all[0], 'loss 1.0e+9');
  assert.match(all[1], /^≥4\.61┤─/);
});

test('three hundred epochs fit, and no line reaches the last column', () => {
  const val_accuracy = Array.from({ length: 300 }, (_, i) => 0.65 - 0.3 * Math.exp(-i / 60));
  const run = { loss: val_accuracy.map((value) => 2.3 - value), val_accuracy };
  for (const columns of [30, 59, 60, 80, 100, 250]) {
    const lines = plainLines(content(run, { baseline }), { columns, rows: 24 });
    assert.is(lines.length, 8);
    for (const line of lines) assert.ok(line.length < columns, `${columns} columns: ${line}`);
    const most = Math.max(...lines.map(({ length }) => length));
    assert.ok(most >= Math.min(columns - 3, 122), lines.join('\n'));
  }
  assert.equal(plainLines(content(run), { columns: 29, rows: 24 }), []);
  assert.equal(plainLines(content(run), { columns: 100, rows: 15 }), []);
});

test('a long run begins with a column an epoch and is squeezed as it grows', () => {
  const columnsAfter = (epochs: number): number => {
    const loss = Array.from({ length: epochs }, () => 1);
    const lines = plainLines(content({ loss, val_accuracy: [] }, { epochs: 300 }), { columns: 50, rows: 24 });
    return lines[7].replace(/^.*┤/, '').length;
  };
  assert.equal([1, 5, 20, 43, 300].map(columnsAfter), [1, 5, 20, 43, 43]);
});

test('a row of zero is no row of marks', () => {
  const frame = { width: 8, rows: 3, x: { from: 0, to: 6 }, y: { from: -1, to: 1 }, label: () => '', labelWidth: 0 };
  const level = { points: [0, 6].map((x) => ({ x, y: 0 })), stroke: 'line', colour: 'run' } as const;
  assert.equal(textPlot([level], { ...frame, colour: false }), ['│       ', '│───────', '│       ']);
});

test('--no-chart', () => {
  assert.is(readFlags([]).chart, true);
  assert.is(readFlags(['--no-chart']).chart, false);
});

test.run();
