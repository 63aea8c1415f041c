/** The chart as a picture of its own: with a title, a legend, and the ground that it has on the page. */

import { fitted } from './fitted.ts';
import { METRIC_NAMES } from './format.ts';
import { markerPath } from './marker.ts';
import { INKS, lookOf } from './palette.ts';
import { FONT, LABEL_FONT, type Plot, scaled } from './plot.ts';

const MARGIN = 16;
const TITLE_HEIGHT = 22;
const ROW_HEIGHT = 20;
/** Of a legend's entry, from its line to the next one's. */
const SWATCH = 30;
const BETWEEN = 22;

/** In pixels of the screen, as sharp as the chart itself. */
export function chartPicture(
  chart: HTMLCanvasElement,
  { curves, view, theme }: Plot,
  title: string,
): HTMLCanvasElement {
  const ratio = devicePixelRatio;
  const inks = INKS[theme];
  const canvas = document.createElement('canvas');
  const ctx = canvas.getContext('2d');
  if (ctx === null) return canvas;
  const width = chart.width / ratio + 2 * MARGIN;
  const runs = [...new Map(curves.map(({ run }) => [run.id, run])).values()];
  ctx.font = LABEL_FONT;
  const entries: { x: number; row: number; run: (typeof runs)[number] }[] = [];
  let [x, row] = [MARGIN, 0];
  for (const run of runs) {
    const wide = SWATCH + 6 + ctx.measureText(run.name).width + BETWEEN;
    if (x > MARGIN && x + wide > width - MARGIN) [x, row] = [MARGIN, row + 1];
    entries.push({ x, row, run });
    x += wide;
  }
  ctx.font = FONT;
  const lines = wrapped(ctx, `${METRIC_NAMES[view.metric]}: ${title}`, width - 2 * MARGIN);
  const top = MARGIN + lines.length * TITLE_HEIGHT;
  const below = top + chart.height / ratio + 10;
  const key = keyOf(curves.map(({ part }) => part));
  const height = below + (row + 1 + (key === '' ? 0 : 1)) * ROW_HEIGHT + MARGIN;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  // What was set went with the size.
  ctx.fillStyle = inks.card;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(chart, MARGIN * ratio, top * ratio);
  ctx.scale(ratio, ratio);
  ctx.textBaseline = 'middle';
  ctx.fillStyle = theme === 'dark' ? '#eceff3' : '#1d2126';
  ctx.font = scaled(LABEL_FONT, 1.15);
  lines.forEach((line, i) => {
    ctx.fillText(line, MARGIN, MARGIN + (i + 0.4) * TITLE_HEIGHT);
  });
  ctx.font = LABEL_FONT;
  for (const { x: left, row: at, run } of entries) {
    const { color, marker, dash } = lookOf(run.color, theme);
    const y = below + (at + 0.5) * ROW_HEIGHT;
    ctx.strokeStyle = color;
    ctx.fillStyle = color;
    ctx.lineWidth = 2.25;
    ctx.setLineDash([...dash]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + SWATCH, y);
    ctx.stroke();
    ctx.fill(new Path2D(markerPath(marker, left + SWATCH / 2, y, 3.6)));
    ctx.fillText(fitted(ctx, run.name, width - left - SWATCH - 6 - MARGIN), left + SWATCH + 6, y);
  }
  ctx.font = FONT;
  ctx.fillStyle = inks.text;
  ctx.fillText(key, MARGIN, below + (row + 1.5) * ROW_HEIGHT);
  return canvas;
}

/** What the kinds of lines are. */
function keyOf(parts: readonly string[]): string {
  const has = (part: string) => parts.includes(part);
  return [
    has('validation') ? 'full lines: validation' : '',
    has('training') && has('validation') ? 'thin dashed lines: training' : '',
    has('control') ? 'dotted lines: controls' : '',
  ]
    .filter((text) => text !== '')
    .join(' · ');
}

/** A text in lines that fit, two at most. */
function wrapped(ctx: CanvasRenderingContext2D, text: string, room: number): string[] {
  const words = text.split(' ');
  let first = '';
  // The title is drawn larger than what measures it.
  while (words.length > 0 && ctx.measureText(`${first} ${words[0]}`).width * 1.25 < room) first += ` ${words.shift()}`;
  const rest = words.join(' ');
  return [first.trim(), ...(rest === '' ? [] : [fitted(ctx, rest, room / 1.25)])].filter((line) => line !== '');
}
