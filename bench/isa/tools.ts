/** What has to be on the machine: Mesa's RADV, a C compiler, Vulkan's headers and loader. Nothing of it is installed by itself. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A part that can be missing, the Debian package that brings it, and what for. */
interface Need {
  readonly what: string;
  readonly package: string;
  readonly why: string;
}

export const NEEDS = {
  radv: { what: "Mesa's RADV", package: 'mesa-vulkan-drivers', why: 'compiles for the GPUs that are not there' },
  compiler: { what: 'a C compiler (cc)', package: 'gcc', why: 'builds the program that asks RADV' },
  headers: { what: "Vulkan's headers (vulkan/vulkan.h)", package: 'libvulkan-dev', why: 'that program includes them' },
  loader: { what: "Vulkan's loader (libvulkan.so)", package: 'libvulkan-dev', why: 'that program links it' },
} as const satisfies Record<string, Need>;
export type NeedName = keyof typeof NEEDS;

/** Something that the machine lacks; the message says what, and how to get it. */
export class MissingTools extends Error {
  readonly missing: readonly NeedName[];

  constructor(missing: readonly NeedName[]) {
    super(textOf(missing));
    this.name = 'MissingTools';
    this.missing = missing;
  }
}

/** What is missing and the command that installs it on Debian. */
export function textOf(missing: readonly NeedName[]): string {
  const needs = missing.map((name): Need => NEEDS[name]);
  const lines = needs.map(({ what, why }) => `  ${what}: ${why}`);
  const packages = [...new Set(needs.map((need) => need.package))];
  const backports = missing.includes('radv')
    ? ["Debian 12's own Mesa is too old for Dawn: there, add `-t bookworm-backports` for mesa-vulkan-drivers."]
    : [];
  return [
    'This machine lacks:',
    ...lines,
    `On Debian and Ubuntu, as root: apt-get install -y --no-install-recommends ${packages.join(' ')}`,
    ...backports,
  ].join('\n');
}

/** Where Vulkan's loader looks for drivers. */
const DRIVER_FOLDERS = [
  '/usr/share/vulkan/icd.d',
  '/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
  '/usr/local/etc/vulkan/icd.d',
];

/** RADV's manifest, the one of this processor first; null where there is none. */
export function findRadv(folders: readonly string[] = DRIVER_FOLDERS): string | null {
  const found = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => /^radeon_icd.*\.json$/.test(name))
        .map((name) => join(folder, name)),
    );
  const own = process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch;
  return found.find((path) => path.includes(own)) ?? found.find((path) => path.endsWith('radeon_icd.json')) ?? null;
}

/** The environment of a process in which RADV is the only Vulkan driver, and compiles for a GPU of this family. */
export function radvEnvironment(manifest: string, family: string): NodeJS.ProcessEnv {
  const { WGRAD_ADAPTER: _, RADV_DEBUG: __, RADV_PERFTEST: ___, ...rest } = process.env;
  return {
    ...rest,
    VK_DRIVER_FILES: manifest,
    // The same for loaders before 1.3.207.
    VK_ICD_FILENAMES: manifest,
    RADV_FORCE_FAMILY: family,
    // What was compiled before is to be compiled again, and the user's cache to be left alone.
    MESA_SHADER_CACHE_DISABLE: 'true',
  };
}

/** What is there. */
export interface Tools {
  /** RADV's manifest. */
  readonly radv: string;
  /** The program that asks RADV. */
  readonly reporter: string;
}

const SOURCE = fileURLToPath(new URL('pipelineReport.c', import.meta.url));

/**
 * Finds RADV and builds the program that asks it, in `folder`.
 * @throws MissingTools for all that is missing at once
 */
export function findTools(folder: string, { cc = 'cc', radv = findRadv() } = {}): Tools {
  const missing: NeedName[] = radv === null ? ['radv'] : [];
  const reporter = join(folder, 'pipelineReport');
  const run = (...args: string[]): { ok: boolean; stderr: string } => {
    const { status, stderr } = spawnSync(cc, args, { encoding: 'utf8' });
    return { ok: status === 0, stderr: stderr ?? '' };
  };
  if (!run('--version').ok) missing.push('compiler');
  else {
    const built = run('-std=c11', '-O1', '-o', reporter, SOURCE, '-lvulkan');
    if (!built.ok) {
      const lacks: readonly NeedName[] = /vulkan\.h/.test(built.stderr)
        ? ['headers']
        : /-lvulkan|libvulkan/.test(built.stderr)
          ? ['loader']
          : [];
      // A C library without its headers comes with no compiler that Debian has.
      if (lacks.length === 0) throw new Error(`${cc} does not compile ${SOURCE}:\n${built.stderr}`);
      missing.push(...lacks);
    }
  }
  if (radv === null || missing.length > 0) throw new MissingTools(missing);
  return { radv, reporter };
}
