/** The values at one place, the best first, in the corner of the chart where they hide the least; below it on a phone. */

import { Fragment } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { RunReading, View } from './curve.ts';
import { formatPlace, formatValue } from './format.ts';
import { lookOf, type Theme } from './palette.ts';
import { type Box, boxAt, type Corner, type Line, quietCorner } from './readingPlace.ts';
import { Swatch } from './Swatch.tsx';
import { endText } from './spoken.ts';

/** Most runs that it lists, where there is room and where there is little. */
const MOST_ROWS = 8;
const FEW_ROWS = 5;
const NARROW = 520;

interface Props {
  readonly at: number;
  readonly rows: readonly RunReading[];
  readonly view: View;
  readonly theme: Theme;
  /** The plot within the chart, in pixels. */
  readonly plot: Box;
  /** The curves in pixels of the plot, and where in it they are read. */
  readonly lines: () => readonly Line[];
  readonly pointer: number;
}

export function ReadingBox({ at, rows, view, theme, plot, lines, pointer }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [corner, setCorner] = useState<Corner | null>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const size = { width: element.offsetWidth, height: element.offsetHeight };
    setCorner((before) => quietCorner(lines(), size, plot, pointer, before));
  });
  const size = { width: box.current?.offsetWidth ?? 0, height: box.current?.offsetHeight ?? 0 };
  const place = boxAt(corner ?? 'top left', size, plot);
  const rate = view.metric === 'learning_rate';
  const cell = (value: number | null | undefined) => (value == null ? '–' : formatValue[view.metric](value));
  const validation = !rate && rows.some((row) => row.validation !== undefined);
  const training = rows.some((row) => row.training !== undefined);
  const most = plot.width < NARROW ? FEW_ROWS : MOST_ROWS;
  return (
    <div
      class="curve-reading"
      ref={box}
      aria-hidden="true"
      style={{
        left: `${plot.left + place.left}px`,
        top: `${plot.top + place.top}px`,
        visibility: corner === null ? 'hidden' : 'visible',
      }}
    >
      <table>
        <thead>
          <tr>
            <th scope="col">{formatPlace[view.axis](at)}</th>
            {validation && <th scope="col">val</th>}
            {training && <th scope="col">{rate ? 'rate' : 'train'}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((row, i) => {
            const end = endOf(row, view);
            return (
              <Fragment key={i}>
                {end !== null && end !== endOf(rows[i - 1], view) && (
                  <tr>
                    <td class="end" colSpan={3}>
                      {end}
                    </td>
                  </tr>
                )}
                <tr style={{ color: lookOf(row.run.color, theme).color }}>
                  <th scope="row">
                    <Swatch place={row.run.color} theme={theme} />
                    <span>
                      {row.run.name}
                      {row.control && ', control'}
                    </span>
                  </th>
                  {validation && <td>{cell(row.validation)}</td>}
                  {training && <td>{cell(row.training)}</td>}
                </tr>
              </Fragment>
            );
          })}
          {rows.length > most && (
            <tr>
              <td class="more" colSpan={3}>
                and {rows.length - most} more
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

/** Runs that end at one place are told so together. */
const endOf = (row: RunReading | undefined, { axis }: View): string | null =>
  row === undefined || row.endedAt === null ? null : endText(row, row.endedAt, axis);
