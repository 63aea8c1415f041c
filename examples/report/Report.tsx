/** What the study found, on one page that can be read, played with and printed. */

import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { filterPixels } from '../../src/pictures/index.ts';
import { epochsText, settled } from '../study/epochs.ts';
import { epochRange } from '../study/epochTimes.ts';
import type { Exhibits } from '../study/exhibits.ts';
import {
  adapterText,
  best,
  epochsRun,
  last,
  mean,
  percent,
  shortLoss,
  shortRate,
  trainingsOf,
} from '../study/facts.ts';
import { judgeStudy } from '../study/judgeStudy.ts';
import type { RunResult, Training } from '../study/results.ts';
import { averaged, seedsOf, seedsText } from '../study/seeds.ts';
import { average, deviation } from '../study/statistics.ts';
import type { Verdict } from '../study/verdict.ts';
import { ConfusionTable } from '../ui/ConfusionTable.tsx';
import { CurvePanel } from '../ui/CurvePanel.tsx';
import { FIRST_VIEW, METRICS, type View } from '../ui/curve.ts';
import { Filters } from '../ui/Filters.tsx';
import { METRIC_NAMES } from '../ui/format.ts';
import { colorOf, type Theme } from '../ui/palette.ts';
import { SampleGrid } from '../ui/SampleGrid.tsx';
import { Swatch } from '../ui/Swatch.tsx';
import { toneOf } from '../ui/tone.ts';
import { curvesOfResults } from './curvesOfResults.ts';
import { pixelsOf, type ReportData } from './reportData.ts';
import { twinOf } from './twins.ts';

/** A reading an epoch needs no smoothing. */
const VIEW: View = { ...FIRST_VIEW, smoothing: 0 };

export function Report({ data }: { readonly data: ReportData }) {
  const { results, environment, exhibits } = data;
  const theme = useTheme();
  const [view, setView] = useState(VIEW);
  const curves = useMemo(() => curvesOfResults(results, data.trainingImages), [data]);
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const [front, setFront] = useState<string | null>(null);
  const shown = useMemo(() => curves.map((run) => ({ ...run, visible: !hidden.includes(run.id) })), [curves, hidden]);
  // What is drawn last lies on top.
  const drawn = useMemo(
    () => [...shown.filter(({ id }) => id !== front), ...shown.filter(({ id }) => id === front)],
    [shown, front],
  );
  const { runs } = results;
  const seeds = seedsOf(runs, results.seed);
  const { verdicts, headline } = useMemo(() => judgeStudy(runs, results.validationImages ?? Number.NaN), [results]);
  const synthetic = !results.data.startsWith('CIFAR-10');
  return (
    <main>
      <header>
        <p class="kicker">The study of learning rate and batch size</p>
        <h1>
          {synthetic && `On ${results.data.split(',')[0]}: `}
          {headline}
        </h1>
        <p class="soft">
          {results.data} · {adapterText(results)} · preset {results.preset} · {seedsText(seeds)}
        </p>
      </header>
      <section class="card">
        <CurvePanel runs={drawn} view={view} theme={theme} onView={setView} label={headline} />
        <div class="legend">
          {shown.map(({ id, name, color, visible }, i) => (
            <label
              key={id}
              style={{ color: colorOf(color, theme) }}
              onPointerEnter={() => setFront(id)}
              onPointerLeave={() => setFront(null)}
              onFocusIn={() => setFront(id)}
              onFocusOut={() => setFront(null)}
            >
              <input
                type="checkbox"
                checked={visible}
                onChange={() => setHidden(visible ? [...hidden, id] : hidden.filter((one) => one !== id))}
              />
              <Swatch place={color} theme={theme} />
              {name}
              <SameAs runs={runs} at={i} />
            </label>
          ))}
        </div>
        <p class="soft">{strokes(results.runs, seeds)}</p>
      </section>
      {METRICS.filter((metric) => metric !== view.metric).map((metric) => (
        <OnPaper key={metric}>
          <CurvePanel
            runs={shown}
            view={{ ...view, metric, log: metric === 'learning_rate' }}
            theme={theme}
            onView={() => {}}
            label={METRIC_NAMES[metric]}
          />
        </OnPaper>
      ))}
      <section class="card">
        <h2>What each run showed</h2>
        <dl class="sentences">
          {runs.map((run, i) => (
            <div key={run.name}>
              <dt style={{ color: colorOf(curves[i].color, theme) }}>
                {run.name}
                <span class={`verdict ${toneOf(verdicts[i])}`}>{verdicts[i].verdict}</span>
              </dt>
              <dd>{verdicts[i].sentence}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section class="card">
        <h2 id="numbers-title">
          Numbers{seeds.length > 1 && `: means over ${seedsText(seeds)}, with their standard deviation`}
        </h2>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section class="wide" tabIndex={0} aria-labelledby="numbers-title">
          <Numbers runs={runs} verdicts={verdicts} />
        </section>
      </section>
      {runs.map((run, i) => (
        <Exhibit
          key={run.name}
          title={seeds.length > 1 ? `${run.name}, seed ${run.seed ?? results.seed}` : run.name}
          exhibits={exhibits[i]}
          data={data}
          color={colorOf(curves[i].color, theme)}
        />
      ))}
      <section class="card">
        <h2>How it was made</h2>
        <table class="environment">
          <tbody>
            {environment.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{name === 'command' ? <code>{value}</code> : value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </main>
  );
}

/** What the strokes of the chart stand for. */
function strokes(runs: readonly RunResult[], seeds: readonly number[]): string {
  const parts = ['Solid: validation, dashed: training'];
  if (seeds.length > 1)
    parts.push(`lines are means over ${seedsText(seeds)}, areas reach from the lowest to the highest of them`);
  else if (runs.some(({ controls = [] }) => controls.length > 0))
    parts.push('dotted: where the rate fell, what training on at the old rate came to');
  if (runs.some(({ interrupted }) => interrupted)) parts.push('open circle: stopped within an epoch');
  parts.push('point at a name to have its curve on top');
  return `${parts.join('; ')}.`;
}

/** Of a run whose curve lies on that of one before it. */
function SameAs({ runs, at }: { readonly runs: readonly RunResult[]; readonly at: number }) {
  const twin = useMemo(() => twinOf(runs, at), [runs, at]);
  if (twin === null) return null;
  const whole = twin.epoch === epochsRun(runs[at]);
  return (
    <span class="soft">
      {' '}
      same as {twin.name}
      {!whole && ` up to epoch ${twin.epoch}`}
    </span>
  );
}

/** What only a printed page shows: there a chart shows one metric only. Out of sight it has a size, so that it is drawn. */
function OnPaper({ children }: { readonly children: ComponentChildren }) {
  return (
    // Its form keeps its choices apart from those of the chart on the screen.
    <form class="card on-paper" aria-hidden="true" inert>
      {children}
    </form>
  );
}

/** A mean over the seeds, with its standard deviation where there are several. */
function overSeeds(run: RunResult, of: (training: Training) => number, text: (value: number) => string): string {
  const values = trainingsOf(run).map(of);
  const spread = deviation(values);
  // Of what is not finite, the mean is not either.
  const middle = average(values);
  return Number.isFinite(spread) ? `${text(middle)} (sd ${text(spread)})` : text(middle);
}

const NUMBERS: readonly (readonly [head: string, of: (run: RunResult) => string])[] = [
  ['rate', (run) => shortRate(run.learningRate)],
  ['batch', (run) => String(run.batchSize)],
  ['epochs', epochsText],
  ['training accuracy', (run) => overSeeds(run, ({ history }) => last(history.accuracy), percent)],
  ['validation accuracy', (run) => overSeeds(run, ({ history }) => last(history.val_accuracy), percent)],
  ['best', (run) => percent(mean(trainingsOf(run).map(({ history }) => best(history.val_accuracy).value)))],
  ['training loss', (run) => overSeeds(run, ({ history }) => last(history.loss), shortLoss)],
  ['validation loss', (run) => overSeeds(run, ({ history }) => last(history.val_loss), shortLoss)],
  ['seconds an epoch', secondsText],
  ['images a second', (run) => Math.round(averaged(run).imagesPerSecond).toLocaleString('en-US')],
];

/** The median, and from the fastest epoch to the slowest. */
function secondsText(run: RunResult): string {
  const short = (value: number): string => String(Number(value.toPrecision(3)));
  const { low, high } = epochRange(trainingsOf(run));
  const median = short(averaged(run).secondsPerEpoch);
  return low === undefined || low === high ? median : `${median} (${short(low)} to ${short(high)})`;
}

function Numbers({ runs, verdicts }: { readonly runs: readonly RunResult[]; readonly verdicts: readonly Verdict[] }) {
  return (
    <table class="numbers">
      <thead>
        <tr>
          <th scope="col">run</th>
          {NUMBERS.map(([head]) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
          <th scope="col">verdict</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run, i) => (
          <tr key={run.name}>
            <th scope="row">{run.name}</th>
            {NUMBERS.map(([head, of]) => (
              <td key={head}>{of(head === 'epochs' ? run : settled(run))}</td>
            ))}
            <td class={toneOf(verdicts[i])}>{verdicts[i].verdict}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ExhibitProps {
  readonly title: string;
  readonly exhibits: Exhibits;
  readonly data: ReportData;
  readonly color: string;
}

/** What the network of a run has become. */
function Exhibit({ title, exhibits, data, color }: ExhibitProps) {
  const { classNames, samples } = data;
  const { confusion, filters, predictions } = exhibits;
  const images = useMemo(() => samples.map(pixelsOf), [samples]);
  const pixels = useMemo(
    () => [filters.before, filters.after].map((weights) => filterPixels({ shape: filters.shape, data: weights })),
    [filters],
  );
  const tested = confusion.flat().reduce((sum, count) => sum + count, 0);
  const right = classNames.reduce((sum, _, truth) => sum + confusion[truth][truth], 0);
  return (
    <section class="card exhibit">
      <h2 style={{ color }}>{title}</h2>
      <div class="pair">
        <div>
          <h3>
            Right about {right.toLocaleString('en-US')} of {tested.toLocaleString('en-US')} test images (
            {percent(right / tested)})
          </h3>
          <ConfusionTable classNames={classNames} counts={confusion} />
        </div>
        <div>
          <h3>First filters before training</h3>
          <Filters filters={pixels[0]} />
          <h3>and after</h3>
          <Filters filters={pixels[1]} />
          <p class="soft">
            Grey is a weight of 0; each filter is as bright as its largest weight. Magenta: not a number.
          </p>
        </div>
      </div>
      <h3>The first {samples.length} test images</h3>
      <SampleGrid
        images={images}
        labels={samples.map(({ label }) => label)}
        classNames={classNames}
        predictions={predictions}
      />
    </section>
  );
}

/** As the system has it; on paper light. */
function useTheme(): Theme {
  const [theme, setTheme] = useState<Theme>('light');
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(dark.matches ? 'dark' : 'light');
    const onPaper = () => setTheme('light');
    follow();
    dark.addEventListener('change', follow);
    addEventListener('beforeprint', onPaper);
    addEventListener('afterprint', follow);
    return () => {
      dark.removeEventListener('change', follow);
      removeEventListener('beforeprint', onPaper);
      removeEventListener('afterprint', follow);
    };
  }, []);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return theme;
}
