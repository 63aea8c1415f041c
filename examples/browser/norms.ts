/** How the norms of a network's layers go on while it is trained. Pure. */

import type { Exhibits } from './protocol.ts';

/** Columns of one length: looks in their order. */
export interface LayerNorms {
  readonly name: string;
  readonly weight: readonly number[];
  readonly gradient: readonly number[];
  /** See `LayerLook`. */
  readonly moved: readonly number[];
}

export interface Norms {
  readonly step: readonly number[];
  readonly layers: readonly LayerNorms[];
}

export const noNorms = (): Norms => ({ step: [], layers: [] });

/** Looks that are kept: more than a small chart has pixels. */
const MOST = 200;

/** With one more look; where the network is another one, it begins anew. */
export function withLook({ step, layers }: Norms, look: Pick<Exhibits, 'step' | 'layers'>): Norms {
  const names = (all: readonly { readonly name: string }[]): string => all.map(({ name }) => name).join();
  const goesOn = names(layers) === names(look.layers) && (step.at(-1) ?? 0) < look.step;
  if (step.at(-1) === look.step) return { step, layers };
  const before = goesOn ? layers : look.layers.map(({ name }) => ({ name, weight: [], gradient: [], moved: [] }));
  return thinned({
    step: [...(goesOn ? step : []), look.step],
    layers: before.map((layer, i) => ({
      name: layer.name,
      weight: [...layer.weight, look.layers[i].weightNorm],
      gradient: [...layer.gradient, look.layers[i].gradientNorm],
      moved: [...layer.moved, look.layers[i].moved],
    })),
  });
}

/** Where there are too many, every other one goes; the last one stays. */
function thinned({ step, layers }: Norms): Norms {
  if (step.length <= MOST) return { step, layers };
  const some = (values: readonly number[]): number[] => values.filter((_, i) => (values.length - 1 - i) % 2 === 0);
  return {
    step: some(step),
    layers: layers.map(({ name, weight, gradient, moved }) => ({
      name,
      weight: some(weight),
      gradient: some(gradient),
      moved: some(moved),
    })),
  };
}
