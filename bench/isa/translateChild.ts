/** The process of translate.ts: `translateChild.ts shaders.json FOLDER`, where Mesa's dumps appear in the folder. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, globals } from 'webgpu';
import type { Shader } from './shader.ts';
import type { Translated } from './translate.ts';

const [tasks, dumps] = process.argv.slice(2);
Object.assign(globalThis, globals);
// It must live as long as the device.
const instance = create([]);
const adapter = await instance.requestAdapter();
if (adapter === null) throw new Error('Dawn accepts no adapter of RADV. Install a newer Mesa: 23.2 or later.');
const { limits } = adapter;
const device = await adapter.requestDevice({
  requiredFeatures: (['subgroups', 'shader-f16'] as const).filter((feature) => adapter.features.has(feature)),
  requiredLimits: {
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupSizeY: limits.maxComputeWorkgroupSizeY,
    maxUniformBufferBindingSize: limits.maxUniformBufferBindingSize,
  },
});

const shaders: readonly Shader[] = JSON.parse(readFileSync(tasks, 'utf8'));
const seen = new Set<string>();
// Dawn gives the same pipeline for the same shader, as long as there is one: each is to be compiled.
const kept: GPUComputePipeline[] = [];
for (const { code, entryPoint, constants } of shaders) {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  await device.popErrorScope();
  let answer: Translated;
  try {
    kept.push(await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint, constants } }));
    const fresh = readdirSync(dumps).filter((name) => !seen.has(name));
    for (const name of fresh) seen.add(name);
    const [spirv] = fresh;
    answer = spirv === undefined ? { error: 'Mesa wrote no SPIR-V.' } : { spirv: join(dumps, spirv) };
  } catch (error) {
    // The pipeline's own error only says that the module has one.
    const { messages } = await module.getCompilationInfo();
    const fault = messages.find(({ type }) => type === 'error');
    const plain = error instanceof Error ? error.message : String(error);
    answer = { error: fault === undefined ? plain : `line ${fault.lineNum}: ${fault.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
// Whatever Dawn still does.
process.exit(0);
