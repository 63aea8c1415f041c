import type { Node } from '../../ir/op.ts';
import type { StepAnatomy } from '../../network/anatomy.ts';

/** What a batch runs: `repeats` replays of one graph, each over the next `size` examples. */
export interface Stage {
  readonly effects: readonly Node[];
  readonly size: number;
  readonly repeats: number;
  /** What the graph's operations are part of, where that is known. */
  readonly anatomy?: StepAnatomy;
}
