// jax-js on the peers' networks, on WebGPU or Wasm, as its users write it: two compiled functions a step, the gradients
// and the update. Its calls consume their arguments; `.ref` keeps one for another use.
import { readFile } from 'node:fs/promises';
import { measure, provideNavigator, readTask, report, watchMemory } from './child.ts';
import { networks } from './jaxjsNetworks.mjs';

const task = readTask();
const { batch } = task;
const webgpu = task.backend === 'webgpu';
const peakBytes = webgpu && task.mode === 'fresh' ? await watchMemory() : () => null;
const adapter = webgpu ? await provideNavigator(task) : () => 'CPU, WebAssembly';
const jax = await import('@jax-js/jax');
const { blockUntilReady, defaultDevice, init, jit, numpy: np, random, tree, valueAndGrad } = jax;
await init(task.backend);
defaultDevice(task.backend);

const network = networks(jax, batch)[task.network]();
const gradientsOf = jit(valueAndGrad(network.loss));
const update = jit(network.update);

const x = random.uniform(random.key(4), [batch, 3, 32, 32]);
const y = np.array(
  Array.from({ length: batch }, (_, i) => i % 10),
  { dtype: np.int32 },
);
const began = performance.now();
const weights = network.weights();
const zeros = () => tree.map((a) => np.zerosLike(a), tree.ref(weights));
let state = { weights, moments: network.moments(zeros) };

const times = await measure(task, began, async (i) => {
  const keys = { first: random.key(2 * i), second: random.key(2 * i + 1) };
  const [value, gradients] = gradientsOf(tree.ref(state.weights), x.ref, y.ref, keys);
  state = update(state.weights, gradients, state.moments, np.array(network.rate(i)));
  await blockUntilReady(state.weights);
  return await value.jsAsync();
});
const entry = new URL(import.meta.resolve('@jax-js/jax'));
const { version } = JSON.parse(await readFile(new URL('../package.json', entry), 'utf8'));
const facts = { peer: `jaxjs-${task.backend}`, version, adapter: adapter(), peakBytes: peakBytes() };
await report(task, facts, times);
