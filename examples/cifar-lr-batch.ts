/**
 * The study of learning rate and batch size:  npm run cifar [-- FLAGS]   (npm run cifar -- --help)
 *
 * Trains one small network six times on CIFAR-10 and compares the runs in a table, sentences, charts and results.json.
 */

import { type Device, type ImageDataset, openDevice } from '../src/index.ts';
import { describeData, loadData } from './study/data.ts';
import { environmentOf } from './study/environment.ts';
import { count, shortRate } from './study/facts.ts';
import { Forecast } from './study/forecast.ts';
import { onInterrupt } from './study/interrupt.ts';
import { readFlags } from './study/options.ts';
import { Progress } from './study/progress.ts';
import { report, type StudyFacts, writeNumbers } from './study/report.ts';
import { outliveReaders, reportError } from './study/reportError.ts';
import { Screen } from './study/screen.ts';
import { type Settings, settingsFor } from './study/settings.ts';
import { TerminalChart } from './study/terminalChart.ts';
import { type RunOutcome, trainRun } from './study/trainRun.ts';

const INTERRUPTED = 130;

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  const flags = readFlags(argv);
  outliveReaders(flags.out);
  const screen = new Screen(process.stdout, process.env);
  const signal = onInterrupt(screen);
  const device = await openDevice({ adapter: flags.adapter });
  try {
    const settings = settingsFor(flags, device.info.software);
    const data = await loadData({ dir: flags.data, train: settings.train, test: settings.test, signal });
    const facts: StudyFacts = {
      adapter: device.info.name,
      software: device.info.software,
      data: describeData(data),
      preset: settings.preset,
      seed: settings.seed,
      validationImages: data.test.labels.length,
    };
    console.log(`${facts.data} (${data.source})`);
    console.log(`${facts.adapter}${facts.software ? ' (software)' : ''}, preset ${facts.preset}, seed ${facts.seed}`);

    const progress = await Progress.open(flags.out, facts, settings, flags.resume);
    const { out, chart } = flags;
    const outcomes = await trainAll(settings, { device, data, signal, facts, progress, out, screen, chart });
    if (outcomes.length === 0) console.log('Stopped before the first batch: nothing to report.');
    else {
      const results = await writeNumbers(out, facts, outcomes);
      const environment = environmentOf({ facts, device: device.info, source: data.source, argv });
      await report(out, { results, outcomes, data, environment });
    }
    if (!signal.aborted) await progress.end();
    return signal.aborted ? INTERRUPTED : 0;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return INTERRUPTED;
    throw error;
  } finally {
    device.close();
  }
}

interface Study {
  readonly device: Device;
  readonly data: ImageDataset;
  readonly signal: AbortSignal;
  readonly facts: StudyFacts;
  readonly progress: Progress;
  readonly out: string;
  readonly screen: Screen;
  /** Whether the screen shows a chart of the run. */
  readonly chart: boolean;
}

/** Makes the runs one after the other. The numbers are written after each; a crash costs an epoch (`--resume`). */
async function trainAll(settings: Settings, study: Study): Promise<RunOutcome[]> {
  const { device, data, signal, facts, progress, out, screen, chart } = study;
  const { runs } = settings;
  const forecast = new Forecast(data.train.labels.length, screen.print);
  const outcomes: RunOutcome[] = [];
  for (const [at, run] of runs.entries()) {
    if (signal.aborted) break;
    const epochs = runs.slice(at).reduce((sum, one) => sum + one.epochs, 0);
    const { name, learningRate, batchSize } = run;
    const setup = `learning rate ${shortRate(learningRate)}, batch ${batchSize}, ${count(run.epochs, 'epoch')}`;
    const left = forecast.left(epochs);
    console.log(`\nrun ${at + 1} of ${runs.length}: ${name} (${setup})${left === '' ? '' : `, ${left}`}`);
    const before = progress.outcomeOf(run);
    if (before !== undefined) {
      console.log('Done before the interruption.');
      outcomes.push(before);
      continue;
    }
    const baseline = outcomes.find((one) => one.run.name === 'baseline')?.run.history ?? null;
    const outcome = await trainRun(run, {
      device,
      data,
      settings,
      signal,
      backup: progress.backupOf(run),
      screen,
      follow: (watch) => [
        forecast.follow(watch, run, runs.slice(at + 1)),
        ...(chart ? [new TerminalChart(screen, baseline)] : []),
      ],
    });
    if (outcome === null) break;
    outcomes.push(outcome);
    await writeNumbers(out, facts, outcomes);
    if (!signal.aborted) await progress.done(outcome);
  }
  return outcomes;
}

try {
  process.exitCode = await main();
} catch (error) {
  reportError(error);
}
