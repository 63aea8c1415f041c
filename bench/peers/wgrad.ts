/** wgrad on the peers' networks: the same plan that `fit` replays, with a batch of its own in place of a data set. */
import { readFile } from 'node:fs/promises';
import { resnetLayers } from '../../examples/resnet/network.ts';
import { studyLayers } from '../../examples/study/network.ts';
import { Adam, type Layer, type Optimizer, openDevice, Rescaling, SGD } from '../../src/index.ts';
import { spreadOf } from '../statistics.ts';
import { StudyStep } from '../steps.ts';
import { checkLoss, measure, readTask, report, watchMemory } from './child.ts';
import type { NetworkName } from './networks.ts';

/** Steps of one submission, where that is measured. */
const TOGETHER = 8;

const NETWORKS: Record<NetworkName, { readonly layers: () => Layer[]; readonly optimizer: () => Optimizer }> = {
  study: { layers: studyLayers, optimizer: () => new Adam() },
  resnet: {
    layers: () => [new Rescaling(1 / 255), ...resnetLayers(3)],
    optimizer: () => new SGD({ learningRate: 0.01, momentum: 0.9 }),
  },
};

const task = readTask();
const { layers, optimizer } = NETWORKS[task.network];
const peakBytes = task.mode === 'fresh' ? await watchMemory() : () => null;
const device = await openDevice({ adapter: task.adapter });
const study = await StudyStep.of(device, task.batch, {
  maxSteps: task.mode === 'host' ? TOGETHER : 1,
  layers: layers(),
  optimizer: optimizer(),
});

const times = await measure(task, study.began, async () => {
  study.run();
  await device.finish();
  return null;
});
if (task.mode !== 'host') checkLoss(await study.loss());
const together: number[] = [];
if (task.mode === 'host') {
  for (let i = 0; i < 3 * TOGETHER; i++) {
    const start = performance.now();
    study.run(TOGETHER);
    await device.finish();
    together.push((performance.now() - start) / TOGETHER);
  }
}
const { version }: { version: string } = JSON.parse(
  await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
);
const hostTogetherMs = together.length === 0 ? undefined : spreadOf(together).median;
const facts = { peer: 'wgrad-webgpu', version, adapter: device.info.name, peakBytes: peakBytes(), hostTogetherMs };
await report(task, facts, times);
