/** What a device loads only when it comes to need it; onDemand.ts has it. */

import type { KernelError, OutOfMemoryError, StateError, WgradError } from '../base/errors.ts';
import type { LayerOf, ScheduledKernel } from '../compiler/kernelText.ts';
import type { Excess, Limits } from '../compiler/limits.ts';
import type { PassesOnDemand } from '../compiler/rewrite/rewrite.ts';
import type { Schedule } from '../compiler/schedule.ts';
import type { Node } from '../ir/op.ts';
import type { Waiting } from './refusedDevice.ts';

/** Prints a plan that is made. */
export type PlanPrinter = (planned: Schedule, adapter: string, layerOf?: LayerOf) => void;

export interface Rare {
  readonly passesFor: PassesOnDemand;
  cut(roots: readonly Node[], limit: number): (readonly Node[])[];
  describeMemory(schedule: Schedule): string;
  describeRun(schedule: Schedule, error: GPUError): string;
  refusalOf(excess: Excess, limits: Limits, adapter: string): WgradError;
  kernelErrorOf(kernel: ScheduledKernel, module: GPUShaderModule, cause: unknown): Promise<KernelError>;
  templateErrorOf(fault: KernelError): KernelError;
  elsewhere(leaf: Node, order: readonly Node[]): StateError;
  noAnswer(device: Waiting, cause: unknown): Promise<unknown>;
  noHostMemory(bytes: number, cause: unknown): OutOfMemoryError;
  planPrinter(asked: string): PlanPrinter;
}
