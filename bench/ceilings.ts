/**
 * What the adapter can do at best, measured: arithmetic in registers, copying through memory, and starting a kernel.
 * Kernels are judged by these numbers.
 */

import { linearGrid } from '../src/graph.ts';
import type { Device } from '../src/index.ts';
import { rounded, spreadOf } from './statistics.ts';

export interface Ceilings {
  readonly part: 'ceilings';
  readonly adapter: string;
  /** Multiplications and additions of float32, two a multiply-add, in 10^9 a second. */
  readonly gflops: number;
  /** The form that reached it, such as `8 sums of vec4f, fma`. */
  readonly form: string;
  /** Bytes read plus bytes written by a copy, in 10^9 a second. */
  readonly gbs: number;
  readonly copyMiB: number;
  /** Microseconds that an empty dispatch adds to a submission, encoding included. */
  readonly dispatchUs: number;
  /** Of these, what the host needs to encode it. */
  readonly encodeUs: number;
}

interface Form {
  readonly sums: number;
  readonly type: 'f32' | 'vec4f';
  readonly fused: boolean;
}

/** Independent sums: too few wait for each other's results, too many do not fit into registers. */
const FORMS: readonly Form[] = [4, 8, 16].flatMap((sums) =>
  (['f32', 'vec4f'] as const).flatMap((type) => [true, false].map((fused) => ({ sums, type, fused }))),
);
/** Steps of every sum in one turn of the loop. */
const UNROLLED = 4;
const WORKGROUP = 64;
const DISPATCHES = 2000;
const SAMPLES = 5;

const lanesOf = ({ type }: Form): number => (type === 'vec4f' ? 4 : 1);

function arithmeticSource({ sums, type, fused }: Form): string {
  const each = (write: (sum: string) => string): string =>
    Array.from({ length: sums }, (_, at) => write(`s${at}`)).join(' ');
  const step = each((s) => (fused ? `${s} = fma(${s}, x, y);` : `${s} = ${s} * x + y;`));
  return `
    struct Params { turns: u32, x: f32, y: f32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read_write> result: array<${type}>;
    @compute @workgroup_size(${WORKGROUP})
    fn main(@builtin(global_invocation_id) id: vec3u) {
      let x = ${type}(params.x);
      let y = ${type}(params.y + f32(id.x) * 1e-9);
      ${each((s) => `var ${s} = ${type}(${s.slice(1)}.0);`)}
      for (var turn = 0u; turn < params.turns; turn++) {
        ${Array.from({ length: UNROLLED }, () => step).join('\n        ')}
      }
      result[id.x] = ${Array.from({ length: sums }, (_, at) => `s${at}`).join(' + ')};
    }`;
}

const COPY_SOURCE = `
  @group(0) @binding(0) var<storage, read_write> original: array<vec4f>;
  @group(0) @binding(1) var<storage, read_write> copied: array<vec4f>;
  @compute @workgroup_size(${WORKGROUP})
  fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.y * groups.x * ${WORKGROUP}u + id.x;
    if (i < arrayLength(&copied)) { copied[i] = original[i]; }
  }`;

const EMPTY_SOURCE = `
  @group(0) @binding(0) var<storage, read_write> one: array<f32>;
  @compute @workgroup_size(1)
  fn main(@builtin(num_workgroups) groups: vec3u) { if (groups.x == 0u) { one[0] = 1.0; } }`;

/** A kernel with its buffers. */
class Probe {
  readonly #device: Device;
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;

  private constructor(device: Device, pipeline: GPUComputePipeline, group: GPUBindGroup) {
    this.#device = device;
    this.#pipeline = pipeline;
    this.#group = group;
  }

  static async of(device: Device, code: string, buffers: readonly GPUBuffer[]): Promise<Probe> {
    const { gpu } = device;
    const module = gpu.createShaderModule({ code });
    const pipeline = await gpu.createComputePipelineAsync({ layout: 'auto', compute: { module } });
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    return new Probe(device, pipeline, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  }

  /** Milliseconds to encode and submit `times` dispatches, and from there to the queue's end. */
  async run(grid: readonly [number, number, number], times: number): Promise<{ hostMs: number; queueMs: number }> {
    const began = performance.now();
    const { gpu } = this.#device;
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.#pipeline);
    for (let i = 0; i < times; i++) {
      pass.setBindGroup(0, this.#group);
      pass.dispatchWorkgroups(...grid);
    }
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    const submitted = performance.now();
    await this.#device.finish();
    return { hostMs: submitted - began, queueMs: performance.now() - submitted };
  }
}

export async function measureCeilings(device: Device, sampleMs: number): Promise<Ceilings> {
  const arithmetic = await measureArithmetic(device, sampleMs);
  const copy = await measureCopy(device, sampleMs);
  const dispatch = await measureDispatch(device);
  return { part: 'ceilings', adapter: device.info.name, ...arithmetic, ...copy, ...dispatch };
}

async function measureArithmetic(device: Device, sampleMs: number): Promise<Pick<Ceilings, 'gflops' | 'form'>> {
  const threads = device.info.software ? 2 ** 12 : 2 ** 19;
  const { UNIFORM, COPY_DST, STORAGE } = GPUBufferUsage;
  const params = device.memory.create({ size: 16, usage: UNIFORM | COPY_DST });
  const result = device.memory.create({ size: threads * 16, usage: STORAGE });
  const turnsFor = async (form: Form, probe: Probe, turns: number): Promise<{ gflops: number; ms: number }> => {
    const words = new ArrayBuffer(16);
    new Uint32Array(words)[0] = turns;
    new Float32Array(words).set([0.999, 0.001], 1);
    device.gpu.queue.writeBuffer(params, 0, words);
    const { queueMs: ms } = await probe.run([threads / WORKGROUP, 1, 1], 1);
    const flops = 2 * threads * turns * UNROLLED * form.sums * lanesOf(form);
    return { gflops: flops / ms / 1e6, ms };
  };
  try {
    let best: { form: Form; probe: Probe; turns: number; gflops: number } | null = null;
    for (const form of FORMS) {
      const probe = await Probe.of(device, arithmeticSource(form), [params, result]);
      let turns = 16;
      let tried = await turnsFor(form, probe, turns);
      while (tried.ms < sampleMs / 2 && turns < 2 ** 24) {
        turns = Math.ceil(turns * Math.min(16, Math.max(2, sampleMs / tried.ms)));
        tried = await turnsFor(form, probe, turns);
      }
      if (best === null || tried.gflops > best.gflops) best = { form, probe, turns, gflops: tried.gflops };
    }
    if (best === null) throw new Error('There is no form of arithmetic to measure. Add one to FORMS.');
    const { form, probe, turns } = best;
    let { gflops } = best;
    for (let i = 0; i < SAMPLES; i++) gflops = Math.max(gflops, (await turnsFor(form, probe, turns)).gflops);
    const how = form.fused ? 'fma' : 'multiply and add';
    return { gflops: rounded(gflops), form: `${form.sums} sums of ${form.type}, ${how}` };
  } finally {
    device.memory.destroy(params);
    device.memory.destroy(result);
  }
}

async function measureCopy(device: Device, sampleMs: number): Promise<Pick<Ceilings, 'gbs' | 'copyMiB'>> {
  const limit = Math.min(device.info.maxBindingBytes, device.info.maxBufferBytes);
  // Larger than the caches of the adapter.
  const bytes = Math.min(limit, (device.info.software ? 64 : 512) * 2 ** 20);
  const { STORAGE } = GPUBufferUsage;
  const from = device.memory.create({ size: bytes, usage: STORAGE });
  const to = device.memory.create({ size: bytes, usage: STORAGE });
  try {
    const grid = linearGrid(Math.ceil(bytes / 16 / WORKGROUP));
    // Memory that was never written may be one and the same page of zeros: the way back writes it.
    await (await Probe.of(device, COPY_SOURCE, [to, from])).run(grid, 1);
    const probe = await Probe.of(device, COPY_SOURCE, [from, to]);
    const { queueMs: first } = await probe.run(grid, 1);
    const times = Math.max(1, Math.ceil(sampleMs / first));
    let ms = Number.POSITIVE_INFINITY;
    for (let i = 0; i < SAMPLES; i++) ms = Math.min(ms, (await probe.run(grid, times)).queueMs / times);
    return { gbs: rounded((2 * bytes) / ms / 1e6), copyMiB: bytes / 2 ** 20 };
  } finally {
    device.memory.destroy(from);
    device.memory.destroy(to);
  }
}

async function measureDispatch(device: Device): Promise<Pick<Ceilings, 'dispatchUs' | 'encodeUs'>> {
  const one = device.memory.create({ size: 16, usage: GPUBufferUsage.STORAGE });
  try {
    const probe = await Probe.of(device, EMPTY_SOURCE, [one]);
    await probe.run([1, 1, 1], DISPATCHES);
    const host: number[] = [];
    const whole: number[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      const { hostMs, queueMs } = await probe.run([1, 1, 1], DISPATCHES);
      host.push(hostMs);
      whole.push(hostMs + queueMs);
    }
    const each = (values: readonly number[]): number => rounded((spreadOf(values).median * 1000) / DISPATCHES);
    return { dispatchUs: each(whole), encodeUs: each(host) };
  } finally {
    device.memory.destroy(one);
  }
}
