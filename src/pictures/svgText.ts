/** Lines of text in an SVG document. */

/** The family's name inside its font files. */
export const FONT_NAME = 'Source Sans 3';

/**
 * The font of all text in pictures, as SVG and CSS name it: Source Sans 3, and what is like it where that is not installed. A
 * chart of Vega's own, drawn for a picture, is to ask for it.
 */
export const FONT = `'${FONT_NAME}', 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans Condensed', sans-serif`;

/** How a line of text looks. */
export interface TextStyle {
  /** Font size, in units of the picture. */
  readonly size: number;
  /** Default false. */
  readonly bold?: boolean;
  /** As SVG writes one; default a soft black, `#222222`. */
  readonly color?: string;
  /** Which part of the line lies at `x`; default `start`. */
  readonly anchor?: 'start' | 'middle' | 'end';
}

/** One line of text with its baseline at `y`, as an SVG element. What XML cannot hold becomes `?`. */
export function text(x: number, y: number, content: string, style: TextStyle): string {
  const { size, bold = false, color = '#222222', anchor = 'start' } = style;
  return (
    `<text x="${x}" y="${y}" font-family="${FONT}" font-size="${size}" font-weight="${bold ? 700 : 400}" ` +
    `fill="${color}" text-anchor="${anchor}">${escapeXml(content)}</text>`
  );
}

/** Controls other than tabs and line breaks, halves of characters, and what is no character: XML has no way to write them. */
const NO_XML = /[^\P{Cc}\t\n\r]|[\ufffe\uffff]|\p{Cs}/gu;

/** Names and titles may hold what a document cannot. */
export const asXml = (content: string): string => content.replace(NO_XML, '?');

function escapeXml(content: string): string {
  return asXml(content).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
