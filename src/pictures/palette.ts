/** Colours that the colour-blind tell apart: Okabe and Ito's. */

/**
 * Six colours for lines and bars, which the colour-blind tell apart (Okabe and Ito's); the pale ones are darkened, so that text in
 * them can be read on white.
 */
export const PALETTE = ['#0072B2', '#D55E00', '#00805F', '#A0478A', '#7A5200', '#3B3BB3'] as const;

/** Areas that say right or wrong. */
export const RIGHT = '#009E73';
export const WRONG = '#D55E00';

/** The same two, dark enough for small letters on white. */
export const RIGHT_TEXT = '#00704F';
export const WRONG_TEXT = '#B34A00';

/** A colour on white, from a trace of it at 0 to all of it at 1. */
export function tint(color: string, share: number): string {
  const strength = 0.08 + 0.92 * share;
  const mixed = channelsOf(color).map((channel) => Math.round(255 + (channel - 255) * strength));
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

/** The one of black and white that stands out more against a colour. */
export function readableOn(color: string): string {
  const [red, green, blue] = channelsOf(color).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  // Where the contrasts with both, as the web's guidelines count them, are equal.
  return luminance > 0.179 ? '#000000' : '#ffffff';
}

const channelsOf = (color: string): number[] => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
