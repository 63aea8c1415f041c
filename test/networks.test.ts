/**
 * 25 steps of the examples' residual network and transformer, against PyTorch in float64 where a Python has it: as near as PyTorch is
 * in float32.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resnetLayers } from '../examples/resnet/network.ts';
import { transformerLayers } from '../examples/transformer/network.ts';
import { answerLoss, examplesOf, PLACES, shuffledPairs, TOKEN_COUNT } from '../examples/transformer/sums.ts';
import { Adam, Callback, type MetricsReport, normal, Sequential, SGD, type Tensor, tensor } from '../src/index.ts';
import { pythonWith } from './interchange.ts';
import { relativeError } from './shared.ts';

const test = suite('networks');

const STEPS = 25;

/** The same networks in PyTorch's words, with the weights by their names here; Keras' Adam, which adds epsilon elsewhere. */
const SCRIPT = `
import json, math, sys, torch
torch.set_num_threads(1)
F = torch.nn.functional
asked = json.load(open(sys.argv[1]))

def conv(x, name, stride):
    total = (-(-x.shape[2] // stride) - 1) * stride + 3 - x.shape[2]
    x = F.pad(x, (total // 2, total - total // 2) * 2)
    return F.conv2d(x, learnt[name + '/kernel'].permute(3, 2, 0, 1), stride=stride)

def normal(x, name):
    return F.batch_norm(x, None, None, learnt[name + '/gamma'], learnt[name + '/beta'], training=True, eps=1e-3)

def resnet(x, labels):
    x = normal(conv(x.permute(0, 3, 1, 2), 'conv2d', 1), 'batch_normalization').relu()
    for at in range(3 * asked['blocks']):
        name = 'residual_block' + ('' if at == 0 else '_%d' % at) + '/'
        stride = 2 if at >= asked['blocks'] and at % asked['blocks'] == 0 else 1
        y = normal(conv(x, name + 'conv2d', stride), name + 'batch_normalization').relu()
        y = normal(conv(y, name + 'conv2d_1', 1), name + 'batch_normalization_1')
        x = x[:, :, ::stride, ::stride]
        x = (y + F.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))).relu()
    return F.cross_entropy(dense(x.mean((2, 3)), 'dense'), labels)

def dense(x, name):
    return x @ learnt[name + '/kernel'] + learnt[name + '/bias']

def layer_norm(x, name):
    return F.layer_norm(x, x.shape[-1:], learnt[name + '/gamma'], learnt[name + '/beta'], 1e-3)

def attention(x, name):
    part = lambda title: torch.einsum('bpf,fhd->bhpd', x, learnt[name + title + '/kernel']) + learnt[name + title + '/bias'][:, None]
    query, key, value = part('query'), part('key'), part('value')
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
    mixed = torch.einsum('bhpd,hdf->bpf', scores.softmax(-1) @ value, learnt[name + 'attention_output/kernel'])
    return mixed + learnt[name + 'attention_output/bias']

def transformer(x, labels):
    x = learnt['tokens_and_places/embedding/embeddings'][x.long()] + learnt['tokens_and_places/places']
    for at in range(asked['blocks']):
        name = 'transformer_block' + ('' if at == 0 else '_%d' % at) + '/'
        x = x + attention(layer_norm(x, name + 'layer_normalization'), name + 'multi_head_attention/')
        y = F.gelu(dense(layer_norm(x, name + 'layer_normalization_1'), name + 'dense'))
        x = x + dense(y, name + 'dense_1')
    logits = dense(layer_norm(x, 'layer_normalization'), 'dense')[:, -labels.shape[1]:]
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))

def trained(dtype):
    global learnt
    number = lambda part: torch.tensor(part['data'], dtype=dtype).reshape(part['shape'])
    learnt = {name: number(part).requires_grad_() for name, part in asked['weights'].items() if 'moving' not in name}
    x, labels = number(asked['x']), number(asked['labels']).long()
    losses = []
    state = {name: (torch.zeros_like(w), torch.zeros_like(w)) for name, w in learnt.items()}
    for step in range(asked['steps']):
        batch = slice(step * asked['batch'], (step + 1) * asked['batch'])
        loss = globals()[asked['network']](x[batch], labels[batch])
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, list(learnt.values()))
        with torch.no_grad():
            for (name, w), g in zip(learnt.items(), gradients):
                m, v = state[name]
                if asked['network'] == 'resnet':
                    m.mul_(0.9).add_(g)
                    w -= asked['rate'] * m
                else:
                    m.lerp_(g, 0.1)
                    v.lerp_(g * g, 0.001)
                    t = step + 1
                    w -= asked['rate'] * math.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t) * m / (v.sqrt() + 1e-7)
    return {'losses': losses, 'weights': {name: w.detach().reshape(-1).tolist() for name, w in learnt.items()}}

print(json.dumps([trained(dtype) for dtype in (torch.float64, torch.float32)]))
`;

class StepLosses extends Callback {
  readonly losses: number[] = [];
  override onMetrics({ window }: MetricsReport): void {
    this.losses.push(window.loss);
  }
}

interface Question {
  readonly network: 'resnet' | 'transformer';
  readonly blocks: number;
  readonly rate: number;
  readonly batch: number;
  readonly x: Tensor;
  readonly labels: Tensor;
}

interface Answer {
  readonly losses: readonly number[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
}

const python = pythonWith('torch');
if (python === null) console.log('networks: no python3 with torch, so PyTorch is not asked');

const plain = async (part: Tensor) => ({ shape: part.shape, data: Array.from(await part.data()) });

/** What PyTorch makes of the same steps from the same weights, in float64 and in float32. */
async function asked(model: Sequential, question: Question): Promise<readonly [exact: Answer, float32: Answer]> {
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-networks-'));
  try {
    const path = join(folder, 'asked.json');
    const weights = (await model.getWeights()).map(({ name, shape, data }) => [
      name,
      { shape, data: Array.from(data) },
    ]);
    const { x, labels } = question;
    const whole = { ...question, x: await plain(x), labels: await plain(labels), steps: STEPS };
    writeFileSync(path, JSON.stringify({ ...whole, weights: Object.fromEntries(weights) }));
    return python?.(SCRIPT, path) as readonly [Answer, Answer];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Training amplifies what its first steps round: a run in float32 ends some 1e-6 away from one in float64, whatever the order of its
 * operations. So PyTorch's own float32 is the measure: no farther away than so many times as far as that one, and a few roundings.
 */
const assertAsNear = (
  what: string,
  got: ArrayLike<number>,
  exact: readonly number[],
  float32: readonly number[],
): void => {
  const [error, measure] = [relativeError(got, exact), relativeError(float32, exact)];
  assert.ok(error < 4 * measure + 1e-6, `${what}: relative error ${error}, that of PyTorch in float32 is ${measure}`);
};

/** Trains, and compares each step's loss and the last weights. `free`: names of weights on which nothing depends. */
async function compare(model: Sequential, question: Question, free = /^$/): Promise<void> {
  const [exact, float32] = await asked(model, question);
  const steps = new StepLosses();
  const { x, labels, batch } = question;
  await model.fit(x, labels, { batchSize: batch, shuffle: false, verbose: 0, callbacks: [steps] });
  assert.is(steps.losses.length, STEPS);
  assertAsNear('losses', steps.losses, exact.losses, float32.losses);
  assert.ok(exact.losses[STEPS - 1] < exact.losses[0], 'it learns');
  for (const { name, data } of await model.getWeights()) {
    if (/moving/.test(name) || free.test(name)) continue;
    assertAsNear(name, data, exact.weights[name], float32.weights[name]);
  }
  model.dispose();
}

const asking = python === null ? test.skip : test;

asking('a narrow residual network goes the way of PyTorch', async () => {
  const [blocks, rate, batch] = [2, 0.05, 8];
  const labels = tensor(Int32Array.from({ length: STEPS * batch }, (_, i) => (i * 7) % 5));
  // Classes that can be told apart.
  const x = normal([STEPS * batch, 8, 8, 3], { seed: 4 }).add(labels.cast('float32').reshape([-1, 1, 1, 1]).mul(0.5));
  const model = new Sequential(resnetLayers(blocks, { width: 4, classes: 5 }), { inputShape: [8, 8, 3], seed: 2 });
  model.compile({
    optimizer: new SGD({ learningRate: rate, momentum: 0.9 }),
    loss: 'sparseCategoricalCrossentropy',
  });
  await compare(model, { network: 'resnet', blocks, rate, batch, x, labels });
});

asking('a small transformer goes the way of PyTorch', async () => {
  const [blocks, rate, batch] = [2, 0.003, 16];
  const [x, labels] = examplesOf(shuffledPairs(1).slice(0, STEPS * batch));
  const size = { tokens: TOKEN_COUNT, blocks, heads: 2, width: 12 };
  const model = new Sequential(transformerLayers(size), { inputShape: [PLACES], seed: 2 });
  model.compile({ optimizer: new Adam({ learningRate: rate }), loss: answerLoss });
  // A softmax of scores that are all moved alike is the same: the keys' bias has no gradient but rounding.
  await compare(model, { network: 'transformer', blocks, rate, batch, x, labels }, /key\/bias$/);
});

test.run();
