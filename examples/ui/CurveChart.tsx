/** The chart itself: a canvas that follows its data, its size and the theme, and what is read off it and done with it. */

import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { chartPicture } from './chartPicture.ts';
import { type Curve, lastPlace, readingsAt, shifted, type Zoom, zoomed } from './curve.ts';
import { download } from './download.ts';
import { columnsOf, type Label, optionsFor, type Plot, shownPlaces, structureOf } from './plot.ts';
import { ReadingBox } from './ReadingBox.tsx';
import type { Line } from './readingPlace.ts';
import { spoken } from './spoken.ts';

interface Props extends Plot {
  /** What the chart shows, for who cannot see it. */
  readonly label: string;
  readonly onZoom: (zoom: Zoom | null) => void;
}

/** How much closer a step of zooming goes, and how far the arrow keys go, as a share of what is shown. */
const CLOSER = 0.5;
const KEY_SHARE = 1 / 50;
const SHIFT_SHARE = 1 / 4;
/** How near a name the pointer must be, in pixels, to be told all of it. */
const NAME_REACH = 9;

export function CurveChart({ label, onZoom, ...plot }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const current = useRef<Plot>(plot);
  const drawn = useRef<Pick<Plot, 'curves' | 'zoom'>>({ curves: [], zoom: null });
  const labels = useRef<readonly Label[]>([]);
  const [hover, setHover] = useState<number | null>(null);
  const [said, setSaid] = useState('');
  current.current = plot;
  const structure = structureOf(plot);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const size = () => ({ width: element.clientWidth, height: element.clientHeight });
    const listener = {
      hover: setHover,
      zoom: onZoom,
      labels: (all: readonly Label[]) => {
        labels.current = all;
      },
    };
    const make = () => {
      chart.current?.destroy();
      drawn.current = current.current;
      chart.current = new uPlot(
        optionsFor(() => current.current, size(), listener),
        columnsOf(current.current.curves),
        element,
      );
    };
    make();
    // Its padding depends on its width.
    const observer = new ResizeObserver(() => {
      const { width, height } = size();
      if (width !== chart.current?.width || height !== chart.current?.height) make();
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.current?.destroy();
      chart.current = null;
      setHover(null);
    };
  }, [structure]);

  useEffect(() => {
    const { curves, zoom } = drawn.current;
    if (curves === plot.curves && zoom === plot.zoom) return;
    drawn.current = plot;
    chart.current?.setData(columnsOf(plot.curves));
  }, [plot.curves, plot.zoom]);

  const end = lastPlace(plot.curves, plot.view.axis);
  const shown = shownPlaces(plot);
  const [low, high] = shown;
  const closer = (factor: number) =>
    onZoom(zoomed(shown, factor, hover !== null && hover >= low && hover <= high ? hover : (low + high) / 2, end));

  /** Reads the values at a place, aloud too. */
  const readAt = (u: uPlot, left: number) => {
    const width = u.over.clientWidth;
    u.setCursor({ left: Math.min(width, Math.max(0, left)), top: 0 });
    const at = u.posToVal(u.cursor.left ?? 0, 'x');
    setSaid(plot.curves.length === 0 ? '' : spoken(readingsAt(plot.curves, at, plot.view), at, plot.view));
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const u = chart.current;
    if (u === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const width = u.over.clientWidth;
    const left = u.cursor.left ?? -1;
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way !== undefined && event.shiftKey) onZoom(plot.zoom && shifted(shown, way * SHIFT_SHARE * (high - low), end));
    else if (way !== undefined) readAt(u, left < 0 ? (way > 0 ? 0 : width) : left + way * width * KEY_SHARE);
    else if (event.key === 'Home') readAt(u, 0);
    else if (event.key === 'End') readAt(u, width);
    else if (event.key === '+' || event.key === '=') closer(CLOSER);
    else if (event.key === '-') closer(1 / CLOSER);
    else if (event.key === '0' || event.key === 'Escape') onZoom(null);
    else return;
    event.preventDefault();
  };

  /** A name that has no room is told where the pointer is on it. */
  const onPointerMove = ({ offsetY, target, currentTarget }: PointerEvent & { currentTarget: HTMLDivElement }) => {
    // Over the plot itself the box tells all names.
    const beside = target !== chart.current?.over;
    const near = labels.current.find(({ y }) => Math.abs(y - offsetY) < NAME_REACH);
    const title = beside ? (near?.name ?? '') : '';
    if (currentTarget.title !== title) currentTarget.title = title;
  };

  const savePicture = () => {
    const u = chart.current;
    if (u === null) return;
    const { metric, axis } = plot.view;
    chartPicture(u.ctx.canvas, plot, label).toBlob(
      (blob) => blob && download(`${metric.replace('_', '-')} by ${axis}.png`, blob),
    );
  };

  const u = chart.current;
  return (
    <div class="curve-chart">
      <div
        class="curve-canvas"
        ref={frame}
        role="application"
        aria-roledescription="chart"
        aria-label={label}
        aria-describedby="curve-keys"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys read values off the picture
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerMove={onPointerMove}
      />
      {u !== null && hover !== null && plot.curves.length > 0 && (
        <ReadingBox
          at={hover}
          rows={readingsAt(plot.curves, hover, plot.view)}
          view={plot.view}
          theme={plot.theme}
          plot={{
            left: u.over.offsetLeft,
            top: u.over.offsetTop,
            width: u.over.clientWidth,
            height: u.over.clientHeight,
          }}
          lines={() => plot.curves.map((curve) => lineOf(u, curve))}
          pointer={u.valToPos(hover, 'x')}
        />
      )}
      <p class="unseen" role="status">
        {said}
      </p>
      <div class="curve-tools">
        <p id="curve-keys">Drag over the chart to zoom in. Keys: ← → read values, + − zoom, 0 shows all.</p>
        <button type="button" aria-label="zoom in" disabled={plot.curves.length === 0} onClick={() => closer(CLOSER)}>
          +
        </button>
        <button type="button" aria-label="zoom out" disabled={plot.zoom === null} onClick={() => closer(1 / CLOSER)}>
          −
        </button>
        <button type="button" disabled={plot.zoom === null} onClick={() => onZoom(null)}>
          Show all
        </button>
        <button
          type="button"
          aria-label="save the chart as PNG"
          disabled={plot.curves.length === 0}
          onClick={savePicture}
        >
          PNG
        </button>
      </div>
    </div>
  );
}

const lineOf = (u: uPlot, { x, y }: Curve): Line =>
  x.map((place, i) => {
    const value = y[i];
    return value === null ? null : { x: u.valToPos(place, 'x'), y: u.valToPos(value, 'y') };
  });
