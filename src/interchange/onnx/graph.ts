/** What becomes of a model on its way into a file: operations, constants, and the values between them. */
import { floatTensor, int64Tensor, type OnnxAttribute, type OnnxNode, type OnnxTensor } from './file.ts';

/** A value of the graph. */
export interface Value {
  readonly name: string;
  /** With the batch. */
  readonly rank: number;
  /** Whether the last dimension, as the model has it, comes right after the batch; the same for ranks of 1 and 2. */
  readonly channelsFirst: boolean;
}

/** Collects operations and constants, and names them after the layer at hand. */
export class Graph {
  layer = '';
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  readonly #names: Set<string>;

  constructor(reserved: readonly string[]) {
    this.#names = new Set(reserved);
  }

  #unique(part: string): string {
    const base = `${this.layer}/${part}`;
    let name = base;
    for (let i = 1; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Adds an operation; returns the name of its output. */
  add(opType: string, input: readonly string[], attribute: readonly OnnxAttribute[] = []): string {
    const name = this.#unique(opType);
    this.nodes.push({ opType, name, input, output: [name], attribute });
    return name;
  }

  floats(part: string, dims: readonly number[], data: Float32Array): string {
    const name = this.#unique(part);
    this.constants.push(floatTensor(name, dims, data));
    return name;
  }

  scalar(value: number): string {
    return this.floats('constant', [], new Float32Array([value]));
  }

  sizes(data: readonly number[]): string {
    const name = this.#unique('shape');
    this.constants.push(int64Tensor(name, data));
    return name;
  }

  /** Makes a value the graph's output. */
  finish({ name }: Value, output: string): void {
    this.nodes.push({ opType: 'Identity', name: output, input: [name], output: [output], attribute: [] });
  }
}
