/** What a picture is about, above it. */

import { paragraph } from './svgSheet.ts';

/** Around a picture, on all sides. */
export const MARGIN = 20;

/** Letters may be wider by so much where the font is not installed. */
export const SLACK = 1.12;

const TITLE = { size: 20, bold: true } as const;
const NOTE = { size: 14, color: '#444444' } as const;

/** A title and a smaller note under it, in the lines that they need; '' for none. Returns where the rest may begin. */
export function heading(title: string, note: string, width: number): { svg: string; bottom: number } {
  const inner = (width - 2 * MARGIN) / SLACK;
  const upper = title === '' ? null : paragraph(MARGIN, MARGIN + 12, title, inner, TITLE);
  const lower =
    note === '' ? null : paragraph(MARGIN, upper === null ? MARGIN + 12 : upper.nextY - 2, note, inner, NOTE);
  return {
    svg: (upper?.svg ?? '') + (lower?.svg ?? ''),
    bottom: lower?.nextY ?? (upper === null ? MARGIN : upper.nextY - 5),
  };
}
