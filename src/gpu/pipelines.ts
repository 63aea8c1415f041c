/** Compiled kernels of one device, by their text: equal kernels compile once, and compile side by side. */

import { KernelError } from '../errors.ts';
import type { Access } from '../graph/pointwise.ts';
import type { ScheduledKernel } from '../graph/schedule.ts';
import type { Patience } from './patience.ts';

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const BINDING_TYPES: Readonly<Record<Access, GPUBufferBindingType>> = {
  read: 'read-only-storage',
  read_write: 'storage',
  uniform: 'uniform',
};

export class PipelineCache {
  readonly #gpu: GPUDevice;
  readonly #stepLayout: GPUBindGroupLayout;
  readonly #patience: Patience;
  readonly #pipelines = new Map<string, Promise<Pipeline>>();

  constructor(gpu: GPUDevice, stepLayout: GPUBindGroupLayout, patience: Patience) {
    this.#gpu = gpu;
    this.#stepLayout = stepLayout;
    this.#patience = patience;
  }

  /** Distinct kernels compiled so far. */
  get count(): number {
    return this.#pipelines.size;
  }

  get(kernel: ScheduledKernel): Promise<Pipeline> {
    const key = `${kernel.usesStep}\n${kernel.source}`;
    let compiled = this.#pipelines.get(key);
    if (compiled === undefined) {
      compiled = this.#compile(kernel);
      this.#pipelines.set(key, compiled);
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
    const layout = gpu.createBindGroupLayout({ label: kernel.label, entries });
    const bindGroupLayouts = kernel.usesStep ? [layout, this.#stepLayout] : [layout];
    // A fault in the text is reported here, with its lines, not a second time by whatever runs next.
    gpu.pushErrorScope('validation');
    const module = gpu.createShaderModule({ label: kernel.label, code: kernel.source });
    void gpu.popErrorScope();
    try {
      const pipeline = await this.#patience.wait(
        gpu.createComputePipelineAsync({
          label: kernel.label,
          layout: gpu.createPipelineLayout({ label: kernel.label, bindGroupLayouts }),
          compute: { module, entryPoint: 'main' },
        }),
      );
      return { pipeline, layout };
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const lines = kernel.source.split('\n');
      const details = messages
        .filter((message) => message.type === 'error')
        .slice(0, 5)
        .map((message) => `  line ${message.lineNum}: ${message.message}\n    ${lines[message.lineNum - 1] ?? ''}`);
      const reason = details.length > 0 ? details.join('\n') : String(cause instanceof Error ? cause.message : cause);
      throw new KernelError(
        `Kernel '${kernel.label}' did not compile:\n${reason}\nThis is a fault of wgrad, not of your model: please report it with the error's \`source\`.`,
        kernel.source,
        { cause },
      );
    }
  }
}
