import type { Pixels } from '../../src/pictures/index.ts';
import { PixelCanvas } from './PixelCanvas.tsx';

/** The filters of a layer, each with its weights as pixels. */
export function Filters({ filters }: { readonly filters: readonly Pixels[] }) {
  return (
    <div class="filters" role="img" aria-label={`the ${filters.length} filters as small pictures`}>
      {filters.map((pixels, i) => (
        <PixelCanvas key={i} pixels={pixels} label={null} />
      ))}
    </div>
  );
}
