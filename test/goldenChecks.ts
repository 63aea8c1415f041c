/** What is compared with golden files: values that PyTorch computed in float64 (see DESIGN.md, "Golden files"). */

import type { HostArray } from '../src/base/dtype.ts';
import type { Padding } from '../src/base/shape.ts';
import { decodeSafetensors } from '../src/io/safetensors.ts';
import { Adam, AdamW } from '../src/nn/optimizers/adam.ts';
import type { Optimizer } from '../src/nn/optimizers/optimizer.ts';
import { RMSprop } from '../src/nn/optimizers/rmsprop.ts';
import { SGD } from '../src/nn/optimizers/sgd.ts';
import { gradients } from '../src/ops/gradients.ts';
import { softmaxCrossEntropyPerExample } from '../src/ops/softmax.ts';
import { batchNorm, grad, Tensor, tensor, variable } from '../src/tensor/index.ts';
import { realise } from '../src/tensor/lazyValue.ts';
import { assertClose } from './support.ts';

/** One golden file: its tensors by name, and the operation's attributes. */
class Golden {
  readonly #file: ReturnType<typeof decodeSafetensors>;

  constructor(bytes: Uint8Array) {
    this.#file = decodeSafetensors(bytes);
  }

  tensor(name: string): Tensor {
    const { data, shape } = this.#find(name);
    return tensor(data, shape);
  }

  values(name: string): HostArray {
    return this.#find(name).data;
  }

  attribute(name: string): string {
    const value = this.#file.metadata[name];
    if (value === undefined) throw new Error(`the golden file has no attribute '${name}'`);
    return value;
  }

  get padding(): Padding {
    return this.attribute('padding') === 'same' ? 'same' : 'valid';
  }

  #find(name: string) {
    const found = this.#file.tensors.get(name);
    if (found === undefined) throw new Error(`the golden file has no tensor '${name}'`);
    return found;
  }
}

/** Asserts what tensors hold, all computed in one plan. */
async function expectAll(golden: Golden, results: Readonly<Record<string, Tensor>>, select = whole): Promise<void> {
  await realise(Object.values(results));
  for (const [name, result] of Object.entries(results)) {
    const expected = golden.values(name);
    assertClose(select(name, await result.data(), result.shape, expected.length), expected, name);
  }
}

type Select = (name: string, values: HostArray, shape: readonly number[], length: number) => HostArray;

const whole: Select = (_, values) => values;

/** The first columns, where a golden file holds only these of a matrix. */
const firstColumns: Select = (name, values, shape, length) => {
  if (name !== 'dkernel' || values.length === length) return values;
  const columns = length / shape[0];
  return values.filter((_, i) => i % shape[1] < columns);
};

/** Gradients of `f` under the golden upstream gradient: those of Σ f dy, which itself is not computed, as `grad` would. */
function pullBack(golden: Golden, f: (...args: Tensor[]) => Tensor, names: readonly string[]): Tensor[] {
  const args = names.map((name) => golden.tensor(name));
  const value = f(...args)
    .mul(golden.tensor('dy'))
    .sum();
  const wrt = args.map(({ node }) => node);
  return gradients(value.node, wrt).map((node) => new Tensor(node));
}

const checks: Readonly<Record<string, (golden: Golden) => Promise<void>>> = {
  async conv2d(golden) {
    const options = { strides: Number(golden.attribute('stride')), padding: golden.padding };
    const f = (x: Tensor, kernel: Tensor, bias: Tensor): Tensor => x.conv2d(kernel, { ...options, bias });
    const y = f(golden.tensor('x'), golden.tensor('kernel'), golden.tensor('bias'));
    const [dx, dkernel, dbias] = pullBack(golden, f, ['x', 'kernel', 'bias']);
    await expectAll(golden, { y, dx, dkernel, dbias });
  },
  async maxpool(golden) {
    const f = (x: Tensor): Tensor => x.maxPool2d(poolOptions(golden));
    const [dx] = pullBack(golden, f, ['x']);
    await expectAll(golden, { y: f(golden.tensor('x')), dx });
  },
  async avgpool(golden) {
    const f = (x: Tensor): Tensor => x.avgPool2d(poolOptions(golden));
    const [dx] = pullBack(golden, f, ['x']);
    await expectAll(golden, { y: f(golden.tensor('x')), dx });
  },
  async dense(golden) {
    const f = (x: Tensor, kernel: Tensor, bias: Tensor): Tensor => x.dense(kernel, bias);
    const y = f(golden.tensor('x'), golden.tensor('kernel'), golden.tensor('bias'));
    const [dx, dkernel, dbias] = pullBack(golden, f, ['x', 'kernel', 'bias']);
    await expectAll(golden, { y, dx, dkernel, dbias }, firstColumns);
  },
  async batchnorm(golden) {
    const epsilon = Number(golden.attribute('epsilon'));
    const result = batchNorm(golden.tensor('x'), golden.tensor('gamma'), golden.tensor('beta'), { epsilon });
    const f = (x: Tensor, gamma: Tensor, beta: Tensor): Tensor => batchNorm(x, gamma, beta, { epsilon }).y;
    const [dx, dgamma, dbeta] = pullBack(golden, f, ['x', 'gamma', 'beta']);
    await expectAll(golden, { ...result, dx, dgamma, dbeta });
  },
  async softmax_cross_entropy(golden) {
    const labelSmoothing = Number(golden.attribute('label_smoothing'));
    await crossEntropy(golden, { labelSmoothing }, true);
  },
  async clipped_cross_entropy(golden) {
    await crossEntropy(golden, { clip: Number(golden.attribute('epsilon')) }, false);
  },
  async activations(golden) {
    const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
      relu: (x) => x.relu(),
      sigmoid: (x) => x.sigmoid(),
      tanh: (x) => x.tanh(),
      gelu: (x) => x.gelu(),
      leaky_relu: (x) => x.leakyRelu(),
      elu: (x) => x.elu(),
      softplus: (x) => x.softplus(),
      silu: (x) => x.silu(),
    };
    for (const [name, f] of Object.entries(functions)) {
      const [dx] = pullBack(golden, f, ['x']);
      await expectAll(golden, { [`y_${name}`]: f(golden.tensor('x')), [`dx_${name}`]: dx });
    }
  },
  async optimizers(golden) {
    const optimizers: Readonly<Record<string, Optimizer>> = {
      sgd: new SGD(),
      momentum: new SGD({ momentum: 0.9 }),
      nesterov: new SGD({ momentum: 0.9, nesterov: true }),
      adam: new Adam(),
      'adam_lr0.1': new Adam({ learningRate: 0.1 }),
      adamw: new AdamW(),
      rmsprop: new RMSprop(),
    };
    const gradients = golden.values('grads');
    const size = golden.values('p0').length;
    const steps = gradients.length / size;
    for (const [name, optimizer] of Object.entries(optimizers)) {
      const expected = golden.values(name);
      const parameter = variable(golden.tensor('p0'));
      for (let step = 0; step < steps; step++) {
        const range: [number, number] = [step * size, (step + 1) * size];
        await optimizer.apply([tensor(gradients.slice(...range))], [parameter]);
        assertClose(await parameter.data(), expected.subarray(...range), `${name}, step ${step + 1}`);
      }
    }
  },
};

function poolOptions(golden: Golden) {
  return {
    poolSize: Number(golden.attribute('size')),
    strides: Number(golden.attribute('stride')),
    padding: golden.padding,
  };
}

async function crossEntropy(
  golden: Golden,
  options: { labelSmoothing?: number; clip?: number },
  withProbabilities: boolean,
): Promise<void> {
  const logits = golden.tensor('logits');
  const labels = golden.tensor('labels');
  const loss = logits.softmaxCrossEntropy(labels, options);
  const [dlogits] = grad((x) => x.softmaxCrossEntropy(labels, options))(logits);
  const perExample = new Tensor(softmaxCrossEntropyPerExample(logits.node, labels.node, options));
  const results: Record<string, Tensor> = { per_example: perExample, loss, dlogits };
  if (withProbabilities) {
    results.probabilities = logits.softmax();
    results.correct = logits.argMax().equal(labels);
  }
  await expectAll(golden, results);
}

export interface GoldenCase {
  /** The operation that it is of. */
  readonly kind: string;
  /** Compares all that the file holds. */
  run(): Promise<void>;
}

/** Kinds that can be compared. */
export const GOLDEN_KINDS: readonly string[] = Object.keys(checks);

/** The case that a golden file holds. */
export function goldenCase(bytes: Uint8Array): GoldenCase {
  const golden = new Golden(bytes);
  const kind = golden.attribute('op');
  return { kind, run: () => checks[kind](golden) };
}
