/** Colours of runs, by their place: Okabe and Ito's, darkened on a light ground and lightened on a dark one. */

export type Theme = 'light' | 'dark';

const PALETTE: Readonly<Record<Theme, readonly string[]>> = {
  light: ['#222222', '#0072b2', '#c94f00', '#00805f', '#a0478a', '#7a5200', '#3b3bb3', '#8a6d00'],
  dark: ['#f2f2f2', '#56b4e9', '#ff8c3b', '#2ec99b', '#e08bc9', '#f0e442', '#9a9aff', '#c9974a'],
};

export const colorOf = (place: number, theme: Theme): string => PALETTE[theme][place % PALETTE[theme].length];

/** How many runs have colours of their own. */
export const COLORS = PALETTE.light.length;

export interface Inks {
  readonly text: string;
  readonly grid: string;
  readonly guide: string;
  /** What the chart lies on. */
  readonly card: string;
}

export const INKS: Readonly<Record<Theme, Inks>> = {
  light: { text: '#555555', grid: '#e6e6e6', guide: '#888888', card: '#ffffff' },
  dark: { text: '#b8b8b8', grid: '#333a42', guide: '#8d8d8d', card: '#1d2126' },
};
