/** The curves of trials: all in grey, those that one points at in colour. */

import type { PlaneTrial } from '../plane.ts';

export const METRICS = ['val_accuracy', 'accuracy', 'val_loss', 'loss'] as const;
type Metric = (typeof METRICS)[number];

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [560, 340, 48, 36, 12];
const COLORS = ['#0072B2', '#D55E00', '#00805F', '#A0478A', '#7A5200', '#3B3BB3'];
/** A loss above it is drawn at the edge. */
const HIGHEST_LOSS = 5;

interface CurvesProps {
  readonly trials: readonly PlaneTrial[];
  readonly front: readonly PlaneTrial[];
  readonly metric: Metric;
  readonly bySeconds: boolean;
}

export function Curves({ trials, front, metric, bySeconds }: CurvesProps) {
  const share = metric.endsWith('accuracy');
  const curves = [...trials, ...front].map((trial) => {
    let seconds = 0;
    return trial.epochs.flatMap((record) => {
      seconds += record.seconds;
      const value = record.logs[metric];
      return Number.isFinite(value)
        ? [{ x: bySeconds ? seconds : record.epoch + 1, y: Math.min(value, share ? 1 : HIGHEST_LOSS) }]
        : [];
    });
  });
  const all = curves.flat();
  const right = Math.max(1, ...all.map(({ x }) => x));
  const top = Math.max(share ? 0.2 : 1, ...all.map(({ y }) => y)) * 1.05;
  const at = ({ x, y }: { x: number; y: number }): string =>
    `${(LEFT + (x / right) * (WIDTH - LEFT - 8)).toFixed(1)},${(HEIGHT - BOTTOM - (y / top) * (HEIGHT - BOTTOM - TOP)).toFixed(1)}`;
  const ticks = (most: number): number[] => {
    const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].find((one) => most / one <= 8) ?? 1000;
    return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
  };
  const pathOf = (curve: (typeof curves)[number]): string =>
    curve.map((point, i) => `${i === 0 ? 'M' : 'L'}${at(point)}`).join('');
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      class="curves"
      role="img"
      aria-label={`${metric} of the trials by ${bySeconds ? 'seconds' : 'epoch'}`}
    >
      {ticks(top).map((tick) => {
        const [, y] = at({ x: 0, y: tick }).split(',');
        return (
          <g key={tick}>
            <line x1={LEFT} x2={WIDTH - 8} y1={y} y2={y} class="grid" />
            <text x={LEFT - 6} y={y} text-anchor="end" dominant-baseline="middle">
              {share ? `${Math.round(tick * 100)} %` : Number(tick.toFixed(2))}
            </text>
          </g>
        );
      })}
      {ticks(right).map((tick) => (
        <text key={tick} x={at({ x: tick, y: 0 }).split(',')[0]} y={HEIGHT - BOTTOM + 16} text-anchor="middle">
          {Number(tick.toFixed(2))}
        </text>
      ))}
      <text x={WIDTH - 8} y={HEIGHT - 4} text-anchor="end">
        {bySeconds ? 'seconds of training' : 'epoch'}
      </text>
      {curves.slice(0, trials.length).map((curve, i) => (
        <path key={trials[i].number} d={pathOf(curve)} class="others" />
      ))}
      {curves.slice(trials.length).map((curve, i) => (
        <g key={front[i].number} style={{ color: COLORS[i % COLORS.length] }}>
          <path d={pathOf(curve)} class="front" />
          {curve.map((point) => {
            const [x, y] = at(point).split(',');
            return <circle key={x} cx={x} cy={y} r="3.5" fill="currentcolor" />;
          })}
        </g>
      ))}
    </svg>
  );
}
