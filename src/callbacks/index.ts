export type { Weight } from '../base/weight.ts';
export type { SavedState, State } from '../io/state.ts';
export { BackupAndRestore, type BackupAndRestoreOptions } from './backupAndRestore.ts';
export {
  Callback,
  type CallbackModel,
  type CallbackParams,
  type Hook,
  type Logs,
  type MetricsReport,
  type Snapshot,
  type WeightsAside,
} from './callback.ts';
export { CallbackList } from './callbackList.ts';
export { CSVLogger, type CSVLoggerOptions } from './csvLogger.ts';
export { describeNonFinite } from './divergence/describeNonFinite.ts';
export {
  type Divergence,
  DivergenceDetector,
  type DivergenceDetectorOptions,
  type OnDivergence,
} from './divergence/divergenceDetector.ts';
export type { DivergenceKind } from './divergence/divergenceKind.ts';
export { DivergenceWatch, type Finding, type WatchOptions } from './divergence/divergenceWatch.ts';
export type { FiniteRange, NonFinite, Phase } from './divergence/nonFinite.ts';
export { EarlyStopping, type EarlyStoppingOptions } from './earlyStopping.ts';
export type { GradientNoise } from './gradientNoise.ts';
export { GradientNoiseScale, type GradientNoiseScaleOptions } from './gradientNoiseScale.ts';
export type { GradientMeasurement, GradientNorms } from './gradientNorms.ts';
export { History } from './history.ts';
export { JSONLogger, type JSONLoggerOptions } from './jsonLogger.ts';
export { LearningRateScheduler, type Schedule } from './learningRateScheduler.ts';
export { ModelCheckpoint, type ModelCheckpointOptions } from './modelCheckpoint.ts';
export { MonitorCallback, type MonitorMode, type MonitorOptions } from './monitorCallback.ts';
export type { Print } from './progress/print.ts';
export { ProgressBar, type ProgressBarOptions } from './progress/progressBar.ts';
export type { ProgressStream } from './progress/progressText.ts';
export { type LearningRateDrop, ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './reduceLROnPlateau.ts';
export { SwapEMAWeights, type SwapEMAWeightsOptions } from './swapEMAWeights.ts';
export type { Interruption, Recovery, TrainingRecord } from './trainingRecord.ts';
