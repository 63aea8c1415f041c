/**
 * SVG to pixels, and how wide its text is, in Node: resvg draws. package.json lets `#raster` stand for this module in Node and
 * for browser.ts elsewhere, so that nothing of resvg reaches a bundle for the browser.
 */

import { createRequire } from 'node:module';
import type { Resvg, ResvgRenderOptions, renderAsync } from '@resvg/resvg-js';
import { StateError } from '../../base/errors.ts';
import { missing } from '../../base/peer.ts';
import { FONT_NAME, type TextStyle, text } from '../svgText.ts';

const FONT_PACKAGE = '@expo-google-fonts/source-sans-3';
const FONT_FILES = ['400Regular/SourceSans3_400Regular', '700Bold/SourceSans3_700Bold'];

/** What most systems have. resvg takes this for a list of fonts whose first one is missing; lacking it, any font. */
const COMMON = process.platform === 'linux' ? 'DejaVu Sans' : 'Arial';

/** Letters that the font lacks: those of the system's fonts have to do. */
const FOREIGN = /[\u0530-\u1dff\u2300-\uffff]/;

const require = createRequire(import.meta.url);

/** Draws an SVG document as a PNG, `zoom` pixels to a unit. */
export async function rasterize(svg: string, zoom = 1): Promise<Uint8Array> {
  const drawn = await resvg().renderAsync(svg, { ...options(svg), fitTo: { mode: 'zoom', value: zoom } });
  return drawn.asPng();
}

/** The width of a line as it will be drawn; about that, where resvg is not installed. */
export function textWidth(content: string, style: TextStyle): number {
  if (content.trim() === '') return 0;
  if (!isInstalled('@resvg/resvg-js')) return estimate(content, style);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">${text(0, 0, content, style)}</svg>`;
  const { Resvg } = resvg();
  const box = new Resvg(svg, options(svg)).getBBox();
  if (box !== undefined) return box.width;
  throw new StateError(`wgrad/pictures: this system has no font to write with. Run: npm install ${FONT_PACKAGE}`);
}

/** In Arial, which a viewer takes that lacks the font of the pictures, and whose letters are the wider ones. */
const EMS = [
  [/[ijl.,:;'|!]/, 0.28],
  [/[ ftrI()[\]/-]/, 0.34],
  [/[mMWw%@—…]|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}/u, 1],
  [/[A-Z]/, 0.74],
] as const;
const USUAL = 0.58;

/** For an SVG file, whose viewer brings its own font, no more can be known. */
function estimate(content: string, { size, bold = false }: TextStyle): number {
  const ems = [...content].reduce((sum, letter) => sum + (EMS.find(([kind]) => kind.test(letter))?.[1] ?? USUAL), 0);
  return ems * size * (bold ? 1.06 : 1);
}

function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Not imported, so that a program that lacks it hears how to get it. */
function resvg(): { Resvg: typeof Resvg; renderAsync: typeof renderAsync } {
  try {
    return require('@resvg/resvg-js');
  } catch (cause) {
    throw missing('wgrad/pictures', '@resvg/resvg-js', cause);
  }
}

/** The font comes from npm and is then the only one: a picture is the same on every machine, whatever fonts it has. */
function options(svg: string): ResvgRenderOptions {
  // Else an image that is to be `pixelated`, a word of CSS that resvg does not know, would be smooth.
  const imageRendering = 1;
  try {
    const fontFiles = FONT_FILES.map((file) => require.resolve(`${FONT_PACKAGE}/${file}.ttf`));
    return { imageRendering, font: { loadSystemFonts: FOREIGN.test(svg), fontFiles, defaultFontFamily: FONT_NAME } };
  } catch {
    return { imageRendering, font: { loadSystemFonts: true, defaultFontFamily: COMMON } };
  }
}
