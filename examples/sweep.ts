/**
 * The plane of learning rate and batch size:  npm run sweep [-- FLAGS]   (npm run sweep -- --help)
 *
 * Trains the study's network on CIFAR-10 at every rate and batch size, stops the hopeless trials, and says which point to use.
 */

import { type ImageDataset, openDevice } from '../src/index.ts';
import { grid, processes, type SweepOptions, sweep } from '../src/sweep/index.ts';
import { queue } from '../src/sweep/queue/index.ts';
import { describeData, loadData } from './study/data.ts';
import { adapterText } from './study/facts.ts';
import { onInterrupt, workOn, workUntil } from './study/interrupt.ts';
import { outliveReaders, reportError } from './study/reportError.ts';
import { prepareFolder } from './study/resultFiles.ts';
import { Screen } from './study/screen.ts';
import { wrapped } from './study/wrap.ts';
import { conditionsOf } from './sweep/conditions.ts';
import { serveLive } from './sweep/live.ts';
import { FIRST_RUNG, type Flags, readFlags } from './sweep/options.ts';
import type { SweepFacts } from './sweep/plane.ts';
import type { Point } from './sweep/point.ts';
import { ProgressLine } from './sweep/progressLine.ts';
import { report, wordsOf } from './sweep/report.ts';
import { trainerOn } from './sweep/trainer.ts';
import type { MachineSettings, SweepSettings } from './sweep/worker.ts';

/** On what trials are trained. */
interface Adapter {
  readonly name: string;
  readonly software: boolean;
}

type Trainer = Pick<SweepOptions<Point>, 'train' | 'runner'>;

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2));
  const { adapter, parallel, train, test } = flags;
  outliveReaders(flags.out);
  await prepareFolder(flags.out);
  const screen = new Screen(process.stdout, process.env);
  const signal = onInterrupt(screen);
  const told: SweepSettings = { train, test };
  const words = [JSON.stringify(told)];
  if (flags.queue !== undefined) {
    const runner = queue(flags.queue, { arguments: words });
    const { workers: name } = flags;
    const asked = name === undefined ? await adapterHere(adapter) : { name, software: SOFTWARE.test(name) };
    return workUntil(signal, () => mapPlane(flags, screen, signal, asked, () => ({ runner })));
  }
  return workOn(adapter, signal, (device) =>
    mapPlane(flags, screen, signal, device.info, (data) => {
      if (parallel === 1) return { train: trainerOn(device, data) };
      const machine: MachineSettings = { adapter, data: flags.data };
      const worker = new URL('./sweep/worker.ts', import.meta.url);
      return { runner: processes(worker, { parallel, arguments: [JSON.stringify(machine), ...words] }) };
    }),
  );
}

/** What computes on the CPU is called so. */
const SOFTWARE = /llvmpipe|swiftshader/i;

async function adapterHere(adapter: Flags['adapter']): Promise<Adapter> {
  const device = await openDevice({ adapter });
  device.close();
  return device.info;
}

async function mapPlane(
  flags: Flags,
  screen: Screen,
  signal: AbortSignal,
  { name, software }: Adapter,
  trainerFor: (data: ImageDataset) => Trainer,
): Promise<void> {
  const { rates, batches, train, test, epochs, halving, out } = flags;
  const data = await loadData({ dir: flags.data, train, test, signal });
  const facts = {
    ...{ adapter: name, software, data: describeData(data), epochs },
    trainingImages: data.train.labels.length,
    validationImages: data.test.labels.length,
  };
  const seeds = Array.from({ length: flags.seeds }, (_, i) => flags.seed + i);
  const trials = rates.length * batches.length * seeds.length;
  console.log(wrapped(`${facts.data} (${data.source})`, screen.width));
  console.log(wrapped(`${adapterText(facts)}, ${trials} trials of up to ${epochs} epochs`, screen.width));
  if (flags.queue !== undefined)
    console.log(wrapped('Workers train: npm run sweep:worker -- --queue …, on any number of machines', screen.width));

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
    conditions: conditionsOf(name, data),
    signal,
    ...trainerFor(data),
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
}

try {
  process.exitCode = await main();
} catch (error) {
  reportError(error);
}
