/** A misspelt option is never ignored: the error names whoever takes it, and the name that was meant. */

import { suite } from 'uvu';
import {
  ArgumentError,
  BackupAndRestore,
  CSVLogger,
  cifar10,
  DivergenceDetector,
  EarlyStopping,
  GradientNoiseScale,
  initializers,
  JSONLogger,
  LearningRateScheduler,
  ModelCheckpoint,
  ProgressBar,
  proceduralDigits,
  proceduralImages,
  ReduceLROnPlateau,
} from '../src/index.ts';
import { optimizers } from '../src/nn/optimizers/index.ts';
import { TensorBoard } from '../src/tensorboard/index.ts';
import { rejects } from './interruption.ts';

const test = suite('option names');

const MONITOR = ['monitor', 'mode', 'verbose', 'print'];
const NORMAL = ['mean', 'stddev', 'seed'];
const PROCEDURAL = ['train', 'test', 'seed'];

/** Whoever takes options, how it is given them, and their names. */
const takers: readonly (readonly [string, (options: object) => unknown, readonly string[]])[] = [
  ['BackupAndRestore', (options) => new BackupAndRestore('x', options), ['saveFreq', 'deleteCheckpoint']],
  ['CSVLogger', (options) => new CSVLogger('x', options), ['separator', 'append']],
  [
    'DivergenceDetector',
    (options) => new DivergenceDetector(options),
    ['onDivergence', 'lossFactor', 'lossWindow', 'warmup', 'patience', 'factor', 'maxRecoveries', 'print'],
  ],
  [
    'EarlyStopping',
    (options) => new EarlyStopping(options),
    [...MONITOR, 'minDelta', 'patience', 'baseline', 'restoreBestWeights', 'startFromEpoch'],
  ],
  [
    'GradientNoiseScale',
    (options) => new GradientNoiseScale(options),
    ['parts', 'every', 'smoothing', 'verbose', 'print'],
  ],
  ['JSONLogger', (options) => new JSONLogger('x', options), ['append']],
  ['LearningRateScheduler', (options) => new LearningRateScheduler(() => 1, 0, options), ['print']],
  [
    'ModelCheckpoint',
    (options) => new ModelCheckpoint('x', options),
    [...MONITOR, 'saveBestOnly', 'saveFreq', 'initialValueThreshold'],
  ],
  ['ProgressBar', (options) => new ProgressBar(options), ['verbose', 'stream', 'print', 'now', 'every']],
  [
    'ReduceLROnPlateau',
    (options) => new ReduceLROnPlateau(options),
    [...MONITOR, 'minDelta', 'factor', 'patience', 'cooldown', 'minLr'],
  ],
  [
    'TensorBoard',
    (options) => new TensorBoard('x', options),
    ['histogramFreq', 'writeImages', 'writeStepsPerSecond', 'updateFreq'],
  ],
  ...Object.values(optimizers).map(
    (Class) => [new Class().name, (options: object) => new Class(options), Object.keys(new Class().config())] as const,
  ),
  ['randomUniform', initializers.randomUniform, ['minval', 'maxval', 'seed']],
  ['randomNormal', initializers.randomNormal, NORMAL],
  ['truncatedNormal', initializers.truncatedNormal, NORMAL],
  ['varianceScaling', initializers.varianceScaling, ['scale', 'mode', 'distribution', 'seed']],
  ['orthogonal', initializers.orthogonal, ['gain', 'seed']],
  ['glorotUniform', initializers.glorotUniform, ['seed']],
  ['glorotNormal', initializers.glorotNormal, ['seed']],
  ['heUniform', initializers.heUniform, ['seed']],
  ['heNormal', initializers.heNormal, ['seed']],
  ['lecunUniform', initializers.lecunUniform, ['seed']],
  ['lecunNormal', initializers.lecunNormal, ['seed']],
  ['proceduralImages', proceduralImages, PROCEDURAL],
  ['proceduralDigits', proceduralDigits, PROCEDURAL],
  [
    'cifar10.load',
    cifar10.load,
    ['dir', 'cacheDir', 'url', 'md5', 'refresh', 'onProgress', 'train', 'test', 'idleTimeout', 'retryDelay', 'signal'],
  ],
];

for (const [who, take, names] of takers) {
  test(who, async () => {
    for (const name of names) {
      const typo = `${name}x`;
      const meant = `${who}: there is no option '${typo}'. Did you mean '${name}'?`;
      await rejects(() => take({ [typo]: undefined }), ArgumentError, meant);
    }
    await rejects(() => take([]), ArgumentError, `${who}: expected an object of options`);
  });
}

test('an option that is given as undefined has its default', () => {
  for (const [who, take, names] of takers) {
    if (who === 'cifar10.load' || who.startsWith('procedural')) continue;
    take(Object.fromEntries(names.map((name) => [name, undefined])));
  }
});

test.run();
