/**
 * Losses, optimizers and schedules against PyTorch's, where `python3` has it: values, gradients, and weights along steps. Their
 * references in float64 are those of losses.test.ts, rareLosses.test.ts, optimizerRules.test.ts and schedules.test.ts; functions of
 * tensors are those of publicFunctions.test.ts, layers those of randomModels.test.ts.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as f from '../src/index.ts';
import { pythonWith } from './interchange.ts';
import { assertClose, distributions, draw, given, type Input, ints, nodeOf } from './support.ts';

const test = suite('rules of PyTorch');

const python = pythonWith('torch');
if (python === null) console.log('rules of PyTorch: no python3 with torch, so it is not asked');
const asked = python === null ? test.skip : test;

interface LossCase {
  readonly loss: f.Loss;
  readonly labels: Input;
  readonly outputs: Input;
  /** Of outputs p and labels y: a number an example. */
  readonly torch: string;
}

const numbers = { labels: draw([4, 3]), outputs: draw([4, 3]) };
const bits = given([0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0], [4, 3]);
const ids = ints([2, 0, 1, 2]);
const rows = distributions([4, 3]);

const losses: readonly LossCase[] = [
  { loss: f.meanSquaredError(), ...numbers, torch: "F.mse_loss(p, y, reduction='none').mean(-1)" },
  { loss: f.meanAbsoluteError(), ...numbers, torch: "F.l1_loss(p, y, reduction='none').mean(-1)" },
  { loss: f.huber({ delta: 0.7 }), ...numbers, torch: "F.huber_loss(p, y, reduction='none', delta=0.7).mean(-1)" },
  { loss: f.cosineSimilarity(), ...numbers, torch: '-F.cosine_similarity(p, y, -1)' },
  { loss: f.logCosh(), ...numbers, torch: '(p - y).cosh().log().mean(-1)' },
  { loss: f.hinge(), labels: given([1, -1, -1, 1], [4, 1]), outputs: draw([4, 1]), torch: 'F.relu(1 - y * p)[:, 0]' },
  {
    loss: f.poisson(),
    labels: draw([4, 3], 0, 5),
    outputs: draw([4, 3], 0.2, 5),
    torch: "F.poisson_nll_loss(p, y, log_input=False, eps=1e-7, reduction='none').mean(-1)",
  },
  {
    loss: f.klDivergence(),
    labels: rows,
    outputs: distributions([4, 3]),
    torch: "F.kl_div(p.log(), y, reduction='none').sum(-1)",
  },
  {
    loss: f.binaryCrossentropy({ fromLogits: true }),
    labels: bits,
    outputs: numbers.outputs,
    torch: "F.binary_cross_entropy_with_logits(p, y, reduction='none').mean(-1)",
  },
  {
    loss: f.binaryCrossentropy(),
    labels: bits,
    outputs: draw([4, 3], 0.05, 0.95),
    torch: "F.binary_cross_entropy(p, y, reduction='none').mean(-1)",
  },
  {
    loss: f.categoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.1 }),
    labels: rows,
    outputs: numbers.outputs,
    torch: "F.cross_entropy(p, y, reduction='none', label_smoothing=0.1)",
  },
  {
    loss: f.sparseCategoricalCrossentropy({ fromLogits: true }),
    labels: ints([2, 0, 1, 2, 1, 1], [3, 2]),
    outputs: draw([3, 2, 3]),
    torch: "F.cross_entropy(p.movedim(-1, 1), y.long(), reduction='none').mean(-1)",
  },
  {
    loss: f.sparseCategoricalCrossentropy({ fromLogits: true }),
    labels: ids,
    outputs: numbers.outputs,
    torch: "F.cross_entropy(p, y.long(), reduction='none')",
  },
];

const HEAD = `
import json, sys, torch
import torch.nn.functional as F
cases = json.loads(sys.argv[1])
def tensor(part):
    return torch.tensor(part['data'], dtype=torch.float64).reshape(part['shape'])
`;
const plain = ({ shape, values }: Input) => ({ shape, data: Array.from(values) });

asked('losses and their gradients', async () => {
  const script = `${HEAD}
results = []
for case in cases:
    p, y = tensor(case['outputs']).requires_grad_(), tensor(case['labels'])
    value = eval(case['torch'])
    results.append([value.tolist(), torch.autograd.grad(value.sum(), p)[0].reshape(-1).tolist()])
print(json.dumps(results))`;
  const sent = losses.map(({ labels, outputs, torch }) => ({ torch, labels: plain(labels), outputs: plain(outputs) }));
  const answers = python?.(script, JSON.stringify(sent));
  assert.ok(Array.isArray(answers) && answers.length === losses.length);
  for (const [at, { loss, labels, outputs }] of losses.entries()) {
    const [y, p] = [labels, outputs].map((one) => new f.Tensor(nodeOf(one)));
    const [value, slope] = answers[at];
    assertClose(await loss.perExample(y, p).data(), value, loss.name);
    const [own] = f.grad((output: f.Tensor) => loss.perExample(y, output).sum())(p);
    assertClose(await own.data(), slope, `${loss.name}, gradient`);
  }
});

// With epsilons so small that it does not matter where they stand, which is where PyTorch's formulas differ.
const learningRate = 0.1;
const epsilon = 1e-12;
const optimizers: readonly (readonly [f.Optimizer, torch: string])[] = [
  [new f.SGD({ learningRate }), 'SGD(w, 0.1)'],
  [new f.SGD({ learningRate, momentum: 0.75 }), 'SGD(w, 0.1, momentum=0.75)'],
  [new f.SGD({ learningRate, momentum: 0.5, nesterov: true }), 'SGD(w, 0.1, momentum=0.5, nesterov=True)'],
  [new f.Adam({ learningRate, epsilon, beta1: 0.8 }), 'Adam(w, 0.1, (0.8, 0.999), 1e-12)'],
  [new f.AdamW({ learningRate, epsilon, weightDecay: 0.3 }), 'AdamW(w, 0.1, eps=1e-12, weight_decay=0.3)'],
  [new f.RMSprop({ learningRate, epsilon, momentum: 0.5 }), 'RMSprop(w, 0.1, 0.9, 1e-12, momentum=0.5)'],
  [new f.RMSprop({ learningRate, epsilon, rho: 0.5, centered: true }), 'RMSprop(w, 0.1, 0.5, 1e-12, centered=True)'],
  [new f.Adagrad({ learningRate, epsilon }), 'Adagrad(w, 0.1, eps=1e-12, initial_accumulator_value=0.1)'],
  [new f.Adadelta({ learningRate, rho: 0.9, epsilon: 0.25 }), 'Adadelta(w, 0.1, 0.9, 0.25)'],
];

const START = [1, -0.5, 0.25, 2];
const GRADIENTS = [
  [1, -2, 0.5, 1e-3],
  [-3, -2, 0.25, 2],
  [0.25, 1, 4, -1],
];

asked('optimizers along steps', async () => {
  const script = `${HEAD}
results = []
for text in cases['optimizers']:
    w = [torch.tensor(cases['start'], dtype=torch.float64, requires_grad=True)]
    optimizer = eval('torch.optim.' + text)
    steps = []
    for gradient in cases['gradients']:
        w[0].grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        steps.append(w[0].tolist())
    results.append(steps)
print(json.dumps(results))`;
  const sent = { start: START, gradients: GRADIENTS, optimizers: optimizers.map(([, torch]) => torch) };
  const answers = python?.(script, JSON.stringify(sent));
  assert.ok(Array.isArray(answers) && answers.length === optimizers.length);
  for (const [at, [optimizer]] of optimizers.entries()) {
    const w = f.variable(START);
    for (const [step, gradient] of GRADIENTS.entries()) {
      await optimizer.apply([f.tensor(gradient)], [w]);
      assertClose(await w.data(), answers[at][step], `${optimizer}, step ${step + 1}`);
    }
  }
});

asked('schedules', () => {
  const initialLearningRate = 0.4;
  const schedules: readonly (readonly [f.LearningRateSchedule, torch: string])[] = [
    [new f.OneCycle({ maxLr: 0.3, totalSteps: 12 }), 'OneCycleLR(o, 0.3, 12)'],
    [
      new f.OneCycle({ maxLr: 0.3, totalSteps: 12, threePhase: true, annealStrategy: 'linear', pctStart: 0.4 }),
      "OneCycleLR(o, 0.3, 12, three_phase=True, anneal_strategy='linear', pct_start=0.4)",
    ],
    [new f.ExponentialDecay({ initialLearningRate, decaySteps: 1, decayRate: 0.8 }), 'ExponentialLR(o, 0.8)'],
    [
      new f.ExponentialDecay({ initialLearningRate, decaySteps: 3, decayRate: 0.5, staircase: true }),
      'StepLR(o, 3, 0.5)',
    ],
    [new f.CosineDecay({ initialLearningRate, decaySteps: 11, alpha: 0.25 }), 'CosineAnnealingLR(o, 11, 0.1)'],
    [
      new f.CosineDecayRestarts({ initialLearningRate, firstDecaySteps: 3, tMul: 2 }),
      'CosineAnnealingWarmRestarts(o, 3, 2)',
    ],
  ];
  const script = `${HEAD}
results = []
for text in cases:
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.4)
    schedule = eval('torch.optim.lr_scheduler.' + text)
    rates = []
    for step in range(12):
        rates.append(o.param_groups[0]['lr'])
        o.step()
        if step < 11: schedule.step()
    results.append(rates)
print(json.dumps(results))`;
  const answers = python?.(script, JSON.stringify(schedules.map(([, torch]) => torch)));
  assert.ok(Array.isArray(answers) && answers.length === schedules.length);
  for (const [at, [schedule]] of schedules.entries()) {
    const rates = Array.from({ length: 12 }, (_, step) => schedule.rate(step));
    assertClose(rates, answers[at], String(schedule), 1e-9);
  }
});

test.run();
