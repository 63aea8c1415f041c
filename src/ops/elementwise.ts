/**
 * Elementwise operations: an expression on `V` (f32 or vec4f) and a gradient each. Broadcasting is NumPy's; it is undone
 * for gradients in gradients.ts. uint8 inputs are converted to float32. int32 would be rounded: what has a meaning for them is
 * computed in int32, modulo 2^32; all else refuses them. Functions are those of functions.wgsl.
 */

import type { Dtype } from '../base/dtype.ts';
import { broadcastShapes } from '../base/shape.ts';
import { type BuiltInOp, createNode, isOf, type Node, type Op, refuseInt32, type SoughtOp } from '../ir/op.ts';
import type { PointwiseScope } from '../ir/scope.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { dataNode, full, fullNode } from './leaf.ts';

export type None = Readonly<Record<string, never>>;
export const NONE: None = Object.freeze({});

interface Definition<A> {
  expression(inputs: readonly string[], attributes: A, scope: PointwiseScope): string;
  /** One gradient an input, as thunks so that none is made in vain. `y` is the node itself. */
  gradient:
    | ((inputs: readonly Node[], y: Node, upstream: Node, attributes: A) => readonly (() => Node | null)[])
    | 'none';
  dtype?: Dtype;
  /** Whether int32 inputs are taken; default: they are refused, since float32 would round them. */
  takesInt32?: boolean;
  /** Default `elementwise`. */
  partition?: BuiltInOp<A>['partition'];
  /** Its value where all inputs are numbers: computed when a plan is made. Absent: kernels compute it. */
  ofNumbers?(...values: readonly number[]): number;
}

/** An elementwise operation of its name, expression and gradient. */
export function elementwise<A = None>(
  name: string,
  { expression, gradient, dtype = 'float32', takesInt32 = false, partition = 'elementwise', ofNumbers }: Definition<A>,
): BuiltInOp<A> {
  return {
    name,
    infer(inputs) {
      const shapes = inputs.map((input) => input.shape);
      const shape = broadcastShapes(shapes, name);
      if (!takesInt32) refuseInt32(inputs, name);
      return { shape, dtype };
    },
    gradient(node, upstream, needs) {
      if (gradient === 'none') return 'none';
      return gradient(node.inputs, node, upstream, node.attributes).map((make, at) => (needs[at] ? make() : null));
    },
    partition,
    fold: ofNumbers && ((_, values) => (values.every((value) => value !== null) ? ofNumbers(...values) : null)),
    lowering: {
      kind: 'pointwise',
      expression: (node, inputs, scope) => expression(inputs, node.attributes, scope),
    },
  };
}

type Make = (...inputs: readonly Node[]) => Node;

/**
 * An operation that int32 has, too: where the inputs from place `from` on, the others being conditions, are all int32, it is
 * computed in these, and so is its result unless it `compares`. Beside float32 they are compared without rounding, or else refused.
 */
export function exact(
  name: string,
  {
    expression,
    ofInt32 = (inputs, scope) => expression(inputs, NONE, scope),
    compares = false,
    from = 0,
    ...definition
  }: Definition<None> & {
    /** Default: the same expression. */
    ofInt32?: (inputs: readonly string[], scope: PointwiseScope) => string;
    compares?: boolean;
    from?: number;
  },
): BuiltInOp<None> {
  const areInt32 = (inputs: readonly Node[]): boolean => inputs.slice(from).every(isInt32);
  const plain = elementwise(name, { expression, ...definition, takesInt32: true });
  return {
    ...plain,
    infer(inputs, attributes) {
      const { shape } = plain.infer(inputs, attributes);
      const whole = areInt32(inputs);
      if (!whole && !compares) refuseInt32(inputs.slice(from), name, ' or int32 throughout');
      return { shape, dtype: whole && !compares ? 'int32' : 'float32' };
    },
    lowering: {
      kind: 'pointwise',
      expression({ inputs: given }, inputs, scope) {
        if (areInt32(given)) return ofInt32(inputs, scope);
        const at = compares ? given.findIndex(isInt32) : -1;
        if (at < 0) return expression(inputs, NONE, scope);
        scope.functions(shaders.whole_rank);
        const rank = `whole_rank(${inputs[at]}, ${inputs[1 - at]})`;
        return expression(at === 0 ? [rank, 'V(0.0)'] : ['V(0.0)', rank], NONE, scope);
      },
      keepsInt32: ({ inputs }) => compares || areInt32(inputs),
    },
  };
}

const isInt32 = ({ dtype }: Node): boolean => dtype === 'int32';

/** The inputs of such an operation: beside int32, bytes and a whole number are int32, too. */
export const alike = (inputs: readonly Node[]): readonly Node[] =>
  inputs.some(isInt32) ? inputs.map((input) => wholeNumber(input)) : inputs;

type Whole = (value: number) => number;

/** Bytes and a whole number as int32. With `toward` any number: as that whole one, or where none is int32 as an infinity or NaN. */
function wholeNumber(node: Node, toward?: Whole): Node {
  if (node.dtype === 'uint8') return toInt32(node);
  if (!isOf(node, full) || node.shape.length > 0) return node;
  const value = toward?.(node.attributes.value) ?? node.attributes.value;
  if (value === (value | 0)) return dataNode(Int32Array.of(value), []);
  return toward === undefined ? node : number(value * Number.POSITIVE_INFINITY);
}

export const builder =
  (op: Op<None>): Make =>
  (...inputs) =>
    createNode(op, inputs, NONE);

/** Of an operation that int32 has. */
const exactly =
  (op: Op<None>): Make =>
  (...inputs) =>
    createNode(op, alike(inputs), NONE);

const number = (value: number): Node => fullNode(value);

// Arithmetic

export const addOp = exact('add', {
  expression: ([a, b]) => `${a} + ${b}`,
  ofNumbers: (a, b) => a + b,
  gradient: (_, __, g) => [() => g, () => g],
});
export const add = exactly(addOp);

export const subOp = exact('sub', {
  expression: ([a, b]) => `${a} - ${b}`,
  ofNumbers: (a, b) => a - b,
  gradient: (_, __, g) => [() => g, () => neg(g)],
});
export const sub = exactly(subOp);

export const mulOp = exact('mul', {
  expression: ([a, b]) => `${a} * ${b}`,
  ofNumbers: (a, b) => a * b,
  gradient: ([a, b], _, g) => [() => mul(g, b), () => mul(g, a)],
});
export const mul = exactly(mulOp);

export const divOp = elementwise('div', {
  expression: ([a, b]) => `${a} / ${b}`,
  ofNumbers: (a, b) => a / b,
  gradient: ([, b], y, g) => [() => div(g, b), () => neg(div(mul(g, y), b))],
});
export const div = builder(divOp);

export const negOp = exact('neg', {
  expression: ([x]) => `-${x}`,
  ofNumbers: (x) => -x,
  gradient: (_, __, g) => [() => neg(g)],
});
export const neg = builder(negOp);

/** x^y as IEEE 754 defines it: a negative base with a fractional exponent is NaN, x^0 and 1^y are 1. */
export const powOp = elementwise('pow', {
  expression: ([x, y]) => `power(${x}, ${y})`,
  gradient: ([x, y], z, g) => [
    () => mul(g, slopeOfPower(x, y)),
    // 0^y does not move with y, though log 0 is infinite.
    () => mul(g, mul(z, log(where(less(y, number(0)), x, where(x, x, number(1)))))),
  ],
});

/** y x^(y - 1), and 0 where y is 0: there x^0 is 1 throughout, though 1 / x may be infinite. */
function slopeOfPower(x: Node, y: Node): Node {
  if (isOf(y, full)) return mul(y, pow(x, fullNode(y.attributes.value === 0 ? 0 : y.attributes.value - 1, y.shape)));
  return where(y, mul(y, pow(x, sub(y, number(1)))), number(0));
}

/** Powers that cost less than `power`. */
const POWERS: ReadonlyMap<number, (x: Node) => Node> = new Map([
  [-1, (x) => div(number(1), x)],
  [-0.5, (x) => div(number(1), sqrt(x))],
  [0.5, (x) => sqrt(x)],
  [1, (x) => (isInt32(x) ? x : copy(x))],
  [2, (x) => square(x)],
  [3, (x) => mul(square(x), x)],
]);

export function pow(x: Node, y: Node): Node {
  const known = isOf(y, full) && y.shape.length === 0 ? POWERS.get(y.attributes.value) : undefined;
  return known?.(x) ?? createNode(powOp, [x, y], NONE);
}

export const squareOp = exact('square', {
  expression: ([x]) => `${x} * ${x}`,
  gradient: ([x], _, g) => [() => mul(g, mul(number(2), x))],
});
export const square = builder(squareOp);

export const sqrtOp = elementwise('sqrt', {
  expression: ([x]) => `square_root(${x})`,
  gradient: (_, y, g) => [() => div(g, mul(number(2), y))],
});
export const sqrt = builder(sqrtOp);

export const expOp = elementwise('exp', {
  expression: ([x]) => `exponential(${x})`,
  gradient: (_, y, g) => [() => mul(g, y)],
});
export const exp = builder(expOp);

export const logOp = elementwise('log', {
  expression: ([x]) => `logarithm(${x})`,
  gradient: ([x], _, g) => [() => div(g, x)],
});
export const log = builder(logOp);

export const absOp = exact('abs', {
  expression: ([x]) => `abs(${x})`,
  gradient: ([x], _, g) => [() => mul(g, sign(x))],
});
export const abs = builder(absOp);

export const signOp = exact('sign', {
  expression: ([x]) => `sign_of(${x})`,
  ofInt32: ([x]) => `sign(${x})`,
  gradient: 'none',
});
export const sign = builder(signOp);

// Comparison and choice. Ties of maximum and minimum send the gradient to the first input.

export const maximumOp = exact('maximum', {
  expression: ([a, b]) => `maximum(${a}, ${b})`,
  ofInt32: ([a, b]) => `max(${a}, ${b})`,
  gradient: ([a, b], _, g) => [() => where(greater(b, a), number(0), g), () => where(greater(b, a), g, number(0))],
});
export const maximum = exactly(maximumOp);

export const minimumOp = exact('minimum', {
  expression: ([a, b]) => `minimum(${a}, ${b})`,
  ofInt32: ([a, b]) => `min(${a}, ${b})`,
  gradient: ([a, b], _, g) => [() => where(greater(a, b), number(0), g), () => where(greater(a, b), g, number(0))],
});
export const minimum = exactly(minimumOp);

export interface ClipAttributes {
  readonly low: number;
  readonly high: number;
}
/** min(max(x, low), high); no gradient flows outside the range. */
export const clipOp = elementwise<ClipAttributes>('clip', {
  expression: ([x], { low, high }, scope) => `clip(${x}, ${scope.constant(low)}, ${scope.constant(high)})`,
  gradient: ([x], _, g, { low, high }) => [
    () => where(greater(x, number(high)), number(0), where(less(x, number(low)), number(0), g)),
  ],
});
export function clip(x: Node, low: number, high: number): Node {
  if (!isInt32(x)) return createNode(clipOp, [x], { low, high });
  const above = low === Number.NEGATIVE_INFINITY ? x : maximum(x, number(low));
  return high === Number.POSITIVE_INFINITY ? above : minimum(above, number(high));
}

/** `a` where the condition is not 0, else `b`. */
export const whereOp = exact('where', {
  expression: ([c, a, b]) => `select(${a}, ${b}, ${c} == V(0.0))`,
  ofInt32: ([c, a, b]) => `select(${a}, ${b}, V(${c}) == V(0.0))`,
  from: 1,
  gradient: ([c], _, g) => [() => null, () => where(c, g, number(0)), () => where(c, number(0), g)],
});
export const where = (c: Node, a: Node, b: Node): Node => createNode(whereOp, [c, ...alike([a, b])], NONE);

/**
 * Beside int32 a plain number becomes the whole one that says the same, since float32 might round it to another one. `second`:
 * where the number comes second.
 */
const comparison =
  (op: Op<None>, second: Whole, first = second): Make =>
  (a, b) => {
    const inputs = isInt32(a) ? [a, wholeNumber(b, second)] : isInt32(b) ? [wholeNumber(a, first), b] : [a, b];
    return createNode(op, inputs, NONE);
  };

export const equalOp = exact('equal', {
  expression: ([a, b]) => `equal(${a}, ${b})`,
  ofInt32: ([a, b]) => `select(V(0.0), V(1.0), ${a} == ${b})`,
  compares: true,
  gradient: 'none',
});
export const equal = comparison(equalOp, (value) => (Number.isInteger(value) ? value : Number.NaN));

export const greaterOp = exact('greater', {
  expression: ([a, b]) => `greater(${a}, ${b})`,
  ofInt32: ([a, b]) => `select(V(0.0), V(1.0), ${a} > ${b})`,
  compares: true,
  gradient: 'none',
});
export const greater = comparison(greaterOp, Math.floor, Math.ceil);
export const less = (a: Node, b: Node): Node => greater(b, a);

// Activations

export const reluOp = elementwise('relu', {
  expression: ([x]) => `relu(${x})`,
  gradient: (_, y, g) => [() => reluGradient(g, y)],
});
export const relu = builder(reluOp);

/** The upstream gradient where a ReLU's result is positive. */
export const reluGradientOp = elementwise('reluGradient', {
  expression: ([g, y]) => `relu_gradient(${g}, ${y})`,
  gradient: ([, y], _, g) => [() => reluGradient(g, y), () => null],
});
export const reluGradient = builder(reluGradientOp);

export interface SlopeAttributes {
  readonly slope: number;
}
export const leakyReluOp = elementwise<SlopeAttributes>('leakyRelu', {
  expression: ([x], { slope }, scope) => `leaky_relu(${x}, ${scope.constant(slope)})`,
  gradient: ([x], _, g, { slope }) => [() => where(greater(x, number(0)), g, mul(g, number(slope)))],
});
export const leakyRelu = (x: Node, slope: number): Node => createNode(leakyReluOp, [x], { slope });

export interface AlphaAttributes {
  readonly alpha: number;
}
/** alpha (e^x - 1) below 0. */
export const eluOp = elementwise<AlphaAttributes>('elu', {
  expression: ([x], { alpha }, scope) => `elu(${x}, ${scope.constant(alpha)})`,
  // alpha e^x: y + alpha would lose the digits of what is near -alpha.
  gradient: ([x], _, g, { alpha }) => [
    () => mul(g, where(greater(x, number(0)), number(1), mul(number(alpha), exp(minimum(x, number(0)))))),
  ],
});
export const elu = (x: Node, alpha: number): Node => createNode(eluOp, [x], { alpha });

/** x Φ(x), the exact form with the error function (Hendrycks and Gimpel 2016). */
export const geluOp = elementwise('gelu', {
  expression: ([x]) => `${x} * normal_cdf(${x})`,
  gradient: ([x], _, g) => [() => mul(g, add(normalCdf(x), mul(x, normalDensity(x))))],
});
export const gelu = builder(geluOp);

/** Φ(x): the standard normal distribution's share below x. */
export const normalCdfOp = elementwise('normalCdf', {
  expression: ([x]) => `normal_cdf(${x})`,
  gradient: ([x], _, g) => [() => mul(g, normalDensity(x))],
});
export const normalCdf = builder(normalCdfOp);

/** φ(x) = e^(-x²/2) / sqrt(2π), the slope of Φ. */
export const normalDensityOp = elementwise('normalDensity', {
  expression: ([x]) => `normal_density(${x})`,
  gradient: ([x], y, g) => [() => mul(g, neg(mul(x, y)))],
});
export const normalDensity = builder(normalDensityOp);

export const sigmoidOp = elementwise('sigmoid', {
  expression: ([x]) => `sigmoid(${x})`,
  gradient: (_, y, g) => [() => mul(g, mul(y, sub(number(1), y)))],
});
export const sigmoid = builder(sigmoidOp);

export const tanhOp = elementwise('tanh', {
  expression: ([x]) => `hyperbolic_tangent(${x})`,
  gradient: (_, y, g) => [() => mul(g, sub(number(1), square(y)))],
});
export const tanh = builder(tanhOp);

export const softplusOp = elementwise('softplus', {
  expression: ([x]) => `softplus(${x})`,
  gradient: ([x], _, g) => [() => mul(g, sigmoid(x))],
});
export const softplus = builder(softplusOp);

/** Cross-entropy of sigmoid(z) with labels y from 0 to 1. Inputs: z, y. */
export const sigmoidCrossEntropyOp = elementwise('sigmoidCrossEntropy', {
  expression: ([z, y]) => `sigmoid_cross_entropy(${z}, ${y})`,
  gradient: ([z, y], _, g) => [
    // σ(z) - y, of which one term is 0 where the label is 0 or 1: a difference would lose what is left of an error near 0.
    () => mul(g, sub(mul(sub(number(1), y), sigmoid(z)), mul(y, sigmoid(neg(z))))),
    () => mul(g, neg(z)),
  ],
});
export const sigmoidCrossEntropy = builder(sigmoidCrossEntropyOp);

/** x sigmoid(x), also called swish. */
export const siluOp = elementwise('silu', {
  expression: ([x]) => `${x} * sigmoid(${x})`,
  gradient: ([x], y, g) => [
    () => {
      const s = sigmoid(x);
      return mul(g, add(s, mul(y, sub(number(1), s))));
    },
  ],
});
export const silu = builder(siluOp);

// Copies and conversions

/** The same values as float32, in memory of their own. */
export const copyOp = elementwise('copy', {
  expression: ([x]) => x,
  takesInt32: true,
  gradient: (_, __, g) => [() => g],
});
export const copy = builder(copyOp);

/** float32 to int32, rounding toward zero. */
export const toInt32Op = elementwise('toInt32', {
  expression: ([x]) => `I(${x})`,
  gradient: 'none',
  dtype: 'int32',
  takesInt32: true,
});
export const toInt32 = builder(toInt32Op);

// Dropout

export interface DropoutAttributes {
  readonly rate: number;
  /** Tells this dropout from every other one of the graph. */
  readonly key: number;
}
/**
 * Zeroes a share `rate` of the elements and scales the rest by 1 / (1 - rate). The mask is a function of seed, step, key
 * and index, so the backward pass makes it again instead of storing it.
 */
export const dropoutOp: SoughtOp<DropoutAttributes> = {
  ...elementwise<DropoutAttributes>('dropout', {
    expression([x], { rate, key }, scope) {
      const bits = `${scope.random()}(${scope.index}, ${scope.word(key)})`;
      const threshold = scope.word(Math.round(rate * 2 ** 24));
      return `${x} * select(V(0.0), ${scope.constant(rate < 1 ? 1 / (1 - rate) : 0)}, (${bits} >> U(8u)) >= U(${threshold}))`;
    },
    gradient: (_, __, g, attributes) => [() => createNode(dropoutOp, [g], attributes)],
    // The mask is drawn by index.
    partition: 'whole',
  }),
  sought: true,
};
export const dropout = (x: Node, rate: number, key: number): Node => createNode(dropoutOp, [x], { rate, key });
