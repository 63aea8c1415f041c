/** Vega-Lite draws a chart. Loaded when there is one to draw, as Vega is large. */

import type { TopLevelSpec } from 'vega-lite';
import { peer } from './peer.ts';
import { asXml } from './svgText.ts';

/** The chart as an SVG document. */
export async function vegaChart(spec: TopLevelSpec): Promise<string> {
  const { parse, View } = await peer('vega', () => import('vega'));
  const { compile } = await peer('vega-lite', () => import('vega-lite'));
  return asXml(await new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG());
}
