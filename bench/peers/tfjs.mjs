// TensorFlow.js' Layers API on the peers' networks, on its WebGPU backend or in plain JavaScript. No types: the package
// is installed for this benchmark only.
import { measure, provideNavigator, readTask, report, watchMemory } from './child.ts';
import { networks } from './tfjsNetworks.mjs';

const task = readTask();
const webgpu = task.backend === 'webgpu';
const peakBytes = webgpu && task.mode === 'fresh' ? await watchMemory() : () => null;
// The library looks for these when it is imported.
const adapter = webgpu ? await provideNavigator(task) : () => 'CPU, JavaScript';
globalThis.self = globalThis;
const tf = await import('@tensorflow/tfjs');
if (webgpu) await import('@tensorflow/tfjs-backend-webgpu');
await tf.setBackend(task.backend);
await tf.ready();

const x = tf.randomUniform([task.batch, 32, 32, 3]);
const classes = Array.from({ length: task.batch }, (_, i) => i % 10);
const y = tf.oneHot(tf.tensor1d(classes, 'int32'), 10);
const began = performance.now();
const model = networks(tf)[task.network]();
// Reads loss and accuracy, so that the step is done when it answers.
const times = await measure(task, began, async () => (await model.trainOnBatch(x, y))[0]);
const facts = { peer: `tfjs-${task.backend}`, version: tf.version.tfjs, adapter: adapter(), peakBytes: peakBytes() };
await report(task, facts, times);
