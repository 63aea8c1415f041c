/** WGRAD_DEBUG: prints every plan that a device makes. */

import { counted } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { meant } from '../base/optionNames.ts';
import { planTable, readableWgsl } from '../compiler/explain/debugText.ts';
import type { PlanPrinter } from './rare.ts';

/** What can be asked for. */
const SUBJECTS: readonly string[] = ['plan', 'wgsl'];

/**
 * What prints a plan on the console's error stream, where no program's output is.
 * @param asked the value of WGRAD_DEBUG: `plan`, `wgsl`, or both separated by a comma
 * @throws ArgumentError for anything else
 */
export function planPrinter(asked: string): PlanPrinter {
  // A page may have set it to anything.
  const subjects = String(asked)
    .split(',')
    .map((one) => one.trim());
  const unknown = subjects.find((one) => !SUBJECTS.includes(one));
  if (unknown !== undefined) {
    throw new ArgumentError(
      `WGRAD_DEBUG: there is nothing called '${unknown}' to print.${meant(unknown, SUBJECTS)} Set it to plan, to wgsl, or to plan,wgsl.`,
    );
  }
  let plans = 0;
  return (planned, adapter, layerOf) => {
    const { kernels } = planned;
    const lines = [`plan ${++plans} on ${adapter}: ${counted(kernels.length, 'dispatch', 'dispatches')}`];
    if (subjects.includes('plan')) lines.push(...planTable(planned, layerOf));
    if (subjects.includes('wgsl')) {
      for (const [at, kernel] of kernels.entries()) {
        lines.push(`// plan ${plans}, dispatch ${at}: ${kernel.label}`, readableWgsl(kernel), '');
      }
    }
    console.error(`${lines.join('\n')}\n`);
  };
}
