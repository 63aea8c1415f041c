/**
 * Where the time goes: GPU time by kernel, layer and phase. A module of its own, `wgrad/profile`, because programs that train
 * need none of it.
 * @module wgrad/profile
 */

export type { Clock } from '../../runtime/profile/kernelTimes.ts';
export {
  type Computed,
  type FunctionProfileOptions,
  type ProfileOptions,
  profile,
  type StepProfileOptions,
} from './profile.ts';
export type { KernelTime, LayerTime, PhaseTime, ProfilePhase, ProfileReport } from './profileReport.ts';
