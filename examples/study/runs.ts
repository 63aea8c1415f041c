/** The six runs; the README says what each asks. How many epochs they take depends on the preset. */

/** What sets a run apart. */
export interface RunPlan {
  readonly name: string;
  readonly learningRate: number;
  readonly batchSize: number;
  /** The rate falls when the validation loss stops falling. */
  readonly plateau?: true;
}

export const PLANS = {
  baseline: { name: 'baseline', learningRate: 0.001, batchSize: 32 },
  'low-lr': { name: 'low-lr', learningRate: 0.0001, batchSize: 32 },
  'high-lr': { name: 'high-lr', learningRate: 0.1, batchSize: 32 },
  'batch-128': { name: 'batch-128', learningRate: 0.001, batchSize: 128 },
  'batch-128-scaled': { name: 'batch-128-scaled', learningRate: 0.004, batchSize: 128 },
  plateau: { name: 'plateau', learningRate: 0.004, batchSize: 128, plateau: true },
} as const satisfies Record<string, RunPlan>;
