/** A verdict as a colour's class: good news, bad news, or a price that was paid. */

import type { Verdict } from '../study/verdict.ts';

export type Tone = 'good' | 'poor' | 'bad';

export function toneOf({ verdict }: Verdict): Tone {
  if (/diverged|never learns/.test(verdict)) return 'bad';
  if (/slow|worse|overfits|no drop|do little|no epoch|recovered/.test(verdict)) return 'poor';
  return 'good';
}
