/** Puts charts, pixels and text on one page. */

import { textWidth } from '#raster';
import { type TextStyle, text } from './svgText.ts';

/** Lines of text, and where the next one would be. */
export interface Paragraph {
  /** SVG elements. */
  readonly svg: string;
  /** The baseline of the line that would follow. */
  readonly nextY: number;
}

/**
 * Lines of text that fit into `width`, the first with its baseline at `y`,. A word that is wider has a line of its own.
 */
export function paragraph(x: number, y: number, content: string, width: number, style: TextStyle): Paragraph {
  const lines = wrapText(content, width, style);
  const leading = Math.round(style.size * 1.25);
  return {
    svg: lines.map((line, i) => text(x, y + i * leading, line, style)).join(''),
    nextY: y + lines.length * leading,
  };
}

/**
 * An SVG document as an element of another one, with its top left corner at (x, y).
 * @param svg such as a chart of `linePanel`, or the `svg` of another picture
 */
export function place(x: number, y: number, svg: string): string {
  return svg.replace(/^<svg /, `<svg x="${x}" y="${y}" `);
}

/** A white page. */
export function page(width: number, height: number, parts: readonly string[]): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<rect width="${width}" height="${height}" fill="#ffffff"/>${parts.join('')}</svg>`
  );
}

function wrapText(content: string, width: number, style: TextStyle): string[] {
  if (textWidth(content, style) <= width) return [content];
  const lines: string[] = [];
  // A number stays with its unit.
  for (const word of content.replace(/(\d) (%|points|s\b)/g, '$1\u00a0$2').split(' ')) {
    const longer = lines.length === 0 ? word : `${lines[lines.length - 1]} ${word}`;
    if (lines.length > 0 && textWidth(longer, style) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
