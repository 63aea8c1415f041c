/** What the sweep's pictures share: a title, a key, a footer, and how their charts look. */

import { FONT, Picture, paragraph, place, text } from '../../src/pictures/index.ts';
import { adapterText } from '../study/facts.ts';
import { titled } from '../study/sheet.ts';
import { type SweepFacts, seedsOf } from './plane.ts';

export const WIDTH = 960;
export const MARGIN = 24;

export const CONFIG = {
  font: FONT,
  background: null,
  view: { stroke: null },
  axis: {
    labelFontSize: 13,
    titleFontSize: 14,
    titleFontWeight: 'normal',
    labelColor: '#444444',
    titleColor: '#222222',
    gridColor: '#e4e4e4',
    tickColor: '#999999',
    domainColor: '#999999',
  },
} as const;

/** A chart of `WIDTH` less the margins under its title and what it shows in words. */
export function sheet(title: string, words: string, chart: string, height: number, facts: SweepFacts): Picture {
  const inner = WIDTH - 2 * MARGIN;
  const head = paragraph(MARGIN, 40, titled(title, facts), inner, { size: 23, bold: true });
  const key = paragraph(MARGIN, head.nextY - 4, words, inner, { size: 15, color: '#444444' });
  const total = key.nextY + height + 34;
  const seeds = seedsOf(facts);
  const seedsText = seeds.length === 1 ? `seed ${seeds[0]}` : `${seeds.length} seeds`;
  const foot = `${facts.data} · ${seedsText} · ${adapterText(facts)}`;
  return new Picture(WIDTH, total, [
    head.svg,
    key.svg,
    place(MARGIN, key.nextY, chart),
    text(MARGIN, total - 12, foot, { size: 12, color: '#777777' }),
  ]);
}
