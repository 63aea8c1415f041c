/**
 * Sweeps: many trainings of a model with other parameters each, of which the hopeless ones are stopped early. A module of its own,
 * `wgrad/sweep`, for Node. What a sweep came to stands in a file that outlives a kill; the same call goes on with it.
 * @module wgrad/sweep
 */

export {
  choice,
  type Distribution,
  geomspace,
  integer,
  logUniform,
  type ParameterValue,
  uniform,
} from './distributions.ts';
export type { HalvingOptions } from './halving.ts';
export { type ProcessesOptions, processes } from './processes.ts';
export type { Leg, LegEnd, Runner, SweepAsked } from './runner.ts';
export { type ServeOptions, serve } from './serve.ts';
export { grid, type Parameters, type RandomOptions, random, type Space } from './space.ts';
export { type SweepOptions, type SweepProgress, type SweepResult, sweep } from './sweep.ts';
export type { Script } from './trainingProcess.ts';
export type { EpochRecord, TrainFunction, Trial, TrialEnd, TrialResult } from './trial.ts';
