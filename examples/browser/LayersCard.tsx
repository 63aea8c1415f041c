/** Weights and gradients of a run's layers: how they are spread now, and how their norms went. */

import type { LayerNorms } from './norms.ts';
import type { LayerLook, OptimizerPlan, Spread } from './protocol.ts';
import type { Store } from './store.ts';

const NOBODY: LayerNorms = { name: '', weight: [], gradient: [], moved: [] };

export function LayersCard({ store }: { readonly store: Store }) {
  const exhibits = store.exhibits.value;
  const run = store.exhibited.value;
  const whose = store.exhibitor.value;
  const layers = exhibits?.layers ?? [];
  const step = run?.norms.step ?? [];
  return (
    <section class="card layers" aria-labelledby="layers-title">
      <h2 id="layers-title">Weights and gradients{whose === null ? '' : ` of ${whose}`}</h2>
      <p class="hint">
        {layers.length === 0
          ? 'Layer by layer, as soon as a network is trained.'
          : run === null
            ? 'As they are in the file; a gradient only where Adam’s mean of it is there as well.'
            : `After ${exhibits?.step.toLocaleString('en-US')} steps. ${gradientWords(run.plan)}`}
      </p>
      <ul>
        {layers.map((layer) => (
          <Layer
            key={layer.name}
            layer={layer}
            step={step}
            norms={run?.norms.layers.find(({ name }) => name === layer.name) ?? NOBODY}
          />
        ))}
      </ul>
    </section>
  );
}

/** What stands for the gradient, exactly; see `gradientsOf`. */
function gradientWords({ optimizer, momentum, beta1, rho }: OptimizerPlan): string {
  const about = (share: number): string => {
    const steps = Math.round(1 / (1 - share));
    return steps === 1 ? 'of the last step alone' : `over about the last ${steps} steps`;
  };
  switch (optimizer) {
    case 'adam':
    case 'adamw':
      return `Gradient: Adam’s running mean, ${about(beta1)}.`;
    case 'rmsprop':
      return `Gradient: its size alone, from RMSprop’s running mean of squares, ${about(rho)}.`;
    case 'sgd':
      return momentum > 0
        ? `Gradient: momentum’s running mean, ${about(momentum)}.`
        : 'Gradient: the mean over all steps since the look before.';
  }
}

interface LayerProps {
  readonly layer: LayerLook;
  readonly step: readonly number[];
  readonly norms: LayerNorms;
}

function Layer({ layer, step, norms }: LayerProps) {
  const { name, weights, gradients, weightNorm, gradientNorm, moved } = layer;
  return (
    <li>
      <h3>{name}</h3>
      <Histogram what="weights" spread={weights} />
      <Histogram what="gradient" spread={gradients} />
      <Line what="weight norm" value={short(weightNorm)} x={step} y={norms.weight} />
      <Line what="gradient norm" value={short(gradientNorm)} x={step} y={norms.gradient} />
      <Line
        what="moved a step"
        value={Number.isFinite(moved) ? `${short(100 * moved)} %` : '–'}
        x={step}
        y={norms.moved}
      />
    </li>
  );
}

const short = (value: number): string => {
  if (Number.isNaN(value)) return '–';
  return Number.isFinite(value) ? String(Number(value.toPrecision(2))) : 'infinite';
};

/** Of the drawings, in units of their own; they are as wide as their place. */
const WIDTH = 100;
const HEIGHT = 30;

function Histogram({ what, spread }: { readonly what: string; readonly spread: Spread | null }) {
  const range = spread === null ? '–' : `${short(spread.low)} to ${short(spread.high)}`;
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {spread !== null && <path class="area" d={areaOf(spread)} />}
        {spread !== null && spread.low < 0 && spread.high > 0 && (
          <path class="zero" d={`M${(WIDTH * -spread.low) / (spread.high - spread.low)} 0V${HEIGHT}`} />
        )}
      </svg>
      <figcaption>
        {what} <b>{range}</b>
      </figcaption>
    </figure>
  );
}

function areaOf({ counts }: Spread): string {
  const most = Math.max(...counts);
  const wide = WIDTH / counts.length;
  const steps = counts.map((count, i) => `V${HEIGHT - (HEIGHT * count) / most}H${(i + 1) * wide}`);
  return `M0 ${HEIGHT}${steps.join('')}V${HEIGHT}Z`;
}

interface LineProps {
  readonly what: string;
  readonly value: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

function Line({ what, value, x, y }: LineProps) {
  return (
    <figure>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="line" d={lineOf(x, y)} />
      </svg>
      <figcaption>
        {what} <b>{value}</b>
      </figcaption>
    </figure>
  );
}

/** From 0 up, so that a norm that hardly changes looks as it is; a place without a number is a gap. */
function lineOf(x: readonly number[], y: readonly number[]): string {
  const most = Math.max(0, ...y.filter(Number.isFinite));
  const last = x.at(-1) ?? 0;
  if (most === 0 || last === 0) return '';
  let pen = 'M';
  return y
    .map((value, i) => {
      if (!Number.isFinite(value)) {
        pen = 'M';
        return '';
      }
      const point = `${pen}${(WIDTH * x[i]) / last} ${HEIGHT - ((HEIGHT - 2) * value) / most - 1}`;
      pen = 'L';
      return point;
    })
    .join('');
}
