import type { Node } from '../../ir/op.ts';
import type { StepAnatomy } from '../../network/anatomy.ts';

/** What a batch runs: `repeats` replays of one graph, each over the next `size` examples. */
export interface Stage {
  readonly effects: readonly Node[];
  readonly size: number;
  readonly repeats: number;
  /** Whether it begins with the batch's first example again; default false: where the stage before it ended. */
  readonly again?: boolean;
  /** What the graph's operations are part of, where that is known. */
  readonly anatomy?: StepAnatomy;
}
