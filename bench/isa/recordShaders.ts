/**
 * Loaded before a program (`--import`), it notes every compute pipeline that the program makes and dispatches, and writes them
 * at the process's end to the file that WGRAD_RECORD_SHADERS names.
 */
import { writeFileSync } from 'node:fs';
import { globals } from 'webgpu';
import type { Shader } from './shader.ts';

/** A pipeline that was dispatched. */
export interface Recorded {
  /** What the program calls it, or else `kernel`. */
  readonly label: string;
  readonly shader: Shader;
}

const file = process.env.WGRAD_RECORD_SHADERS;
if (file !== undefined) record(file);

function record(path: string): void {
  for (const [name, value] of Object.entries(globals)) {
    if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });
  }
  const codes = new WeakMap<GPUShaderModule, { readonly code: string; readonly label: string }>();
  const pipelines = new WeakMap<GPUComputePipeline, Recorded>();
  const dispatched = new Set<Recorded>();

  const device = GPUDevice.prototype;
  const { createShaderModule, createComputePipeline, createComputePipelineAsync } = device;
  device.createShaderModule = function (descriptor) {
    const module = createShaderModule.call(this, descriptor);
    codes.set(module, { code: descriptor.code, label: descriptor.label ?? '' });
    return module;
  };
  const note = (pipeline: GPUComputePipeline, { label, compute }: GPUComputePipelineDescriptor): void => {
    const source = codes.get(compute.module);
    if (source === undefined) return;
    const { entryPoint, constants } = compute;
    pipelines.set(pipeline, {
      label: label || source.label || 'kernel',
      shader: { code: source.code, entryPoint, constants },
    });
  };
  device.createComputePipeline = function (descriptor) {
    const pipeline = createComputePipeline.call(this, descriptor);
    note(pipeline, descriptor);
    return pipeline;
  };
  device.createComputePipelineAsync = async function (descriptor) {
    const pipeline = await createComputePipelineAsync.call(this, descriptor);
    note(pipeline, descriptor);
    return pipeline;
  };
  const pass = GPUComputePassEncoder.prototype;
  const { setPipeline } = pass;
  pass.setPipeline = function (pipeline) {
    const one = pipelines.get(pipeline);
    if (one !== undefined) dispatched.add(one);
    return setPipeline.call(this, pipeline);
  };
  process.once('exit', () => writeFileSync(path, JSON.stringify([...dispatched])));
}
