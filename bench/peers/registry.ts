/** Which libraries are compared, and how the process of each is started. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AdapterChoice } from '../../src/index.ts';
import type { Mode } from './child.ts';
import type { NetworkName } from './networks.ts';

/** wgrad's name among the peers: all the others are compared with it. */
export const WGRAD = 'wgrad-webgpu';

export interface Peer {
  readonly name: string;
  /** As people write it. */
  readonly title: string;
  readonly backend: string;
  /** Beside this file. */
  readonly script: string;
  /** Comes from this folder's package.json. */
  readonly installed: boolean;
}

export const PEERS: readonly Peer[] = [
  { name: WGRAD, title: 'wgrad', backend: 'webgpu', script: 'wgrad.ts', installed: false },
  { name: 'tfjs-webgpu', title: 'TensorFlow.js, WebGPU', backend: 'webgpu', script: 'tfjs.mjs', installed: true },
  { name: 'jaxjs-webgpu', title: 'jax-js, WebGPU', backend: 'webgpu', script: 'jaxjs.mjs', installed: true },
  { name: 'torch-cpu', title: 'PyTorch, CPU', backend: 'cpu', script: 'torch_cpu.py', installed: false },
  { name: 'jaxjs-wasm', title: 'jax-js, Wasm', backend: 'wasm', script: 'jaxjs.mjs', installed: true },
  { name: 'tfjs-cpu', title: 'TensorFlow.js, CPU', backend: 'cpu', script: 'tfjs.mjs', installed: true },
];

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface Settings {
  readonly mode: Mode;
  readonly network: NetworkName;
  readonly adapter: AdapterChoice;
  readonly batch: number;
  readonly seconds: number;
  /** Without the shaders that drivers keep on disk. */
  readonly cold: boolean;
  /** Which Python has torch; default: the first that does. */
  readonly python?: string;
}

/** How to start a peer's process; a sentence if this machine lacks what it needs. */
export function commandFor(peer: Peer, settings: Settings): Command | string {
  const { mode, network, adapter, batch, seconds, cold } = settings;
  const script = fileURLToPath(new URL(peer.script, import.meta.url));
  const flags = ['--mode', mode, '--network', network, '--backend', peer.backend];
  const args = [
    ...flags,
    '--adapter',
    mode === 'host' ? 'null' : adapter,
    '--batch',
    String(batch),
    '--seconds',
    String(seconds),
  ];
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...(adapter === 'lavapipe' && onlyLavapipe()),
    ...(cold && NO_SHADER_CACHE),
  };
  if (!script.endsWith('.py')) return { file: process.execPath, args: ['--import', 'tsx', script, ...args], env };
  const python = findTorch(settings.python);
  if (python === null) {
    const lack = settings.python === undefined ? 'no python3 here has torch' : `${settings.python} has no torch`;
    return `${lack} (on Debian: apt-get install python3-torch libopenblas0-pthread)`;
  }
  // Settings of the library that torch multiplies with, made for another processor than this one.
  delete env.OPENBLAS_CORETYPE;
  delete env.OPENBLAS_L2_SIZE;
  return { file: python, args: [script, ...args], env };
}

/** Mesa's and NVIDIA's names for keeping no compiled shaders on disk. */
const NO_SHADER_CACHE = { MESA_SHADER_CACHE_DISABLE: 'true', __GL_SHADER_DISK_CACHE: '0' };

/** Hides other drivers from the Vulkan loader, unless the user chose drivers already. */
function onlyLavapipe(): NodeJS.ProcessEnv {
  const chosen = process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES;
  return chosen ? {} : { VK_LOADER_DRIVERS_SELECT: '*lvp*' };
}

const hasTorch = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)';

/** The Python that was asked for, or the one on the path, or else the system's; null where it has no torch. */
const findTorch = (asked?: string): string | null =>
  (asked === undefined ? ['python3', '/usr/bin/python3'] : [asked]).find(
    (python) => spawnSync(python, ['-c', hasTorch], { stdio: 'ignore', timeout: 30_000 }).status === 0,
  ) ?? null;
