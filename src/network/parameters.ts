/**
 * A model's weights: side by side in one buffer, so that an optimizer updates all of them in one dispatch, and so that
 * they are copied in one piece. Until a device is needed they live on the host.
 */

import { counted } from '../base/describe.ts';
import { bytesOf, type Dtype, type HostArray } from '../base/dtype.ts';
import { ShapeError, StateError } from '../base/errors.ts';
import { formatShape, type Shape, sizeOf } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import { dataNode, storedNode } from '../ops/leaf.ts';
import { packedSize } from '../ops/pack.ts';
import type { Device } from '../runtime/device.ts';

export interface Parameter {
  /** `layer/kernel` */
  readonly name: string;
  readonly shape: Shape;
  /** First element in the block. */
  readonly start: number;
}

/** Weights of one kind (trainable or not) in one block. */
export class ParameterBlock {
  readonly parameters: readonly Parameter[];
  /** Elements of the block, the gaps that alignment leaves included. */
  readonly size: number;
  #host: Float32Array | null;
  #device: Device | null = null;
  #storage: Storage | null = null;
  #disposed = false;

  constructor(parameters: readonly { name: string; shape: Shape; values: Float32Array }[]) {
    let start = 0;
    this.parameters = parameters.map(({ name, shape }) => {
      const parameter = { name, shape, start };
      start += packedSize(sizeOf(shape));
      return parameter;
    });
    this.size = start;
    const host = new Float32Array(start);
    parameters.forEach(({ values }, at) => {
      host.set(values, this.parameters[at].start);
    });
    this.#host = host;
  }

  /** Numbers that the block holds, gaps left out. */
  get count(): number {
    return this.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** Moves the values to a device; an empty block stays where it is. */
  attach(device: Device): void {
    this.#check();
    if (this.size === 0 || this.#device === device || this.#host === null) return;
    this.#device = device;
    this.#storage = device.allocate(this.size, 'float32', 'weights');
    device.write(this.#storage, this.#host);
    this.#host = null;
  }

  /** All values as one node. */
  get node(): Node {
    if (this.#storage === null) return standIn([this.size]);
    return storedNode(this.#storage, [this.size]);
  }

  /** One node a parameter, to plan with; run only those of a block that lies on a device. */
  nodes(): Node[] {
    return this.#nodes((shape) => standIn(shape));
  }

  /** `count` parameters from the `first` on as one node, the gaps that alignment leaves included. */
  run(first: number, count: number): Node {
    const { start } = this.parameters[first];
    const end = this.parameters[first + count]?.start ?? this.size;
    const storage = this.#storage;
    return storage === null ? standIn([end - start]) : stretchOf(storage, start, [end - start]);
  }

  /** One node a parameter, with its values wherever they are. */
  values(): Node[] {
    this.#check();
    const host = this.#host ?? new Float32Array(0);
    return this.#nodes((shape, start) => dataNode(host.slice(start, start + sizeOf(shape)), shape));
  }

  #nodes(onHost: (shape: Shape, start: number) => Node): Node[] {
    const storage = this.#storage;
    return this.parameters.map(({ shape, start }) => {
      return storage === null ? onHost(shape, start) : stretchOf(storage, start, shape);
    });
  }

  async read(): Promise<Float32Array[]> {
    this.#check();
    let values: ArrayLike<number> & { slice(start: number, end: number): ArrayLike<number> };
    if (this.#device !== null && this.#storage !== null) {
      values = await this.#device.read(this.#storage, 'float32', this.size);
    } else {
      values = this.#host ?? new Float32Array(0);
    }
    return this.parameters.map(({ shape, start }) => Float32Array.from(values.slice(start, start + sizeOf(shape))));
  }

  /** Replaces one parameter's values. */
  write(index: number, values: Float32Array): void {
    this.#check();
    const { name, shape, start } = this.parameters[index];
    if (values.length !== sizeOf(shape)) {
      throw new ShapeError(
        `Weight '${name}' has shape ${formatShape(shape)}, ${counted(sizeOf(shape), 'number')}, got ${values.length}. Give weights of the same model.`,
      );
    }
    if (this.#device !== null && this.#storage !== null) this.#device.write(this.#storage, values, start * 4);
    else this.#host?.set(values, start);
  }

  /** Where the values lie; null while they are on the host. */
  get device(): Device | null {
    return this.#device;
  }

  dispose(): void {
    if (this.#device !== null && this.#storage !== null && !this.#device.closed) this.#device.free(this.#storage);
    this.#storage = null;
    this.#device = null;
    this.#host = null;
    this.#disposed = true;
  }

  /** Whether its memory was given back. */
  get disposed(): boolean {
    return this.#disposed;
  }

  #check(): void {
    if (!this.#disposed) return;
    throw new StateError('This model was disposed of, its weights are gone. Build it anew, or dispose of it later.');
  }
}

/** Floats of a block from its element `start` on. */
const stretchOf = (block: Storage, start: number, shape: Shape): Node =>
  storedNode({ ...block, offset: block.offset + start * 4, bytes: bytesOf(sizeOf(shape), 'float32') }, shape);

/** A leaf that may be planned with but never run. */
export const standIn = (shape: Shape, dtype: Dtype = 'float32'): Node => dataNode(EMPTY[dtype], shape);

const EMPTY: Readonly<Record<Dtype, HostArray>> = {
  float32: new Float32Array(0),
  int32: new Int32Array(0),
  uint8: new Uint8Array(0),
};
