/** What the study found, on one page that can be read, played with and printed. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { filterPixels } from '../../src/pictures/pixels.ts';
import type { Exhibits } from '../study/exhibits.ts';
import { best, epochsRun, last, percent, shortLoss, shortRate } from '../study/facts.ts';
import { judgeStudy } from '../study/judgeStudy.ts';
import type { RunResult } from '../study/results.ts';
import type { Verdict } from '../study/verdict.ts';
import { ConfusionTable } from '../ui/ConfusionTable.tsx';
import { CurvePanel } from '../ui/CurvePanel.tsx';
import { FIRST_VIEW, type View } from '../ui/curve.ts';
import { Filters } from '../ui/Filters.tsx';
import { colorOf, type Theme } from '../ui/palette.ts';
import { SampleGrid } from '../ui/SampleGrid.tsx';
import { toneOf } from '../ui/tone.ts';
import { curvesOfResults } from './curvesOfResults.ts';
import { pixelsOf, type ReportData } from './reportData.ts';

/** A reading an epoch needs no smoothing. */
const VIEW: View = { ...FIRST_VIEW, smoothing: 0 };

export function Report({ data }: { readonly data: ReportData }) {
  const { results, environment, exhibits } = data;
  const theme = useTheme();
  const [view, setView] = useState(VIEW);
  const curves = useMemo(() => curvesOfResults(results, data.trainingImages), [data]);
  const [hidden, setHidden] = useState<readonly string[]>([]);
  const shown = useMemo(() => curves.map((run) => ({ ...run, visible: !hidden.includes(run.id) })), [curves, hidden]);
  const { runs } = results;
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
          {results.data} · {results.adapter}
          {results.software ? ' (software)' : ''} · preset {results.preset} · seed {results.seed}
        </p>
      </header>
      <section class="card">
        <CurvePanel runs={shown} view={view} theme={theme} onView={setView} label={headline} />
        <div class="legend">
          {shown.map(({ id, name, color, visible }) => (
            <label key={id} style={{ color: colorOf(color, theme) }}>
              <input
                type="checkbox"
                checked={visible}
                onChange={() => setHidden(visible ? [...hidden, id] : hidden.filter((one) => one !== id))}
              />
              {name}
            </label>
          ))}
        </div>
      </section>
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
      <section class="card wide">
        <h2>Numbers</h2>
        <Numbers runs={runs} verdicts={verdicts} />
      </section>
      {runs.map((run, i) => (
        <Exhibit key={run.name} run={run} exhibits={exhibits[i]} data={data} color={colorOf(curves[i].color, theme)} />
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

const NUMBERS: readonly (readonly [head: string, of: (run: RunResult) => string])[] = [
  ['rate', (run) => shortRate(run.learningRate)],
  ['batch', (run) => String(run.batchSize)],
  ['epochs', (run) => (epochsRun(run) === run.epochs ? String(run.epochs) : `${epochsRun(run)} of ${run.epochs}`)],
  ['training accuracy', (run) => percent(last(run.history.accuracy))],
  ['validation accuracy', (run) => percent(last(run.history.val_accuracy))],
  ['best', (run) => percent(best(run.history.val_accuracy).value)],
  ['training loss', (run) => shortLoss(last(run.history.loss))],
  ['validation loss', (run) => shortLoss(last(run.history.val_loss))],
  ['seconds an epoch', (run) => String(Number(run.secondsPerEpoch.toPrecision(3)))],
  ['images a second', (run) => Math.round(run.imagesPerSecond).toLocaleString('en-US')],
];

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
              <td key={head}>{of(run)}</td>
            ))}
            <td class={toneOf(verdicts[i])}>{verdicts[i].verdict}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ExhibitProps {
  readonly run: RunResult;
  readonly exhibits: Exhibits;
  readonly data: ReportData;
  readonly color: string;
}

/** What the network of a run has become. */
function Exhibit({ run, exhibits, data, color }: ExhibitProps) {
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
      <h2 style={{ color }}>{run.name}</h2>
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
