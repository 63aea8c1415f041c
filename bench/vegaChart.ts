/** Vega-Lite draws a chart. */

import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** The chart as an SVG document, to be placed in a picture. */
export const vegaChart = (spec: TopLevelSpec): Promise<string> =>
  new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG();
