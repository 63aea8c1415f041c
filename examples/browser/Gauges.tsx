/** How fast it goes and what it takes. */

import type { Store } from './store.ts';

export function Gauges({ store }: { readonly store: Store }) {
  const gauge = store.gauge.value;
  const { training } = store.current.value ?? store.shown.value ?? { training: null };
  const figure = (value: number | undefined, digits: (value: number) => string): string =>
    value === undefined || !Number.isFinite(value) ? '–' : digits(value);
  const figures: readonly (readonly [name: string, value: string])[] = [
    ['images a second', figure(gauge?.imagesPerSecond, (value) => Math.round(value).toLocaleString('en-US'))],
    ['ms a step', figure(gauge?.stepMs, (value) => value.toFixed(value < 10 ? 2 : 0))],
    ['GPU memory', figure(gauge?.gpuBytes, (value) => `${(value / 2 ** 20).toFixed(1)} MiB`)],
    ['step', figure(training?.step.at(-1), (value) => value.toLocaleString('en-US'))],
    ['seconds trained', figure(training?.seconds.at(-1), (value) => value.toFixed(1))],
  ];
  return (
    <dl class="gauges">
      {figures.map(([name, value]) => (
        <div key={name} data-gauge={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
