/** Why a kernel did not compile. */

import { KernelError } from '../base/errors.ts';
import { readable } from '../compiler/explain/readable.ts';
import type { ScheduledKernel } from '../compiler/kernelText.ts';

/** The error of a kernel, with the lines that the compiler complains of. */
export async function kernelErrorOf(
  kernel: ScheduledKernel,
  module: GPUShaderModule,
  cause: unknown,
): Promise<KernelError> {
  const { messages } = await module.getCompilationInfo();
  const lines = kernel.source.split('\n');
  const details = messages
    .filter((message) => message.type === 'error')
    .slice(0, 5)
    .map((message) => `  line ${message.lineNum}: ${message.message}\n    ${lines[message.lineNum - 1] ?? ''}`);
  const reason = details.length > 0 ? details.join('\n') : String(cause instanceof Error ? cause.message : cause);
  return new KernelError(
    `Kernel '${kernel.label}' did not compile:\n${reason}\nThis is a fault of wgrad, or of an operation of your own: if it is wgrad's, please report it with the error's \`source\`.`,
    readable(kernel.source),
    { cause },
  );
}
