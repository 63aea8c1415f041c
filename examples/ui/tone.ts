/** A verdict as a colour's class: good news, bad news, a price that was paid, or nothing that can be told. */

import type { Verdict } from '../study/verdict.ts';

export type Tone = 'good' | 'poor' | 'bad' | 'plain';

export function toneOf({ verdict }: Verdict): Tone {
  if (/diverged|never learns|unreliable/.test(verdict)) return 'bad';
  if (/slow|worse|overfits|no drop|hurt|no epoch|not yet|recovered/.test(verdict)) return 'poor';
  if (/unclear|no control/.test(verdict)) return 'plain';
  return 'good';
}
