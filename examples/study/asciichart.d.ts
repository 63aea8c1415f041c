/** What the study uses of asciichart, which comes without types. */
declare module 'asciichart' {
  interface PlotConfig {
    /** Range of the values; widened where a value lies outside. */
    readonly min?: number;
    readonly max?: number;
    /** Rows, less one. */
    readonly height?: number;
    /** Cells left of the second value: labels, then the axis, on which the first value lies. */
    readonly offset?: number;
    /** The label of a row. */
    readonly format?: (value: number) => string;
    /** Start, axis, two ends, level, corners (from above, to below, from below, to above), upright. */
    readonly symbols?: readonly string[];
  }

  /** Draws finite numbers, one a column; rows are separated by line feeds. */
  export function plot(series: readonly number[], config?: PlotConfig): string;
}
