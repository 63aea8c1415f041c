/** What a report shows of a run beyond its numbers. Nothing of Node: a web page reads it, too. */
import type { Weight } from '../../src/index.ts';

/** Kept as JSON, which writes NaN and the infinities as `null`; they are read back as NaN. */
export interface Exhibits {
  /** Probabilities for the sample images, which are the first test images, row by row; NaN from a diverged network. */
  readonly predictions: readonly number[];
  /** `confusionCounts` of all test images: a row a true class; the last column counts what got no finite probability. */
  readonly confusion: readonly (readonly number[])[];
  readonly filters: Filters;
}

/** The first convolution's kernel [height, width, channels, filters] before training and after it. */
export interface Filters {
  readonly shape: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** What `JSON.parse` gives for exhibits. */
export interface StoredExhibits extends Omit<Exhibits, 'predictions' | 'filters'> {
  readonly predictions: readonly (number | null)[];
  readonly filters: {
    readonly shape: readonly number[];
    readonly before: readonly (number | null)[];
    readonly after: readonly (number | null)[];
  };
}

export function exhibitsFrom({ predictions, confusion, filters }: StoredExhibits): Exhibits {
  const { shape, before, after } = filters;
  return {
    predictions: withNaN(predictions),
    confusion,
    filters: { shape, before: withNaN(before), after: withNaN(after) },
  };
}

/** The first convolution's kernel among a network's weights. */
export function firstKernel(weights: readonly Weight[]): Weight {
  const kernel = weights.find(({ name, shape }) => name.endsWith('/kernel') && shape.length === 4);
  if (kernel !== undefined) return kernel;
  throw new Error(
    `No convolution among ${weights.map(({ name }) => name).join(', ')}: the report shows the first one's filters. ` +
      'Put a Conv2D back into network.ts, or take the filters out of exhibits.ts.',
  );
}

function withNaN(values: readonly (number | null)[]): number[] {
  return values.map((value) => value ?? Number.NaN);
}
