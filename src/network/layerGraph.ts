/** Layers that are applied to each other's outputs in any way: a graph with several inputs and outputs. */

import { ArgumentError } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import { type AnyLayer, type LayerCall, listOf, type SymbolicTensor } from '../nn/layers/layer.ts';
import type { Apply, Composition } from './composition.ts';
import type { Form } from './heldModel.ts';
import { layerNames } from './layerNames.ts';

/** Values of a graph with the names that they have there. */
export interface NamedValues {
  readonly values: readonly SymbolicTensor[];
  /** Where they were given by name; else the values have names of their own. */
  readonly names: readonly string[] | null;
  readonly form: Form;
}

export class LayerGraph implements Composition {
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputShapes: readonly Shape[];
  /** How inputs and outputs are given. */
  readonly forms: readonly [Form, Form];
  readonly layers: readonly AnyLayer[];
  /** Each layer's applications, those before whose outputs they read. */
  readonly calls: readonly LayerCall[];

  /**
   * The graph between inputs and outputs.
   * @throws ArgumentError where an output needs another input, or none needs one of these
   */
  constructor(inputs: NamedValues, outputs: NamedValues) {
    this.inputs = inputs.values;
    this.outputs = outputs.values;
    this.forms = [inputs.form, outputs.form];
    this.inputShapes = inputs.values.map(({ shape }) => shape);
    this.inputNames = inputs.names ?? namesOfInputs(inputs.values);
    checkInputsOfGraph(this.inputs, this.inputNames);
    this.calls = callsBehind(this.outputs);
    this.layers = [...new Set(this.calls.map(({ layer }) => layer))];
    this.#checkReach();
    this.outputNames = outputs.names ?? this.#namesOfOutputs();
  }

  #checkReach(): void {
    const read = new Set([...this.outputs, ...this.calls.flatMap(({ inputs }) => listOf(inputs))]);
    const stray = [...read].find((value) => value.call === null && !this.inputs.includes(value));
    if (stray !== undefined) {
      const name = stray.givenName === null ? 'an input' : `the input '${stray.givenName}'`;
      throw new ArgumentError(
        `Model: an output needs ${name} ${String(stray)}, which is none of inputs. Add it to inputs, or build on those.`,
      );
    }
    const unread = this.inputs.findIndex((value) => !read.has(value));
    if (unread < 0) return;
    throw new ArgumentError(
      `Model: no output depends on the input '${this.inputNames[unread]}'. Leave it out of inputs, or apply a layer to it.`,
    );
  }

  /** After the layers that make them. */
  #namesOfOutputs(): string[] {
    const byLayer = this.#namesOfLayers();
    const names: string[] = [];
    for (const value of this.outputs) {
      const name = this.#nameOf(value, byLayer);
      let free = name;
      for (let count = 1; names.includes(free); count++) free = `${name}_${count}`;
      names.push(free);
    }
    return names;
  }

  connections(): Map<AnyLayer, string[]> {
    const byLayer = this.#namesOfLayers();
    const made = new Map<AnyLayer, string[]>(this.layers.map((layer) => [layer, []]));
    for (const { layer, inputs } of this.calls)
      made.get(layer)?.push(...listOf(inputs).map((value) => this.#nameOf(value, byLayer)));
    return made;
  }

  #namesOfLayers(): Map<AnyLayer, string> {
    const names = layerNames(this.layers);
    return new Map(this.layers.map((layer, at) => [layer, names[at]]));
  }

  /** Of the input, or of the layer that makes it. */
  #nameOf(value: SymbolicTensor, byLayer: ReadonlyMap<AnyLayer, string>): string {
    return value.call === null
      ? this.inputNames[this.inputs.indexOf(value)]
      : (byLayer.get(value.call.layer) ?? value.call.layer.className);
  }

  readers(input: number): AnyLayer[] {
    const value = this.inputs[input];
    return this.calls.filter(({ inputs }) => listOf(inputs).includes(value)).map(({ layer }) => layer);
  }

  run<T extends object>(inputs: readonly T[], apply: Apply<T>): readonly T[] {
    const given = new Map(this.inputs.map((value, at) => [value, inputs[at]]));
    const made = new Map<LayerCall, readonly T[]>();
    const resultFor = (value: SymbolicTensor): T => {
      const found = value.call === null ? given.get(value) : made.get(value.call)?.[value.index];
      if (found !== undefined) return found;
      throw new ArgumentError(
        'Model: a layer gives fewer outputs than when it was applied. Let call always give as many.',
      );
    };
    for (const call of this.calls) {
      const { layer, inputs: read } = call;
      const x = Array.isArray(read) ? listOf(read).map(resultFor) : resultFor(listOf(read)[0]);
      made.set(call, listOf(apply(layer, x)));
    }
    return this.outputs.map(resultFor);
  }
}

/** The given names, else `input`, `input_1`, … */
function namesOfInputs(inputs: readonly SymbolicTensor[]): string[] {
  return layerNames(inputs.map(({ givenName }) => ({ className: 'Input', givenName })));
}

function checkInputsOfGraph(inputs: readonly SymbolicTensor[], names: readonly string[]): void {
  inputs.forEach((value, at) => {
    if (value.call !== null) {
      throw new ArgumentError(
        `Model: inputs must be what input() gives, but '${names[at]}' is the output of a ${value.call.layer.className}. Begin with input(shape).`,
      );
    }
    if (inputs.indexOf(value) < at) {
      throw new ArgumentError(`Model: the input '${names[at]}' is given twice. Give each input once.`);
    }
  });
}

/** All applications that values depend on, those before whose outputs they read. */
function callsBehind(outputs: readonly SymbolicTensor[]): LayerCall[] {
  const order: LayerCall[] = [];
  const seen = new Set<LayerCall>();
  const stack: { readonly call: LayerCall; readonly leaving: boolean }[] = [];
  const enter = (values: readonly SymbolicTensor[]): void => {
    for (const { call } of [...values].reverse()) if (call !== null) stack.push({ call, leaving: false });
  };
  enter(outputs);
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { call, leaving } = top;
    if (leaving) order.push(call);
    else if (!seen.has(call)) {
      seen.add(call);
      stack.push({ call, leaving: true });
      enter(listOf(call.inputs));
    }
  }
  return order;
}
