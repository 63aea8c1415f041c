/**
 * Puts charts and text on one page and turns it into pixels. The font comes from npm and is the only one loaded, so the
 * picture is the same on every machine, whatever fonts it has.
 */
import { createRequire } from 'node:module';
import { type RenderedImage, Resvg } from '@resvg/resvg-js';

/** The family name inside the font files. */
export const FONT = 'Source Sans 3';

const require = createRequire(import.meta.url);
const FONT_FILES = ['400Regular/SourceSans3_400Regular', '700Bold/SourceSans3_700Bold'].map((file) =>
  require.resolve(`@expo-google-fonts/source-sans-3/${file}.ttf`),
);
const FONT_OPTIONS = { loadSystemFonts: false, fontFiles: FONT_FILES, defaultFontFamily: FONT };

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

/** Lines of text that fit into `width`, the first with its baseline at `y`. Returns the baseline of the next line too. */
export function paragraph(
  x: number,
  y: number,
  content: string,
  width: number,
  style: TextStyle,
): { svg: string; nextY: number } {
  const lines = wrapText(content, width, style);
  const leading = Math.round(style.size * 1.25);
  return {
    svg: lines.map((line, i) => text(x, y + i * leading, line, style)).join(''),
    nextY: y + lines.length * leading,
  };
}

/** Places an SVG document inside another. */
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

/** Draws an SVG document, `zoom` pixels to a unit. */
export function rasterize(svg: string, zoom = 1): RenderedImage {
  return new Resvg(svg, { font: FONT_OPTIONS, fitTo: { mode: 'zoom', value: zoom } }).render();
}

/** The width of a line as it will be drawn. */
export function textWidth(content: string, style: TextStyle): number {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">${text(0, 0, content, style)}</svg>`;
  return new Resvg(svg, { font: FONT_OPTIONS }).getBBox()?.width ?? 0;
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

function escapeXml(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
