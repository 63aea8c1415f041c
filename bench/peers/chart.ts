/** The comparison as a picture: bars on a logarithmic scale, one panel a batch, every bar with its number. */
import type { TopLevelSpec } from 'vega-lite';
import { FONT, Picture, paragraph, place, text, vegaChart } from '../../src/pictures/index.ts';
import { short } from '../table.ts';
import { PEERS, WGRAD } from './registry.ts';
import type { PeerResult } from './summary.ts';

const WIDTH = 1200;
const MARGIN = 28;
const NAMES = 170;
/** Room for a label behind the longest bar. */
const LABELS = 150;
const BAR = 34;
const AXIS = 44;
/** WebGPU, the library itself, and what computes without it. */
const COLORS = { wgrad: '#D55E00', webgpu: '#0072B2', cpu: '#6b6b6b' };

interface Bar {
  readonly title: string;
  readonly value: number;
  readonly label: string;
  readonly color: string;
}

/** Draws the chart; null if there is no number to draw. */
export async function peersChart(results: readonly PeerResult[], subtitle: string): Promise<Picture | null> {
  const batches = [...new Set(results.map(({ batch }) => batch))].sort((a, b) => a - b);
  const panels = batches
    .map((batch) => ({ batch, bars: barsOf(results, batch) }))
    .filter(({ bars }) => bars.length > 0);
  const values = panels.flatMap(({ bars }) => bars.map(({ value }) => value));
  if (values.length === 0) return null;
  // Bars start a bit left of the least value's power of ten, so that the shortest bar can be seen.
  const domain: [number, number] = [10 ** Math.floor(Math.log10(Math.min(...values) * 0.7)), Math.max(...values) * 1.1];

  const inner = WIDTH - 2 * MARGIN;
  const title = text(MARGIN, 46, titleOf(results), { size: 26, bold: true });
  const facts = paragraph(MARGIN, 74, subtitle, inner, { size: 15, color: '#555555' });
  const key =
    'Blue: on WebGPU, through the same Dawn. Grey: on the CPU, without it. Behind the time: as a multiple of wgrad’s.';
  const note = paragraph(MARGIN, facts.nextY, key, inner, { size: 15, color: '#555555' });
  const parts = [title, facts.svg, note.svg];
  const columns = Math.min(2, panels.length);
  const width = inner / columns;
  let top = note.nextY + 18;
  for (let at = 0; at < panels.length; at += columns) {
    const row = panels.slice(at, at + columns);
    for (const [column, { batch, bars }] of row.entries()) {
      const x = MARGIN + column * width;
      parts.push(text(x, top, `batch ${batch}`, { size: 18, bold: true }));
      parts.push(place(x, top + 8, await panel(bars, width, domain)));
    }
    top += 8 + Math.max(...row.map(({ bars }) => bars.length)) * BAR + AXIS + 34;
  }
  return new Picture(WIDTH, top - 14, parts);
}

function barsOf(results: readonly PeerResult[], batch: number): Bar[] {
  return results
    .flatMap(({ peer, batch: own, usPerImage, slower }) => {
      if (own !== batch || usPerImage === null) return [];
      const ratio = peer === WGRAD || slower === null ? '' : ` · ${timesText(slower)}×`;
      return [
        {
          title: PEERS.find(({ name }) => name === peer)?.title ?? peer,
          value: usPerImage,
          label: `${short(usPerImage)} µs${ratio}`,
          color: peer === WGRAD ? COLORS.wgrad : peer.endsWith('-webgpu') ? COLORS.webgpu : COLORS.cpu,
        },
      ];
    })
    .sort((a, b) => a.value - b.value);
}

function titleOf(results: readonly PeerResult[]): string {
  const others = results.filter(({ peer, slower }) => peer !== WGRAD && slower !== null);
  const onWebGpu = others.filter(({ peer }) => peer.endsWith('-webgpu'));
  const ratios = (onWebGpu.length > 0 ? onWebGpu : others).map(({ slower }) => slower ?? NaN);
  if (ratios.length === 0) return 'A training step, microseconds an image';
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(timesText);
  const range = least === most ? `${most} times` : `${least} to ${most} times`;
  return `A training step takes ${onWebGpu.length > 0 ? 'other libraries on WebGPU' : 'the others'} ${range} as long as wgrad`;
}

function timesText(ratio: number): string {
  return ratio.toFixed(ratio < 9.95 ? 1 : 0);
}

/** The powers of ten in a range. */
function decades([low, high]: readonly [number, number]): number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(`1e${first + i}`));
}

async function panel(bars: readonly Bar[], width: number, domain: [number, number]): Promise<string> {
  const height = bars.length * BAR;
  const padding = { left: NAMES, right: LABELS, top: 4, bottom: AXIS };
  const y = {
    field: 'title',
    type: 'nominal',
    sort: null,
    scale: { paddingInner: 0.3, paddingOuter: 0.15 },
    axis: { title: null, ticks: false, domain: false, labelLimit: 0, labelPadding: 8, labelColor: '#222222' },
  } as const;
  const axis = {
    title: 'µs an image (log scale)',
    values: decades(domain),
    format: ',~r',
    labelOverlap: false,
    labelFlush: false,
    gridColor: '#e8e8e8',
  } as const;
  const x = { field: 'value', type: 'quantitative', scale: { type: 'log', domain, nice: false }, axis } as const;
  const color = { field: 'color', type: 'nominal', scale: null } as const;
  const spec: TopLevelSpec = {
    width: width - padding.left - padding.right,
    height,
    padding,
    autosize: 'none',
    background: 'transparent',
    data: { values: [...bars] },
    config: {
      font: FONT,
      aria: false,
      view: { stroke: null },
      axis: {
        labelFontSize: 14,
        titleFontSize: 14,
        titleFontWeight: 'normal',
        labelColor: '#555555',
        titleColor: '#555555',
      },
    },
    layer: [
      { mark: 'bar', encoding: { x, x2: { datum: domain[0] }, y, color } },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 14, fontWeight: 'bold' },
        encoding: { x, y, color, text: { field: 'label' } },
      },
    ],
  };
  return await vegaChart(spec);
}
