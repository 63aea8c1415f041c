/**
 * The study of learning rate and batch size:  npm run cifar [-- FLAGS]   (npm run cifar -- --help)
 *
 * Trains one small network six times on CIFAR-10 and compares the runs in a table, sentences, charts and results.json.
 */

import type { Device, ImageDataset } from '../src/index.ts';
import { describeData, loadData } from './study/data.ts';
import { environmentOf } from './study/environment.ts';
import { adapterText, count, shortRate } from './study/facts.ts';
import { Forecast } from './study/forecast.ts';
import { onInterrupt, workOn } from './study/interrupt.ts';
import { readFlags } from './study/options.ts';
import { Progress } from './study/progress.ts';
import { report, writeNumbers } from './study/report.ts';
import { outliveReaders, reportError } from './study/reportError.ts';
import { prepareFolder } from './study/resultFiles.ts';
import type { StudyFacts, UnjudgedRun } from './study/results.ts';
import { Screen } from './study/screen.ts';
import { seedsText, trainingWith } from './study/seeds.ts';
import { type Settings, settingsFor } from './study/settings.ts';
import { TerminalChart } from './study/terminalChart.ts';
import { type RunOutcome, trainRun } from './study/trainRun.ts';
import { wrapped } from './study/wrap.ts';

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  const flags = readFlags(argv);
  outliveReaders(flags.out);
  await prepareFolder(flags.out);
  const screen = new Screen(process.stdout, process.env);
  const signal = onInterrupt(screen);
  return workOn(flags.adapter, signal, async (device) => {
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
    const { width } = screen;
    console.log(wrapped(`${facts.data} (${data.source})`, width));
    console.log(wrapped(`${adapterText(facts)}, preset ${facts.preset}, ${seedsText(settings.seeds)}`, width));

    const progress = await Progress.open(flags.out, facts, settings, flags.resume);
    const { out, chart } = flags;
    const outcomes = await trainAll(settings, { device, data, signal, facts, progress, out, screen, chart });
    if (outcomes.length === 0) console.log('Stopped before the first batch: nothing to report.');
    else {
      const results = await writeNumbers(out, facts, outcomes);
      const environment = environmentOf({ facts, device: device.info, source: data.source, argv });
      await report(out, { results, outcomes, data, environment }, screen.width);
    }
    if (!signal.aborted) await progress.end();
  });
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

/**
 * Makes the runs one after the other, all of a seed before those of the next: a study that is interrupted has whole comparisons.
 * The numbers are written after each; a crash costs an epoch (`--resume`).
 */
async function trainAll(settings: Settings, study: Study): Promise<RunOutcome[]> {
  const { device, data, signal, facts, progress, out, screen, chart } = study;
  const { runs, seeds } = settings;
  const forecast = new Forecast(data.train.labels.length, screen.print);
  const outcomes: RunOutcome[] = [];
  const units = seeds.flatMap((seed) => runs.map((run) => ({ run, seed })));
  for (const [at, { run, seed }] of units.entries()) {
    if (signal.aborted) break;
    const first = seed === settings.seed;
    const after = units.slice(at + 1).map((unit) => unit.run);
    const epochs = [run, ...after].reduce((sum, one) => sum + one.epochs, 0);
    const { name, learningRate, batchSize } = run;
    const setup = `learning rate ${shortRate(learningRate)}, batch ${batchSize}, ${count(run.epochs, 'epoch')}`;
    const left = forecast.left(epochs);
    const which = seeds.length === 1 ? '' : ` with seed ${seed}`;
    const line = `run ${at + 1} of ${units.length}: ${name}${which} (${setup})${left === '' ? '' : `, ${left}`}`;
    console.log(`\n${wrapped(line, screen.width)}`);
    const place = first ? -1 : outcomes.findIndex((one) => one.run.name === name);
    const before = progress.outcomeOf(run);
    if (before !== undefined && trainingWith(before.run, seed, settings.seed) !== null) {
      console.log('Done before the interruption.');
      // With the other seeds that are done, whose turn comes later.
      if (first) outcomes.push(before);
      continue;
    }
    const compared = outcomes.find((one) => one.run.name === 'baseline');
    // The one with the same seed: weights, order and dropout are the same.
    const baseline = compared && trainingWith(compared.run, seed, settings.seed);
    const outcome = await trainRun(run, {
      device,
      data,
      settings,
      seed,
      signal,
      backup: progress.backupOf(run, first ? undefined : seed),
      screen,
      follow: (watch, owed) => [
        forecast.follow(watch, run, after, owed),
        ...(chart ? [new TerminalChart(screen, baseline?.history ?? null)] : []),
      ],
    });
    if (outcome === null) break;
    if (first) outcomes.push(outcome);
    else if (signal.aborted) {
      screen.print(`What ${name} came to with seed ${seed} is left out: it was stopped.`);
      break;
    } else outcomes[place] = withRepeat(outcomes[place], outcome.run);
    await writeNumbers(out, facts, outcomes);
    if (signal.aborted) break;
    if (first) await progress.done(outcome);
    else await progress.doneAgain(outcome.run);
  }
  return outcomes;
}

function withRepeat(
  { run, exhibits }: RunOutcome,
  { name: _, learningRate: _rate, batchSize: _batch, epochs: _epochs, ...again }: UnjudgedRun,
) {
  return { run: { ...run, repeats: [...(run.repeats ?? []), again] }, exhibits };
}

try {
  process.exitCode = await main();
} catch (error) {
  reportError(error);
}
