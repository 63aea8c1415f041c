/**
 * Does memory stay flat?  npm run soak [-- --steps 20000 --minutes 120]
 *
 * Trains the study's network on drawn images in one process until either bound is reached: epochs of `fit` with validation,
 * and after each of them an evaluation, a prediction, a step by hand and a saved file in memory. Prints the process's memory, the
 * JavaScript heap after a collection, and what lies on the device; ends with the growth from the first tenth to the end.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Command } from 'commander';
import { makeNetwork } from '../examples/study/network.ts';
import { reportError } from '../examples/study/reportError.ts';
import { type Device, openDevice, proceduralImages, tensor } from '../src/index.ts';

const BATCH = 32;
const IMAGES = 3200;

interface Sample {
  readonly step: number;
  readonly rss: number;
  readonly heap: number;
  readonly device: number;
  readonly bindGroups: number;
  readonly kernels: number;
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function sample(step: number, device: Device): Sample {
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  const { bytes, bindGroups, kernels } = device.stats;
  return { step, rss, heap: heapUsed, device: bytes, bindGroups, kernels };
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

async function main(): Promise<void> {
  const options = new Command()
    .option('--steps <number>', 'optimizer steps', Number, 20_000)
    .option('--minutes <number>', 'minutes', Number, 120)
    .parse()
    .opts<{ steps: number; minutes: number }>();
  const device = await openDevice();
  const { train, test } = proceduralImages({ train: IMAGES, test: 320 });
  const [x, held] = [tensor(train.images, train.shape), tensor(test.images, test.shape)];
  const model = makeNetwork({ device, learningRate: 0.001, seed: 0, clip: false });
  const [few, fewLabels] = [
    tensor(train.images.slice(0, BATCH * 3072), [BATCH, 32, 32, 3]),
    train.labels.slice(0, BATCH),
  ];
  const began = performance.now();
  const samples: Sample[] = [];
  console.log(`${device.info.name}: ${options.steps} steps of ${BATCH} images, at most ${options.minutes} minutes`);
  for (let step = 0, epoch = 0; step < options.steps; epoch++) {
    const { history } = await model.fit(x, train.labels, {
      batchSize: BATCH,
      epochs: epoch + 1,
      initialEpoch: epoch,
      verbose: 0,
      validationData: [held, test.labels],
    });
    await model.evaluate(held, test.labels);
    await model.predict(held);
    await model.trainOnBatch(few, fewLabels);
    await model.toSafetensors();
    step += IMAGES / BATCH + 1;
    const now = sample(step, device);
    samples.push(now);
    const minutes = (performance.now() - began) / 60_000;
    if (epoch % 10 === 0 || step >= options.steps) {
      console.log(
        `step ${step}, ${minutes.toFixed(1)} min: process ${mib(now.rss)}, heap ${mib(now.heap)}, device ${mib(now.device)}, ` +
          `${now.kernels} kernels, loss ${history.loss[0].toFixed(3)}`,
      );
    }
    if (minutes >= options.minutes) break;
  }
  const [first, last] = [samples[Math.floor(samples.length / 10)], samples[samples.length - 1]];
  const growth = (key: keyof Sample): string => mib(last[key] - first[key]);
  console.log(
    `from step ${first.step} to ${last.step}: process ${growth('rss')}, heap ${growth('heap')}, device ${growth('device')}, ` +
      `${last.kernels - first.kernels} kernels, ${last.bindGroups - first.bindGroups} bind groups made`,
  );
  device.close();
}

try {
  await main();
} catch (error) {
  reportError(error);
}
