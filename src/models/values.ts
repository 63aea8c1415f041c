/** How a model's inputs, outputs and labels are given: one, a list, or a record by names, as its graph was made of. */

import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { meant } from '../base/optionNames.ts';
import type { Form } from '../network/heldModel.ts';
import type { NamedValues } from '../network/layerGraph.ts';
import { checkLayerName, SymbolicTensor } from '../nn/layers/layer.ts';
import type { Tensor, TensorLike } from '../tensor/tensor.ts';

/** Inputs or outputs of a `Model`. */
export type SymbolicValues = SymbolicTensor | readonly SymbolicTensor[] | Readonly<Record<string, SymbolicTensor>>;

/** Data for them: of one value its data, of several a list in their order or a record, always also by their names. */
export type DataFor<V extends SymbolicValues> =
  | (V extends SymbolicTensor ? TensorLike : { readonly [K in keyof V]: TensorLike })
  | Readonly<Record<string, TensorLike>>;

/** Labels: outputs without a loss have none. */
export type LabelsFor<V extends SymbolicValues> =
  | (V extends SymbolicTensor ? TensorLike : { readonly [K in keyof V]: TensorLike | null })
  | Readonly<Record<string, TensorLike | null>>;

/** What a model gives for its outputs. */
export type TensorsFor<V extends SymbolicValues> = V extends SymbolicTensor
  ? Tensor
  : { readonly [K in keyof V]: Tensor };

/** Values of another graph in place of a model's inputs. */
export type AppliedTo<V extends SymbolicValues> =
  | (V extends SymbolicTensor ? SymbolicTensor : { readonly [K in keyof V]: SymbolicTensor })
  | Readonly<Record<string, SymbolicTensor>>;

/** The model's outputs for them. */
export type Applied<V extends SymbolicValues> = V extends SymbolicTensor
  ? SymbolicTensor
  : { readonly [K in keyof V]: SymbolicTensor };

/** An object that holds something by names, and no tensor, array or the like. */
export function isByName(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** @throws ArgumentError for anything but values of a graph, and where there are none */
export function namedValues(what: 'inputs' | 'outputs', given: unknown): NamedValues {
  const form: Form = Array.isArray(given) ? 'list' : isByName(given) ? 'record' : 'one';
  const all: readonly [string, unknown][] = isByName(given)
    ? Object.entries(given)
    : [...(Array.isArray(given) ? given : [given])].map((one, at) => [String(at), one]);
  const values = all.map(([key, value]) => {
    if (value instanceof SymbolicTensor) return value;
    const where = form === 'one' ? '' : form === 'list' ? ` at position ${key}` : ` as '${key}'`;
    throw new ArgumentError(
      `Model: ${what} must be what input() or a layer's apply gives, got ${describe(value)}${where}. Write const x = input([32]), then new Model({ inputs: x, outputs: new Dense(10).apply(x) }).`,
    );
  });
  if (values.length === 0) throw new ArgumentError(`Model: ${what} are empty. Give at least one.`);
  if (form !== 'record') return { values, names: null, form };
  const names = all.map(([name]) => checkLayerName(name, `One of the model's ${what}`) ?? name);
  return { values, names, form };
}

/** What was given for each of several names. `example`: how it is written. */
export function byNames(
  who: string,
  given: unknown,
  names: readonly string[],
  example: (inside: string) => string,
): readonly unknown[] {
  if (isByName(given)) {
    const unknown = Object.keys(given).find((name) => !names.includes(name));
    if (unknown === undefined) return names.map((name) => given[name]);
    throw new ArgumentError(
      `${who}: there is no '${unknown}'.${meant(unknown, names)} The model has ${names.join(', ')}.`,
    );
  }
  if (Array.isArray(given) && given.length === names.length) return given;
  const got = Array.isArray(given) ? `a list of ${given.length}` : describe(given);
  throw new ArgumentError(
    `${who}: expected a list of ${names.length} or a record by names, got ${got}. Write ${example(names.map((name) => `${JSON.stringify(name)}: …`).join(', '))}.`,
  );
}
