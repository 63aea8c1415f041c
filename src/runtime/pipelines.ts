/** Compiled kernels of one device, by their text: equal kernels compile once, and compile side by side. */

import type { KernelError } from '../base/errors.ts';
import { LruMap } from '../base/lru.ts';
import type { ScheduledKernel } from '../compiler/kernelText.ts';
import type { Access } from '../ir/scope.ts';
import type { Waiter } from '../platform/waiter.ts';

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const BINDING_TYPES: Readonly<Record<Access, GPUBufferBindingType>> = {
  read: 'read-only-storage',
  read_write: 'storage',
  uniform: 'uniform',
};

/** Kernels kept for plans to come; those of living plans live on with them. */
const KEPT = 1024;

type Explain = (kernel: ScheduledKernel, module: GPUShaderModule, cause: unknown) => Promise<KernelError>;

export class PipelineCache {
  readonly #gpu: GPUDevice;
  readonly #stepLayout: GPUBindGroupLayout;
  readonly #waiter: Waiter;
  readonly #check: () => void;
  readonly #explain: Explain;
  readonly #pipelines = new LruMap<string, Promise<Pipeline>>({ entries: KEPT });

  /** `check` throws where the device itself has failed, `explain` makes the error of a kernel that does not compile. */
  constructor(gpu: GPUDevice, stepLayout: GPUBindGroupLayout, waiter: Waiter, check: () => void, explain: Explain) {
    this.#gpu = gpu;
    this.#stepLayout = stepLayout;
    this.#waiter = waiter;
    this.#check = check;
    this.#explain = explain;
  }

  /** Distinct kernels that are kept. */
  get count(): number {
    return this.#pipelines.size;
  }

  get(kernel: ScheduledKernel): Promise<Pipeline> {
    const key = `${kernel.usesStep}\n${kernel.source}`;
    let compiled = this.#pipelines.get(key);
    if (compiled === undefined) {
      compiled = this.#compile(kernel);
      this.#pipelines.add(key, compiled);
    }
    return compiled;
  }

  async #compile(kernel: ScheduledKernel): Promise<Pipeline> {
    const gpu = this.#gpu;
    const entries: GPUBindGroupLayoutEntry[] = kernel.bindings.map(({ access }, at) => ({
      binding: at + 1,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: BINDING_TYPES[access] },
    }));
    if (kernel.uniforms.length > 0) {
      entries.unshift({ binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' } });
    }
    // A fault in the text is reported here, with its lines, not a second time by whatever runs next.
    gpu.pushErrorScope('validation');
    const layout = gpu.createBindGroupLayout({ label: kernel.label, entries });
    const pipelineLayout = gpu.createPipelineLayout({
      label: kernel.label,
      bindGroupLayouts: kernel.usesStep ? [layout, this.#stepLayout] : [layout],
    });
    const module = gpu.createShaderModule({ label: kernel.label, code: kernel.source });
    // A lost device answers nothing.
    gpu.popErrorScope().catch(() => {});
    try {
      const pipeline = await this.#waiter.wait(
        gpu.createComputePipelineAsync({
          label: kernel.label,
          layout: pipelineLayout,
          compute: { module, entryPoint: 'main' },
        }),
      );
      return { pipeline, layout };
    } catch (cause) {
      const error = await this.#explain(kernel, module, cause);
      this.#check();
      throw error;
    }
  }
}
