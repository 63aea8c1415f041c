/** The chart itself: a canvas that follows its data, its size and the theme, and a box with the values under the pointer. */

import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { type Curve, type RunReading, readingsAt, type View } from './curve.ts';
import { formatEnd, formatPlace, formatValue } from './format.ts';
import { colorOf } from './palette.ts';
import { columnsOf, optionsFor, type Plot, structureOf } from './plot.ts';

interface Props extends Plot {
  /** What the chart shows, for who cannot see it. */
  readonly label: string;
}

export function CurveChart({ label, ...plot }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const current = useRef<Plot>(plot);
  const drawn = useRef<readonly Curve[]>([]);
  const [hover, setHover] = useState<number | null>(null);
  current.current = plot;
  const structure = structureOf(plot);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const size = () => ({ width: element.clientWidth, height: element.clientHeight });
    const make = () => {
      chart.current?.destroy();
      const { curves } = current.current;
      drawn.current = curves;
      chart.current = new uPlot(
        optionsFor(() => current.current, size(), setHover),
        columnsOf(curves),
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
    if (drawn.current === plot.curves) return;
    drawn.current = plot.curves;
    chart.current?.setData(columnsOf(plot.curves));
  }, [plot.curves]);

  /** The arrow keys move the reading as the pointer does. */
  const onKeyDown = (event: KeyboardEvent) => {
    const u = chart.current;
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (u === null || way === undefined) return;
    event.preventDefault();
    const width = u.over.clientWidth;
    const left = u.cursor.left ?? -1;
    u.setCursor({
      left: left < 0 ? (way > 0 ? 0 : width) : Math.min(width, Math.max(0, left + (way * width) / 50)),
      top: 0,
    });
  };

  return (
    <div class="curve-chart">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys read values off the picture */}
      <div class="curve-canvas" ref={frame} role="img" aria-label={label} tabIndex={0} onKeyDown={onKeyDown} />
      {hover !== null && plot.curves.length > 0 && (
        <Reading at={hover} plot={plot} right={hover > (chart.current?.scales.x.max ?? 0) / 2} />
      )}
    </div>
  );
}

/** Most runs that the box lists. */
const MOST_ROWS = 8;

/** The values at one place, the best first. */
function Reading({ at, plot, right }: { readonly at: number; readonly plot: Plot; readonly right: boolean }) {
  const { curves, view, theme } = plot;
  const rows = readingsAt(curves, at, view);
  const rate = view.metric === 'learning_rate';
  const format = formatValue[view.metric];
  const cell = (value: number | null | undefined) => (value == null ? '–' : format(value));
  const validation = !rate && rows.some((row) => row.validation !== undefined);
  const training = rows.some((row) => row.training !== undefined);
  return (
    <div class={`curve-reading ${right ? 'at-left' : 'at-right'}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{formatPlace[view.axis](at)}</th>
            {validation && <th scope="col">val</th>}
            {training && <th scope="col">{rate ? 'rate' : 'train'}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_ROWS).map((row, i) => (
            <tr key={i} class={row.endedAt === null ? '' : 'ended'} style={{ color: colorOf(row.run.color, theme) }}>
              <th scope="row">
                {row.run.name}
                {row.control && ', control'}
                {row.endedAt !== null && <small>{endText(row, row.endedAt, view)}</small>}
              </th>
              {validation && <td>{cell(row.validation)}</td>}
              {training && <td>{cell(row.training)}</td>}
            </tr>
          ))}
          {rows.length > MOST_ROWS && (
            <tr>
              <td colSpan={3}>and {rows.length - MOST_ROWS} more</td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function endText({ run, control }: RunReading, at: number, { axis }: View): string {
  return `${run.interrupted && !control ? 'cut off' : 'ended'} at ${formatEnd[axis](at)}`;
}
