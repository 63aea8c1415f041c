/** Lines of text in an SVG document. */

/** The family's name inside its font files. */
export const FONT_NAME = 'Source Sans 3';

/** What an SVG document asks for: the font, and what is like it where it is not installed. */
export const FONT = `'${FONT_NAME}', 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans Condensed', sans-serif`;

/** How a line of text looks. */
export interface TextStyle {
  size: number;
  bold?: boolean;
  color?: string;
  anchor?: 'start' | 'middle' | 'end';
}

/** One line of text with its baseline at `y`. */
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
