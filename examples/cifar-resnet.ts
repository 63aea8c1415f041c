/**
 * A residual network on CIFAR-10:  npm run resnet [-- FLAGS]   (npm run resnet -- --help)
 *
 * Trains ResNet-20, 0.27 million parameters with batch normalisation, on a part of CIFAR-10 that takes two minutes on two cores.
 */

import { join } from 'node:path';
import { CosineDecay, type Device, Rescaling, Sequential, SGD } from '../src/index.ts';
import { confusionMatrix, plotHistory } from '../src/pictures/index.ts';
import { IMAGE, resnetLayers } from './resnet/network.ts';
import { type Flags, readFlags } from './resnet/options.ts';
import { describeData, examplesOf, loadData } from './study/data.ts';
import { onInterrupt, StopOnSignal, workOn } from './study/interrupt.ts';
import { outliveReaders, reportError } from './study/reportError.ts';
import { prepareFolder } from './study/resultFiles.ts';
import { Screen } from './study/screen.ts';

/** The highest rate of a batch is in proportion to it; twice the paper's, as few steps are to go a long way. */
const RATE_PER_EXAMPLE = 0.2 / 128;

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2));
  outliveReaders(flags.out);
  await prepareFolder(flags.out);
  const signal = onInterrupt(new Screen(process.stdout, process.env));
  return workOn(flags.adapter, signal, (device) => train(device, flags, signal));
}

async function train(device: Device, flags: Flags, signal: AbortSignal): Promise<void> {
  const { blocks, epochs, batch, seed, out } = flags;
  const data = await loadData({ dir: flags.data, train: flags.train, test: flags.test, signal });
  const [images, labels] = examplesOf(data.train);
  const test = examplesOf(data.test);

  const model = new Sequential([new Rescaling(1 / 127.5, { offset: -1 }), ...resnetLayers(blocks)], {
    inputShape: IMAGE,
    seed,
    device,
  });
  const steps = Math.ceil(flags.train / batch);
  const learningRate = new CosineDecay({
    initialLearningRate: 0,
    warmupTarget: RATE_PER_EXAMPLE * batch,
    warmupSteps: Math.min(steps, 100),
    decaySteps: Math.max(1, steps * epochs - Math.min(steps, 100)),
  });
  model.compile({
    optimizer: new SGD({ learningRate, momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  console.log(`${describeData(data)} (${data.source})`);
  const learnt = (await model.getWeights()).filter(({ name }) => !/moving(Mean|Variance)$/.test(name));
  const parameters = learnt.reduce((sum, { data: values }) => sum + values.length, 0);
  console.log(`ResNet-${6 * blocks + 2}, ${parameters.toLocaleString('en-US')} parameters, on ${device.info.name}`);

  const history = await model.fit(images, labels, {
    epochs,
    batchSize: batch,
    validationData: test,
    callbacks: [new StopOnSignal(signal)],
  });
  if (history.epoch.length === 0) {
    console.log('Stopped before the first epoch: nothing to draw.');
    return;
  }
  const accuracy = history.history.val_accuracy.at(-1) ?? 0;
  console.log(`Right about ${(100 * accuracy).toFixed(1)} % of ${flags.test} images that it has not seen.`);
  const predictions = await model.predict(test[0]);
  const pictures = {
    history: await plotHistory(history),
    confusion: await confusionMatrix({ labels: data.test.labels, predictions, classNames: data.classNames }),
  };
  for (const [name, picture] of Object.entries(pictures)) {
    const path = join(out, `${name}.png`);
    await picture.save(path);
    console.log(path);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  reportError(error);
}
