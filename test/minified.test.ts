/** A minifier gives classes other names: what is told and saved by their names stays the same, and files go from one to the other. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  BackupAndRestore,
  Callback,
  Dense,
  EarlyStopping,
  type History,
  ReduceLROnPlateau,
  type SavedState,
  Sequential,
  type State,
  tensor,
} from '../src/index.ts';
import { bundleProgram } from './bundleProgram.ts';

const test = suite('minified');

const folder = mkdtempSync(join(tmpdir(), 'wgrad-minified-'));
symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'), 'junction');
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Goes on from the backup where it is there; the callbacks stop it by what they remember. */
function train(path: string, epochs: number, own: Callback[]): Promise<History> {
  const x = Float32Array.from({ length: 12 }, (_, at) => Math.sin(at));
  const model = new Sequential([new Dense(3, { inputShape: [2], activation: 'tanh' }), new Dense(1)], { seed: 3 });
  model.compile({ loss: 'mse', optimizer: 'adam' });
  return model.fit(tensor(x, [6, 2]), tensor(x.subarray(0, 6), [6, 1]), {
    epochs,
    verbose: 0,
    callbacks: [
      ...own,
      new ReduceLROnPlateau({ monitor: 'loss', patience: 2, minDelta: 10 }),
      new BackupAndRestore(path, { deleteCheckpoint: false }),
    ],
  });
}

/** Keeps what a callback of the library keeps: it needs no name. */
class Patient extends EarlyStopping {}
/** Counts epochs across trainings. */
class Tally extends Callback {
  static override name = 'Tally';
  epochs = 0;
  override state(): State {
    return { epochs: this.epochs };
  }
  override restore(saved: SavedState): void {
    this.epochs = saved.whole('epochs');
  }
  override onEpochEnd(): void {
    this.epochs++;
  }
}
const ownCallbacks = () => ({ early: new Patient({ monitor: 'loss', patience: 4, minDelta: 10 }), tally: new Tally() });

const TEXT = `
  import * as w from '../src/index.ts';
  import { exportOnnx } from '../src/interchange/onnx.ts';
  import { describe } from '../src/base/describe.ts';
  const { BackupAndRestore, Dense, EarlyStopping, ReduceLROnPlateau, Sequential, tensor } = w;
  const messageOf = async (run) => { try { await run(); } catch (error) { return String(error); } };
  ${train.toString()}
  class Patient extends EarlyStopping {}
  class Tally extends w.Callback {
    static name = 'Tally';
    epochs = 0;
    state() { return { epochs: this.epochs }; }
    restore(saved) { this.epochs = saved.whole('epochs'); }
    onEpochEnd() { this.epochs++; }
  }
  class Nameless extends w.Callback { state() { return {}; } }
  const [patient, tally] = [new Patient({ monitor: 'loss', patience: 4, minDelta: 10 }), new Tally()];
  class Mine extends w.Layer { className = 'Mine'; call(x) { return x; } config() { return {}; } }
  const classes = Object.entries(w).filter(([, value]) => typeof value === 'function');
  const said = [];
  const early = new EarlyStopping({ monitor: 'val_loss', print: (line) => said.push(line) });
  const small = new Sequential([new Dense(1, { inputShape: [1] })]).compile({ loss: 'mse' });
  await small.fit(tensor([[1]]), tensor([[1]]), { verbose: 0, callbacks: [early] });
  const answer = {
    shortened: w.Dense.name,
    errors: classes.filter(([, value]) => value.prototype instanceof w.WgradError).map(([name, value]) => [name, new value('x').name]),
    own: new (class Own extends w.ShapeError { static name = 'Own'; })('x').name,
    said,
    messages: [
      await messageOf(() => new EarlyStopping({ monitor: 'x' })),
      await messageOf(() => new w.ReduceLROnPlateau({ mode: 'mni' })),
      await messageOf(() => early.constructor.prototype.model),
      await messageOf(() => new w.MaxPooling2D(0)),
      await messageOf(() => exportOnnx(new Sequential([new Mine()], { inputShape: [2] }))),
      await messageOf(() => new Sequential([early])),
      await messageOf(() => small.fit(small, small)),
      await messageOf(() => small.fit(tensor([[1]]), tensor([[1]]), { callbacks: [new Nameless()] })),
    ],
    texts: [tensor([1]).toString(), w.variable([1]).toString(), String(new w.SGD()), describe(small), describe(new Dense(1)), describe(new w.RMSprop())],
    history: (await train(process.argv[2], Number(process.argv[3]), [patient, tally])).history,
    stopped: patient.stoppedEpoch,
    tally: tally.epochs,
  };
  console.log(JSON.stringify(answer));
  (await small.device()).close();
`;

test('names, messages and the state of callbacks are those of the sources', async () => {
  const program = await bundleProgram({ text: TEXT, outDir: join(folder, 'out'), platform: 'node', minify: true });
  const run = (path: string, epochs: number) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, path, String(epochs)], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.is(status, 0, stderr);
    return JSON.parse(stdout);
  };
  // Ends after 5 epochs by the patience of EarlyStopping, the rate is reduced after 3: both count across processes.
  const here = (path: string, epochs: number, { early, tally } = ownCallbacks()) => train(path, epochs, [early, tally]);
  const whole = await here(join(folder, 'whole'), 9);
  assert.is(whole.epoch.length, 5);
  assert.is(new Set(whole.history.learning_rate).size, 2);

  await here(join(folder, 'from sources'), 2);
  const { shortened, errors, own, said, messages, texts, history, stopped, tally } = run(
    join(folder, 'from sources'),
    9,
  );
  assert.equal(history, whole.history, 'a file of the sources goes on in the bundle');
  assert.equal([stopped, tally], [4, 5], "users' callbacks, too");
  assert.is.not(shortened, 'Dense');
  assert.ok(errors.length > 10);
  for (const [name, told] of errors) assert.is(told, name);
  assert.is(own, 'Own');
  assert.match(said[0], /^Warning: EarlyStopping monitors val_loss, /);
  assert.match(messages[0], /^ArgumentError: EarlyStopping: cannot tell whether x/);
  assert.match(messages[1], /^ArgumentError: ReduceLROnPlateau: mode must .* Did you mean 'min'\?/);
  assert.match(messages[3], /^ArgumentError: MaxPooling2D poolSize: /);
  assert.match(messages[4], /^ArgumentError: exportOnnx: layer of class Mine has no ONNX form/);
  assert.match(messages[5], /^ArgumentError: .* position 0, got an EarlyStopping\./);
  assert.match(messages[6], /^ArgumentError: fit: inputs: expected a tensor or numbers, got a Sequential\./);
  assert.match(
    messages[7],
    /^ArgumentError: fit: the callback [\w$]+ keeps state by its class's name, .* static name = '[\w$]+'/,
  );
  assert.equal(texts.slice(0, 3), [
    'Tensor(float32 [1]; await data() to see its values)',
    'Variable(float32 [1]; await data() to see its values)',
    'SGD(learningRate: 0.01, momentum: 0, nesterov: false)',
  ]);
  assert.equal(texts.slice(3), ['a Sequential', 'a Dense', 'an RMSprop']);

  assert.equal(run(join(folder, 'from the bundle'), 2).history.loss, whole.history.loss.slice(0, 2));
  const mine = ownCallbacks();
  const gone = await here(join(folder, 'from the bundle'), 9, mine);
  assert.equal(gone.history, whole.history, 'a file of the bundle goes on with the sources');
  assert.equal([mine.early.stoppedEpoch, mine.tally.epochs], [4, 5]);
});

test.run();
