/** A chart of runs with the controls of what it shows. */

import { useMemo, useState } from 'preact/hooks';
import { CurveChart } from './CurveChart.tsx';
import { AXES, type Axis, type CurveRun, curvesOf, METRICS, type View, type Zoom } from './curve.ts';
import { AXIS_NAMES, METRIC_NAMES } from './format.ts';
import type { Theme } from './palette.ts';

interface Props {
  readonly runs: readonly CurveRun[];
  readonly view: View;
  readonly theme: Theme;
  readonly onView: (view: View) => void;
  /** What the chart shows, in a sentence. */
  readonly label: string;
}

export function CurvePanel({ runs, view, theme, onView, label }: Props) {
  const curves = useMemo(() => curvesOf(runs, view), [runs, view]);
  const change = (part: Partial<View>) => onView({ ...view, ...part });
  const rate = view.metric === 'learning_rate';
  // A part of one axis says nothing of another one.
  const [zoom, setZoom] = useState<{ readonly axis: Axis; readonly part: Zoom } | null>(null);
  return (
    <div class="curve-panel">
      <div class="curve-controls">
        <Choice
          legend="show"
          name="metric"
          choices={METRICS}
          names={METRIC_NAMES}
          value={view.metric}
          onChange={(metric) =>
            change({ metric, log: metric !== 'accuracy' && (metric === 'learning_rate' || view.log) })
          }
        />
        <Choice
          legend="by"
          name="axis"
          choices={AXES}
          names={{ ...AXIS_NAMES, step: 'step', seconds: 'seconds' }}
          value={view.axis}
          onChange={(axis) => change({ axis })}
        />
        <Check
          label="validation"
          checked={view.validation}
          disabled={rate}
          onChange={(validation) => change({ validation })}
        />
        <Check label="training" checked={view.training} disabled={rate} onChange={(training) => change({ training })} />
        <Check label="log" checked={view.log} onChange={(log) => change({ log })} />
        <label class="curve-smoothing">
          smoothing
          <input
            type="range"
            min="0"
            max="0.98"
            step="0.02"
            value={view.smoothing}
            disabled={rate || !view.training}
            aria-valuetext={view.smoothing === 0 ? 'none' : view.smoothing.toFixed(2)}
            onInput={(event) => change({ smoothing: event.currentTarget.valueAsNumber })}
          />
        </label>
      </div>
      <CurveChart
        curves={curves}
        view={view}
        theme={theme}
        zoom={zoom?.axis === view.axis ? zoom.part : null}
        label={label}
        onZoom={(part) => setZoom(part && { axis: view.axis, part })}
      />
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  readonly legend: string;
  readonly name: string;
  readonly choices: readonly Value[];
  readonly names: Readonly<Record<Value, string>>;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

/** One of a few, side by side; the arrow keys go from one to the next. */
function Choice<Value extends string>({ legend, name, choices, names, value, onChange }: ChoiceProps<Value>) {
  return (
    <fieldset class="curve-choice">
      <legend>{legend}</legend>
      {choices.map((choice) => (
        <label key={choice}>
          <input type="radio" name={name} checked={choice === value} onChange={() => onChange(choice)} />
          <span>{names[choice]}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface CheckProps {
  readonly label: string;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly onChange: (checked: boolean) => void;
}

function Check({ label, checked, disabled = false, onChange }: CheckProps) {
  return (
    <label class="curve-check">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}
