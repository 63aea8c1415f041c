/** How long each kernel of a training step of the study's network takes. */

import { studyLayers } from '../examples/study/network.ts';
import { type Device, Sequential, tensor } from '../src/index.ts';
import { type ProfilePhase, type ProfileReport, profile } from '../src/models/profile/index.ts';
import { rounded } from './statistics.ts';

/** One kernel as a row of results. */
export interface ProfileRow {
  readonly part: 'profile';
  readonly adapter: string;
  readonly batch: number;
  /** Its place in the step. */
  readonly at: number;
  readonly kernel: string;
  readonly layer: string | null;
  readonly phase: ProfilePhase | null;
  readonly ms: number;
  readonly usPerImage: number;
}

/** A training step with Adam and accuracy, on images of bytes. */
export function profileStudy(device: Device, batchSize: number, milliseconds: number): Promise<ProfileReport> {
  const model = new Sequential(studyLayers(), { inputShape: [32, 32, 3], seed: 1, device });
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const images = Uint8Array.from({ length: batchSize * 3072 }, (_, i) => (i * 7919) % 256);
  const labels = Int32Array.from({ length: batchSize }, (_, i) => i % 10);
  return profile(model, tensor(images, [batchSize, 32, 32, 3]), labels, { batchSize, milliseconds });
}

export const profileRows = ({ adapter, kernels }: ProfileReport, batch: number): ProfileRow[] =>
  kernels.map(({ kernel, layer, phase, ms }, at) => ({
    part: 'profile',
    adapter,
    batch,
    at,
    kernel,
    layer,
    phase,
    ms: rounded(ms),
    usPerImage: rounded((ms * 1000) / batch),
  }));
