/** Kernels and what they bind, as errors show them. */

import { formatBytes } from '../../base/dtype.ts';
import { formatShape } from '../../base/shape.ts';
import { isScratch, type Operand } from '../../ir/op.ts';
import type { ScheduledKernel } from '../kernelText.ts';
import { bytesOfOperand } from '../placement.ts';
import type { Schedule } from '../schedule.ts';

/** What a kernel binds. */
export function describeOperand(operand: Operand): string {
  if (isScratch(operand)) return `scratch memory (${formatBytes(operand.bytes)})`;
  return `'${operand.op.name}' ${operand.dtype} ${formatShape(operand.shape)} (${formatBytes(bytesOfOperand(operand))})`;
}

/** A kernel and all that it binds. */
export const describeKernel = ({ label, bindings }: ScheduledKernel): string =>
  `'${label}' with ${bindings.map(({ operand }) => describeOperand(operand)).join(', ')}`;

/** The memory of a plan. */
export function describeMemory({ placement: { bytes, places } }: Schedule): string {
  const [first] = [...places].sort(([, a], [, b]) => b.bytes - a.bytes);
  const largest = first === undefined ? 'none' : describeOperand(first[0]);
  return `the memory of a plan (${formatBytes(bytes)} in all; the most for ${largest})`;
}

/** Kernels that a text lists. */
const SHOWN = 4;

/** The first run of a plan: the kernels that WebGPU's error names, else the first ones. */
export function describeRun({ kernels }: Schedule, { message }: GPUError): string {
  const named = kernels.filter(({ label }) => message.includes(`"${label}"`));
  const meant = named.length > 0 ? named : kernels;
  const more = meant.length > SHOWN ? `; and ${meant.length - SHOWN} more` : '';
  return `the first run of ${meant.slice(0, SHOWN).map(describeKernel).join('; ')}${more}`;
}
