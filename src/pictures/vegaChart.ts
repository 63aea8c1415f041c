/** Vega-Lite draws a chart. Loaded when there is one to draw, as Vega is large. */

import type { TopLevelSpec } from 'vega-lite';
import { peer } from '../base/peer.ts';
import { asXml } from './svgText.ts';

/**
 * The chart as an SVG document, to be placed in a picture.
 * @param spec a specification of Vega-Lite, with `width`, `height` and what it shows
 * @throws StateError where vega or vega-lite is not installed
 */
export async function vegaChart(spec: object): Promise<string> {
  const { parse, View } = await peer('wgrad/pictures', 'vega', () => import('vega'));
  const { compile } = await peer('wgrad/pictures', 'vega-lite', () => import('vega-lite'));
  // Vega-Lite's types follow a fixed chart; many are put together from what there is to show. It checks them itself.
  return asXml(await new View(parse(compile(spec as TopLevelSpec).spec), { renderer: 'none' }).toSVG());
}
