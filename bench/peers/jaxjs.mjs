// jax-js on the study's network, on WebGPU or Wasm, as its users write it: two compiled functions a step, the gradients
// and the Adam update. Its calls consume their arguments; `.ref` keeps one for another use.
import { readFile } from 'node:fs/promises';
import { measure, provideNavigator, readTask, report, watchMemory } from './child.ts';

const task = readTask();
const { batch } = task;
const webgpu = task.backend === 'webgpu';
const peakBytes = webgpu && task.mode === 'fresh' ? await watchMemory() : () => null;
const adapter = webgpu ? await provideNavigator(task) : () => 'CPU, WebAssembly';
const jax = await import('@jax-js/jax');
const { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy: np, random, tree, valueAndGrad } = jax;
await init(task.backend);
defaultDevice(task.backend);

const KEEP = 0.75;

function dropout(values, key) {
  const mask = random.bernoulli(key, KEEP, values.shape).astype(np.float32);
  return values.mul(mask).mul(1 / KEEP);
}

function loss(weights, x, y, keys) {
  const conv = nn.relu(lax.convGeneralDilated(x, weights.w1, [1, 1], 'SAME').add(weights.b1));
  const pooled = lax.reduceWindow(conv, np.max, [2, 2], [2, 2]);
  const flat = dropout(pooled, keys.first).reshape([-1, 8192]);
  const hidden = dropout(nn.relu(np.dot(flat, weights.w2).add(weights.b2)), keys.second);
  const logits = nn.logSoftmax(np.dot(hidden, weights.w3).add(weights.b3));
  return logits
    .mul(nn.oneHot(y, 10))
    .sum()
    .mul(-1 / batch);
}

const gradientsOf = jit(valueAndGrad(loss));

const update = jit((weights, gradients, m, v, rate) => {
  const next = { weights: {}, m: {}, v: {} };
  for (const name in weights) {
    const mean = m[name].mul(0.9).add(gradients[name].ref.mul(0.1));
    const square = v[name].mul(0.999).add(np.square(gradients[name]).mul(0.001));
    next.m[name] = mean.ref;
    next.v[name] = square.ref;
    next.weights[name] = weights[name].sub(mean.mul(rate.ref).div(np.sqrt(square).add(1e-7)));
  }
  rate.dispose();
  return next;
});

function uniform(seed, shape, inputs) {
  const bound = 1 / Math.sqrt(inputs);
  return random.uniform(random.key(seed), shape, { minval: -bound, maxval: bound });
}

const x = random.uniform(random.key(4), [batch, 3, 32, 32]);
const y = np.array(
  Array.from({ length: batch }, (_, i) => i % 10),
  { dtype: np.int32 },
);
const began = performance.now();
const weights = {
  w1: uniform(1, [32, 3, 3, 3], 27),
  b1: np.zeros([32, 1, 1]),
  w2: uniform(2, [8192, 100], 8192),
  b2: np.zeros([100]),
  w3: uniform(3, [100, 10], 100),
  b3: np.zeros([10]),
};
const zeros = () => tree.map((a) => np.zerosLike(a), tree.ref(weights));
let state = { m: zeros(), v: zeros(), weights };

const times = await measure(task, began, async (i) => {
  const keys = { first: random.key(2 * i), second: random.key(2 * i + 1) };
  const [value, gradients] = gradientsOf(tree.ref(state.weights), x.ref, y.ref, keys);
  const rate = (0.001 * Math.sqrt(1 - 0.999 ** i)) / (1 - 0.9 ** i);
  state = update(state.weights, gradients, state.m, state.v, np.array(rate));
  await blockUntilReady(state.weights);
  return await value.jsAsync();
});
const entry = new URL(import.meta.resolve('@jax-js/jax'));
const { version } = JSON.parse(await readFile(new URL('../package.json', entry), 'utf8'));
const facts = { peer: `jaxjs-${task.backend}`, version, adapter: adapter(), peakBytes: peakBytes() };
await report(task, facts, times);
