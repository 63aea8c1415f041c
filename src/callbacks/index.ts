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
  type Weight,
} from './callback.ts';
export { CallbackList } from './callbackList.ts';
export { CSVLogger, type CSVLoggerOptions } from './csvLogger.ts';
export { describeNonFinite } from './describeNonFinite.ts';
export {
  type Divergence,
  DivergenceDetector,
  type DivergenceDetectorOptions,
  type OnDivergence,
} from './divergenceDetector.ts';
export type { DivergenceKind } from './divergenceKind.ts';
export { DivergenceWatch, type Finding, type WatchOptions } from './divergenceWatch.ts';
export { EarlyStopping, type EarlyStoppingOptions } from './earlyStopping.ts';
export { History, type Interruption, type Recovery } from './history.ts';
export { JSONLogger, type JSONLoggerOptions } from './jsonLogger.ts';
export { LearningRateScheduler, type Schedule } from './learningRateScheduler.ts';
export { ModelCheckpoint, type ModelCheckpointOptions } from './modelCheckpoint.ts';
export { MonitorCallback, type MonitorMode, type MonitorOptions } from './monitorCallback.ts';
export type { FiniteRange, NonFinite, Phase } from './nonFinite.ts';
export type { Print } from './print.ts';
export { ProgressBar, type ProgressBarOptions, type ProgressStream } from './progressBar.ts';
export { type LearningRateDrop, ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './reduceLROnPlateau.ts';
