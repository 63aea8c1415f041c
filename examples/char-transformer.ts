/**
 * A transformer that learns to add:  npm run transformer [-- FLAGS]   (npm run transformer -- --help)
 *
 * Two blocks of causal attention see sums as characters, `37+45=`, and learn what stands behind: the digits of the sum, the last one
 * first. Asked for sums that it has not seen, it writes a digit at a time. Takes two minutes on two cores.
 */

import { join } from 'node:path';
import { Adam, CosineDecay, type Device, Sequential } from '../src/index.ts';
import { plotHistory } from '../src/pictures/index.ts';
import { onInterrupt, StopOnSignal, workOn } from './study/interrupt.ts';
import { outliveReaders, reportError } from './study/reportError.ts';
import { prepareFolder } from './study/resultFiles.ts';
import { Screen } from './study/screen.ts';
import { transformerLayers } from './transformer/network.ts';
import { type Flags, readFlags } from './transformer/options.ts';
import { answerLoss, examplesOf, PLACES, shuffledPairs, sumsBy, TOKEN_COUNT, wholeAnswer } from './transformer/sums.ts';

/** Sums that are shown at the end. */
const SHOWN = 10;

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2));
  outliveReaders(flags.out);
  await prepareFolder(flags.out);
  const signal = onInterrupt(new Screen(process.stdout, process.env));
  return workOn(flags.adapter, signal, (device) => train(device, flags, signal));
}

async function train(device: Device, flags: Flags, signal: AbortSignal): Promise<void> {
  const { epochs, batch, seed, out } = flags;
  const pairs = shuffledPairs(seed).slice(0, flags.train + flags.test);
  const unseen = pairs.slice(flags.train);

  const model = new Sequential(transformerLayers({ tokens: TOKEN_COUNT }), { inputShape: [PLACES], seed, device });
  const steps = epochs * Math.ceil(flags.train / batch);
  const learningRate = new CosineDecay({
    initialLearningRate: 0,
    warmupTarget: 3e-3,
    warmupSteps: Math.ceil(steps / 10),
    decaySteps: Math.max(1, steps - Math.ceil(steps / 10)),
  });
  model.compile({ optimizer: new Adam({ learningRate }), loss: answerLoss, metrics: [wholeAnswer] });
  const parameters = (await model.getWeights()).reduce((sum, { data }) => sum + data.length, 0);
  console.log(`${flags.train} sums, ${parameters.toLocaleString('en-US')} parameters, on ${device.info.name}`);

  const history = await model.fit(...examplesOf(pairs.slice(0, flags.train)), {
    epochs,
    batchSize: batch,
    validationData: examplesOf(unseen),
    validationBatchSize: 256,
    callbacks: [new StopOnSignal(signal)],
  });
  const found = await sumsBy(model, unseen);
  unseen.slice(0, SHOWN).forEach(([a, b], at) => {
    console.log(`${a} + ${b} = ${found[at]}${found[at] === a + b ? '' : `, not ${a + b}`}`);
  });
  const right = unseen.filter(([a, b], at) => found[at] === a + b).length;
  console.log(`Right about ${right} of ${unseen.length} sums that it has not seen.`);
  if (history.epoch.length === 0) return;
  const path = join(out, 'history.png');
  await (await plotHistory(history)).save(path);
  console.log(path);
}

try {
  process.exitCode = await main();
} catch (error) {
  reportError(error);
}
