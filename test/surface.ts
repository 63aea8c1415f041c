/**
 * What must not compile of the public names does not, and what must does: `tsc` checks this file with all others, and an
 * expected error that does not come is an error. Nothing here runs.
 */

import {
  Adam,
  Add,
  Conv2D,
  Dense,
  EarlyStopping,
  type History,
  input,
  type Loss,
  type Metric,
  Model,
  ModelCheckpoint,
  openDevice,
  ReduceLROnPlateau,
  Sequential,
  stridedSlice,
  type Tensor,
  tensor,
  topK,
  type Variable,
  variable,
} from 'wgrad';

export async function tensors(x: Tensor, v: Variable): Promise<void> {
  x.add(1).mul(x).sum(-1, true) satisfies Tensor;
  x.add(v) satisfies Tensor;
  x.softmax({ axis: 0 }).std(0, true, { correction: 1 }).argMax(null, true) satisfies Tensor;
  // @ts-expect-error: the axis is an option
  x.softmax(0);
  // @ts-expect-error: a function alone is no method
  x.sort();
  stridedSlice(topK(x, 3).values, [null, -1], [], [null, -1]) satisfies Tensor;
  // @ts-expect-error: a text is no tensor
  x.add('1');
  // @ts-expect-error: axes are numbers
  x.sum('rows');
  // @ts-expect-error: there is no such dtype
  x.cast('float64');
  // @ts-expect-error: values are read by await
  x.data().length;
  (await x.data()) satisfies ArrayLike<number>;
  // @ts-expect-error: a shape cannot be written to
  x.shape[0] = 2;
  // @ts-expect-error: rows of texts are no numbers
  tensor([['a']]);
  // @ts-expect-error: a tensor has no assign, a variable does
  x.assign(1);
  v.assign(1);
  variable([1, 2]) satisfies Tensor;
}

export async function models(x: Tensor, y: Tensor): Promise<void> {
  const model = new Sequential([new Dense(8, { activation: 'relu' }), new Dense(1)]);
  model.compile({ optimizer: 'adam', loss: 'mse', metrics: ['accuracy'] });
  // @ts-expect-error: there is no such optimizer
  model.compile({ optimizer: 'adams', loss: 'mse' });
  // @ts-expect-error: there is no such loss
  model.compile({ optimizer: new Adam(), loss: 'rmse' });
  // @ts-expect-error: a loss is needed
  model.compile({ optimizer: 'adam' });
  // @ts-expect-error: a layer is needed
  new Sequential([8]);
  (await model.fit(x, y, { epochs: 2, callbacks: [new EarlyStopping({ patience: 2 })] })) satisfies History;
  // @ts-expect-error: the option is called batchSize
  model.fit(x, y, { batchsize: 32 });
  // @ts-expect-error: a callback is an object of a class
  model.fit(x, y, { callbacks: ['EarlyStopping'] });
  // @ts-expect-error: labels are needed
  model.fit(x);
  (await model.predict(x)) satisfies Tensor;
}

export function parts(): void {
  new Dense(8, { name: 'head', trainable: false });
  // @ts-expect-error: units are a number
  new Dense('8');
  // @ts-expect-error: there is no such activation
  new Dense(8, { activation: 'rellu' });
  new Conv2D(8, 3, { padding: 'same', strides: [2, 2] });
  // @ts-expect-error: there is no such padding
  new Conv2D(8, 3, { padding: 'full' });
  // @ts-expect-error: the kernel's size is needed
  new Conv2D(8);
  // @ts-expect-error: the option is called learningRate
  new Adam({ lr: 0.1 });
  // @ts-expect-error: the option is called patience
  new ReduceLROnPlateau({ patiance: 3 });
  // @ts-expect-error: the mode is one of three
  new EarlyStopping({ mode: 'least' });
  // @ts-expect-error: a path is needed
  new ModelCheckpoint();
}

export function own(): void {
  const custom: Loss = {
    name: 'custom',
    // @ts-expect-error: a loss gives a tensor
    perExample: () => 1,
  };
  const metric: Metric = {
    name: 'custom',
    // @ts-expect-error: a metric gives a tensor
    perExample: () => [1],
  };
  void [custom, metric];
}

export async function devices(): Promise<void> {
  const device = await openDevice({ adapter: 'lavapipe' });
  // @ts-expect-error: there is no such adapter
  openDevice({ adapter: 'nvidia' });
  // @ts-expect-error: facts about a device cannot be written to
  device.info.name = 'mine';
  device.close();
}

export async function graphs(x: Tensor): Promise<void> {
  const [a, b] = [input([3]), input([3])];
  const sum = new Add().apply([a, new Dense(3).apply(b)]);
  // @ts-expect-error: a layer of one input takes no list
  new Dense(3).apply([a]);
  // @ts-expect-error: a layer of several takes a list
  new Add().apply(a);
  const model = new Model({ inputs: [a, b], outputs: { sum, first: a } });
  const { sum: found, first } = await model.predict([x, x]);
  [found, first] satisfies Tensor[];
  await model.predict({ input: x, input_1: x });
  // @ts-expect-error: one for each input
  await model.predict([x]);
  // @ts-expect-error: labels by output
  await model.fit([x, x], x);
  (await new Model({ inputs: a, outputs: sum }).predict(x)) satisfies Tensor;
  const [one, two] = model.call([x, x]).sum.shape;
  [one, two] satisfies number[];
}
