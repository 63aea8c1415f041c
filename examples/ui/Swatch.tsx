/** A piece of a run's line, as the chart draws it. */

import { markerPath } from './marker.ts';
import { lookOf, type Theme } from './palette.ts';

const WIDTH = 30;
const HEIGHT = 12;

export function Swatch({ place, theme }: { readonly place: number; readonly theme: Theme }) {
  const { color, marker, dash } = lookOf(place, theme);
  return (
    <svg class="line-swatch" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <line
        x1="0"
        x2={WIDTH}
        y1={HEIGHT / 2}
        y2={HEIGHT / 2}
        stroke={color}
        stroke-width="2.25"
        stroke-dasharray={dash.join(' ')}
      />
      <path d={markerPath(marker, WIDTH / 2, HEIGHT / 2, 3.6)} fill={color} />
    </svg>
  );
}
