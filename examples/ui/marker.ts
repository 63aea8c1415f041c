/** The shapes of points, as paths that both SVG and a canvas take. Pure. */

import type { Marker } from './palette.ts';

/** Around a place; the shapes have about the same area. */
export function markerPath(marker: Marker, x: number, y: number, radius: number): string {
  switch (marker) {
    case 'circle':
      return `M${x - radius} ${y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0z`;
    case 'square': {
      const half = radius * 0.9;
      return `M${x - half} ${y - half}h${2 * half}v${2 * half}h${-2 * half}z`;
    }
    case 'triangle': {
      const reach = radius * 1.35;
      return `M${x} ${y - reach}L${x + reach} ${y + reach * 0.8}L${x - reach} ${y + reach * 0.8}z`;
    }
    case 'diamond': {
      const reach = radius * 1.3;
      return `M${x} ${y - reach}L${x + reach} ${y}L${x} ${y + reach}L${x - reach} ${y}z`;
    }
  }
}
