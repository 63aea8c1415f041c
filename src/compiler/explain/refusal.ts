/** Why an adapter cannot run a schedule, in words. */

import { formatBytes } from '../../base/dtype.ts';
import { DeviceError, OutOfMemoryError, type WgradError } from '../../base/errors.ts';
import { isScratch, type Operand } from '../../ir/op.ts';
import { topologicalOrder } from '../../ir/walk.ts';
import type { ScheduledKernel } from '../kernelText.ts';
import type { Excess, Limits } from '../limits.ts';
import { bytesOfOperand } from '../placement.ts';
import { describeKernel, describeOperand } from './describeKernel.ts';

const FAULT =
  "This is a fault of wgrad, or of an operation of your own: if it is wgrad's, please report it with this text.";

/** An OutOfMemoryError for what is too large, a DeviceError for what no smaller tensor would mend. */
export function refusalOf(excess: Excess, limits: Limits, adapter: string): WgradError {
  const { asked } = excess;
  const most = limits[excess.limit];
  const refused = (what: string): DeviceError => new DeviceError(`${what} on '${adapter}'. ${FAULT}`);
  switch (excess.limit) {
    case 'binding':
    case 'uniformBinding':
      return new OutOfMemoryError(
        `Kernel '${excess.kernel.label}' binds ${describeOperand(excess.operand)}, but '${adapter}' binds at most ` +
          `${formatBytes(most)} of a buffer. ${remedyOf(excess.operand, most / asked)}${cutRemedy(excess.kernel, most)}`,
      );
    case 'buffer': {
      const [largest] = [...excess.operands].sort((a, b) => bytesOfOperand(b) - bytesOfOperand(a));
      return new OutOfMemoryError(
        `${describeOperand(largest)} needs a buffer of ${formatBytes(asked)}, but a buffer of '${adapter}' holds at most ` +
          `${formatBytes(most)}. ${remedyOf(largest, most / asked)}`,
      );
    }
    case 'groups':
      return new OutOfMemoryError(
        `Kernel ${describeKernel(excess.kernel)} takes ${excess.kernel.grid.join(' × ')} workgroups, but '${adapter}' dispatches at ` +
          `most ${most} a dimension. Use a smaller batch, or compute in parts with slice().`,
      );
    case 'storageBuffers':
      return refused(`Kernel ${describeKernel(excess.kernel)} binds ${asked} buffers, more than ${most},`);
    case 'uniformBuffers':
      return refused(`Kernel ${describeKernel(excess.kernel)} binds ${asked} uniform buffers, more than ${most},`);
    case 'threads':
      return refused(
        `Kernel ${describeKernel(excess.kernel)} has workgroups of ${asked} invocations, more than ${most},`,
      );
    case 'alignment':
      return refused(`A tensor lies at byte ${asked}, which is no place to bind it,`);
  }
}

function remedyOf(operand: Operand, share: number): string {
  const percent = Math.max(1, Math.floor(share * 100));
  if (!isScratch(operand) && operand.op.lowering.kind === 'leaf') {
    return `Give it in parts of at most ${percent} % of its size, or use a smaller layer.`;
  }
  return `Use at most ${percent} % of this batch size, or compute in parts with slice().`;
}

/** That a kernel would be computed in parts if an operation of the user's said how; empty where none is in the way. */
function cutRemedy({ bindings }: ScheduledKernel, limit: number): string {
  const bound = bindings.flatMap(({ operand }) => (isScratch(operand) ? [] : [operand]));
  const isLarge = (operand: Operand): boolean => bytesOfOperand(operand) > limit;
  const silent = topologicalOrder(bound).find(
    (node) => node.op.partition === undefined && [node, ...node.inputs].some(isLarge),
  );
  if (silent === undefined) return '';
  return (
    ` The operation '${silent.op.name}' does not say how it is cut into parts: with partition: 'elementwise', if that is what it is, ` +
    'or a rule of its own, it is computed in parts.'
  );
}
