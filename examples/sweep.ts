/**
 * The plane of learning rate and batch size:  npm run sweep [-- FLAGS]   (npm run sweep -- --help)
 *
 * Trains the study's network on CIFAR-10 at every rate and batch size, stops the hopeless trials, and says which point to use.
 */

import { grid, processes, sweep } from '../src/sweep/index.ts';
import { describeData, loadData } from './study/data.ts';
import { adapterText } from './study/facts.ts';
import { onInterrupt, workOn } from './study/interrupt.ts';
import { outliveReaders, reportError } from './study/reportError.ts';
import { prepareFolder } from './study/resultFiles.ts';
import { Screen } from './study/screen.ts';
import { wrapped } from './study/wrap.ts';
import { serveLive } from './sweep/live.ts';
import { FIRST_RUNG, readFlags } from './sweep/options.ts';
import type { SweepFacts } from './sweep/plane.ts';
import { ProgressLine } from './sweep/progressLine.ts';
import { report, wordsOf } from './sweep/report.ts';
import { trainerOn } from './sweep/trainer.ts';
import type { WorkerSettings } from './sweep/worker.ts';

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2));
  const { rates, batches, train, test, epochs, halving, parallel, adapter, out } = flags;
  outliveReaders(out);
  await prepareFolder(out);
  const screen = new Screen(process.stdout, process.env);
  const signal = onInterrupt(screen);
  return workOn(adapter, signal, async (device) => {
    const data = await loadData({ dir: flags.data, train, test, signal });
    const { name, software } = device.info;
    const facts = {
      ...{ adapter: name, software, data: describeData(data), epochs },
      trainingImages: data.train.labels.length,
      validationImages: data.test.labels.length,
    };
    const seeds = Array.from({ length: flags.seeds }, (_, i) => flags.seed + i);
    const trials = rates.length * batches.length * seeds.length;
    console.log(wrapped(`${facts.data} (${data.source})`, screen.width));
    console.log(wrapped(`${adapterText(facts)}, ${trials} trials of up to ${epochs} epochs`, screen.width));

    const settings: WorkerSettings = { adapter, data: flags.data, train, test };
    const worker = new URL('./sweep/worker.ts', import.meta.url);
    const line = new ProgressLine(screen);
    let known: SweepFacts = { ...facts, rungs: [], trials: [] };
    const live = flags.open ? await serveLive(() => ({ facts: known, words: wordsOf(known), charts: [] })) : null;
    if (live !== null) console.log(`The map as it grows: ${live.address}`);
    const result = await sweep({
      // The largest batches first: their epochs are the fastest, so that a map is soon there.
      space: grid({ batchSize: batches.toReversed(), learningRate: rates }),
      seeds,
      epochs,
      folder: out,
      halving: halving && { factor: 3, minEpochs: FIRST_RUNG, groupBy: ['batchSize'] },
      conditions: { data: facts.data, adapter: name },
      signal,
      ...(parallel === 1
        ? { train: trainerOn(device, data) }
        : { runner: processes(worker, { parallel, arguments: [JSON.stringify(settings)] }) }),
      onProgress: (progress) => {
        known = { ...known, trials: progress.trials };
        line.show(progress);
      },
    });
    line.end();
    const all: SweepFacts = { ...facts, rungs: result.rungs, trials: result.trials };
    if (all.trials.every((trial) => trial.epochs.length === 0))
      console.log('Stopped before the first epoch: nothing to report.');
    else await report(out, all, { target: flags.target, width: screen.width });
    await live?.end();
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  reportError(error);
}
