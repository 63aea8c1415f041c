/** Every pass over a graph, for graphs of any kind. */

import { foldConstants } from './foldConstants.ts';
import { fusePooling } from './fusePooling.ts';
import { gateByDropout } from './gateByDropout.ts';
import type { Pass } from './rewrite.ts';

export const ALL_PASSES: readonly Pass[] = [foldConstants, fusePooling, gateByDropout];
