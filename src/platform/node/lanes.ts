/**
 * How many lanes the subgroups of lavapipe have. Mesa reads LP_NATIVE_VECTOR_WIDTH, in bits, whenever its driver is asked for
 * adapters, and from then on compiles for that width, for older devices as well: kernels that were written for other lanes would
 * compute nonsense. So the number is the process's. It is settled before the driver is loaded, and stays in the variable.
 * Driver and variable agree on Linux, where Node's variables of the main thread are those that native code reads.
 */

import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { DeviceError } from '../../base/errors.ts';
import type { Lanes } from '../adapter.ts';

const VARIABLE = 'LP_NATIVE_VECTOR_WIDTH';
const BITS = 32;

/**
 * Has lavapipe take so many lanes; undefined: as many as it takes by itself, 8 where the CPU has them.
 * @throws DeviceError where others are settled, or the CPU has not as many
 */
export function settleLanes(asked: Lanes | undefined): void {
  if (asked === undefined) return;
  const settled = process.env[VARIABLE];
  if (settled) {
    if (Number(settled) === asked * BITS) return;
    throw new DeviceError(
      `Asked for ${asked} lanes, but ${VARIABLE} is ${settled}, which is ${Number(settled) / BITS} lanes: it was set before, or ` +
        'by an earlier device, and holds for the whole process. Ask for the same lanes everywhere, or compute in another process.',
    );
  }
  // A worker has variables of its own, which no driver reads; a driver that is loaded, by whomever, keeps its number.
  if (!isMainThread || textOf('/proc/self/maps').includes('libvulkan_lvp')) return;
  if (asked === 16 && !/^flags\b.*\bavx512f\b/m.test(textOf('/proc/cpuinfo'))) {
    throw new DeviceError(
      'Asked for 16 lanes, but this CPU has no AVX-512. Leave out lanes and WGRAD_LANES, or ask for 8.',
    );
  }
  process.env[VARIABLE] = String(asked * BITS);
}

/** Of a file that the kernel makes up; empty where it cannot be read. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
