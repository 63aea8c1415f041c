/** What a layer, a loss, a metric or a regularizer throws keeps its class and its fields, and says where: the path of the layer, the name of the loss. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as errors from '../src/base/errors.ts';
import {
  type CallContext,
  Dense,
  DtypeError,
  input,
  KernelError,
  Lambda,
  Layer,
  Model,
  NetworkError,
  normal,
  Sequential,
  ShapeError,
  type Tensor,
  type WeightSpec,
  WgradError,
} from '../src/index.ts';
import { rejects, thrownBy } from './interruption.ts';

const test = suite('errors of parts');

/** One of a user's own, with a constructor of its own. */
class RowsError extends ShapeError {
  static override readonly name = 'RowsError';
  constructor(readonly rows: number) {
    super(`there are ${rows} rows. Give more.`);
  }
}

/** One of every class. */
const thrown: readonly Error[] = [
  ...Object.values(errors).map((Class) => new Class('it went wrong. Mend it.', 'the source')),
  new NetworkError('it went wrong. Mend it.', 'stalled'),
  new RowsError(3),
];

/** What throws in one of its methods. */
class Thrower extends Layer {
  readonly className = 'Thrower';
  constructor(
    readonly where: 'call' | 'weights' | 'computeMask' | 'penalty',
    readonly error: unknown,
  ) {
    super();
  }
  #throwIf(where: Thrower['where']): void {
    if (where === this.where) throw this.error;
  }
  override weights(): WeightSpec[] {
    this.#throwIf('weights');
    return [];
  }
  override get supportsMasking(): boolean {
    return this.where === 'computeMask';
  }
  override computeMask(): null {
    this.#throwIf('computeMask');
    return null;
  }
  override get activityRegularizer() {
    return this.where !== 'penalty'
      ? null
      : {
          penalty: (): Tensor => {
            throw this.error;
          },
        };
  }
  call(x: Tensor): Tensor {
    this.#throwIf('call');
    return x;
  }
  config() {
    return {};
  }
}

class Holder extends Layer {
  readonly className = 'Holder';
  constructor(readonly inner: Layer) {
    super();
  }
  override get held() {
    return [this.inner];
  }
  call(x: Tensor, { apply }: CallContext): Tensor {
    return apply(this.inner, x);
  }
  config() {
    return {};
  }
}

const x = normal([4, 3], { seed: 1 });
const inSequential = (layer: Layer | Sequential) => new Sequential([new Dense(3), layer], { inputShape: [3] });
function inModel(layer: Layer): Model {
  const given = input([3]);
  return new Model({ inputs: given, outputs: layer.apply(new Dense(3).apply(given)) });
}
const evaluated = async (model: Sequential) => model.compile({ loss: 'mse' }).evaluate(x, x);

/** What throws, and how the message begins. */
const places: readonly (readonly [begins: string, (error: unknown) => unknown])[] = [
  ["Layer 'thrower' (Thrower), inputs [3] an example: ", (e) => inSequential(new Thrower('call', e))],
  ["Layer 'thrower' (Thrower), inputs [3] an example: ", (e) => inSequential(new Thrower('weights', e))],
  ["Layer 'thrower' (Thrower), computeMask: ", (e) => inSequential(new Thrower('computeMask', e))],
  ["Layer 'thrower' (Thrower), activityRegularizer: ", (e) => evaluated(inSequential(new Thrower('penalty', e)))],
  [
    "Layer 'holder/thrower' (Thrower), inputs [3] an example: ",
    (e) => inSequential(new Holder(new Thrower('call', e))),
  ],
  [
    "Layer 'holder/thrower' (Thrower), inputs [3] an example: ",
    (e) => inSequential(new Holder(new Thrower('weights', e))),
  ],
  ["Layer 'Thrower' (Thrower), inputs [3] an example: ", (e) => inModel(new Thrower('call', e))],
  ["Layer 'Holder/Thrower' (Thrower), inputs [3] an example: ", (e) => inModel(new Holder(new Thrower('weights', e)))],
  [
    "Layer 'sequential/thrower' (Thrower), inputs [3] an example: ",
    (e) => inSequential(new Sequential([new Thrower('call', e)])),
  ],
  [
    "'own': ",
    (e) =>
      inSequential(new Dense(3))
        .compile({
          loss: {
            name: 'own',
            perExample: () => {
              throw e;
            },
          },
        })
        .evaluate(x, x),
  ],
  [
    "'own': ",
    (e) =>
      inSequential(new Dense(3))
        .compile({
          loss: 'mse',
          metrics: [
            {
              name: 'own',
              perExample: () => {
                throw e;
              },
            },
          ],
        })
        .evaluate(x, x),
  ],
];

for (const [begins, run] of places) {
  test(`${begins}... and what was thrown, of its class`, async () => {
    for (const error of thrown) {
      const found = await thrownBy(async () => run(error), WgradError);
      assert.is(found.constructor, error.constructor);
      assert.is(found.name, error.name);
      assert.is(found.message, `${begins}${error.message}`);
      assert.is(found.cause, error);
      assert.match(found.stack ?? '', begins);
      if (found instanceof KernelError) assert.is(found.source, 'the source');
      if (found instanceof NetworkError) assert.is(found.reason, 'stalled');
      if (found instanceof RowsError) assert.is(found.rows, 3);
    }
    const other = await thrownBy(async () => run(new RangeError('too far')), errors.ArgumentError);
    assert.ok(other.message.startsWith(begins.replace(/: $/, '')), other.message);
    assert.match(other.message, "threw 'too far'. Correct it; the cause has the stack.");
  });
}

test('a dtype that a layer of a function cannot take is told as such', async () => {
  await rejects(
    () => inSequential(new Lambda((y) => y.oneHot(3))),
    DtypeError,
    "Layer 'lambda' (Lambda), inputs [3] an example: oneHot: expected int32 ids, got float32.",
  );
});

test.run();
