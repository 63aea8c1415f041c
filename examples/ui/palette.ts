/**
 * How runs look, by their place: a colour, a marker and a dash. The colours are told apart by the colour-blind, too, and can be
 * read as text on a card; the markers differ from one place to the next; from a ninth run on colours come again, with dashes.
 */

export type Theme = 'light' | 'dark';

export const PALETTE: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#222222', '#0066e0', '#c64600', '#237f4f', '#b040a8', '#4c3d00', '#4700b2', '#86305a'],
  dark: ['#f2f2f2', '#66c8ff', '#f0a050', '#33e89c', '#f261ae', '#e6d600', '#6f90ff', '#ff5a36'],
};

/** How many runs have colours of their own. */
export const COLORS = PALETTE.light.length;

export const MARKERS = ['circle', 'square', 'triangle', 'diamond'] as const;
export type Marker = (typeof MARKERS)[number];

/** In pixels; none: a solid line. */
const DASHES: readonly (readonly number[])[] = [[], [9, 4], [9, 3, 2, 3], [5, 2]];

/** How many runs can be told apart. */
export const LOOKS = COLORS * DASHES.length;

export interface Look {
  readonly color: string;
  readonly marker: Marker;
  readonly dash: readonly number[];
}

export const colorOf = (place: number, theme: Theme): string => PALETTE[theme][place % COLORS];

export function lookOf(place: number, theme: Theme): Look {
  const round = Math.floor(place / COLORS);
  return {
    color: colorOf(place, theme),
    // In each round another one, so that not the dash alone tells a run from the one whose colour it has.
    marker: MARKERS[(place + round) % MARKERS.length],
    dash: DASHES[round % DASHES.length],
  };
}

/** A place for a new run: the one it would like, with another dash where that is taken; without a wish the last colour that is free. */
export function freePlace(taken: Iterable<number>, wish: number | null = null): number {
  const used = new Map<number, number>();
  for (const place of taken) used.set(place % LOOKS, (used.get(place % LOOKS) ?? 0) + 1);
  const rounds = DASHES.map((_, round) => round * COLORS);
  const order =
    wish === null
      ? rounds.flatMap((begin) => Array.from({ length: COLORS }, (_, i) => begin + COLORS - 1 - i))
      : rounds.map((begin) => begin + (wish % COLORS));
  const least = Math.min(...order.map((place) => used.get(place) ?? 0));
  return order.find((place) => (used.get(place) ?? 0) === least) ?? 0;
}

export interface Inks {
  readonly text: string;
  readonly grid: string;
  readonly guide: string;
  /** What the chart lies on. */
  readonly card: string;
}

export const INKS: Readonly<Record<Theme, Inks>> = {
  light: { text: '#555555', grid: '#e6e6e6', guide: '#707070', card: '#ffffff' },
  dark: { text: '#b8b8b8', grid: '#333a42', guide: '#8d8d8d', card: '#1d2126' },
};
