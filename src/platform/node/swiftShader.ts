/**
 * The software adapter that needs no installation: SwiftShader and a Vulkan loader, as the npm package
 * `@sparticuz/chromium` ships them. Linux x64 only.
 */

import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import * as path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { DeviceError } from '../../base/errors.ts';
import { inHome, xdgCache } from './userFolders.ts';

/** The package that holds SwiftShader, and the newest version of it that runs on Node 20. */
export const swiftShaderPackage = { name: '@sparticuz/chromium', version: '147.0.0' } as const;

/** The files wanted from the archive; the loader finds the driver through the JSON file beside it. */
const files = ['libvulkan.so.1', 'libvk_swiftshader.so', 'vk_swiftshader_icd.json'] as const;

/** What the Vulkan loader reads; the second name is the older one, for loaders before 1.3.207. */
const driverVariables = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const;

/** Keeps the library loaded after Node has found that it is no addon; not among Node's constants. */
const RTLD_NODELETE = 0x1000;

interface Archive {
  readonly file: string;
  /** Of the package. */
  readonly version: string;
}

let driverVariablesBefore: (string | undefined)[] | undefined;

/**
 * What `ask` finds while Vulkan is SwiftShader's; null where that is not available. Vulkan reads its variables before `ask`
 * returns: what others look for while its promise is pending is not SwiftShader's.
 */
export function withSwiftShader<T>(ask: () => Promise<T>): Promise<T> | null {
  if (!loadSwiftShader()) return null;
  try {
    return ask();
  } finally {
    restoreVulkanVariables();
  }
}

/**
 * Loads SwiftShader's Vulkan into this process when `@sparticuz/chromium` is installed, so that the next `create([])`
 * of `webgpu` finds it, also after an earlier `create([])` that found another adapter or none. Call
 * {@link restoreVulkanVariables} once `requestAdapter()` has been called.
 *
 * @returns false where it is not available: not Linux x64, or the package is not installed
 * @throws DeviceError when the package is there but cannot be unpacked or loaded
 */
export function loadSwiftShader(): boolean {
  const archive = findSwiftShader();
  if (archive === undefined) return false;
  const folder = unpackOnce(archive);

  driverVariablesBefore ??= driverVariables.map((name) => process.env[name]);
  for (const name of driverVariables) process.env[name] = path.join(folder, 'vk_swiftshader_icd.json');

  // Dawn loads "libvulkan.so.1" by that name, and gets the library that the process already has under it.
  const library = path.join(folder, 'libvulkan.so.1');
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    // Node says so of every library that is no addon; by then it is loaded, and RTLD_NODELETE keeps it.
    if (!String(error).includes('did not self-register')) {
      restoreVulkanVariables();
      throw new DeviceError(
        `SwiftShader of ${swiftShaderPackage.name} could not be loaded from ${library}: ${messageOf(error)}. ` +
          "Delete that folder and try again, or install Mesa's lavapipe (mesa-vulkan-drivers) instead.",
        { cause: error },
      );
    }
  }
  return true;
}

/**
 * Gives the Vulkan environment variables that {@link loadSwiftShader} set their former values, so that child processes
 * and other devices choose freely. Call it when `requestAdapter()` has returned: Vulkan has read them by then.
 */
export function restoreVulkanVariables(): void {
  if (driverVariablesBefore === undefined) return;
  for (const [i, name] of driverVariables.entries()) {
    const value = driverVariablesBefore[i];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  driverVariablesBefore = undefined;
}

/** Where SwiftShader's archive is and the version of its package; undefined where there is none to use. */
export function findSwiftShader(): Archive | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  // From here for an ordinary node_modules; from the program for package managers that keep wgrad elsewhere.
  for (const from of [import.meta.url, process.argv[1]]) {
    if (from === undefined || !(from.startsWith('file:') || path.isAbsolute(from))) continue;
    let folder: string;
    try {
      folder = path.dirname(createRequire(from).resolve(swiftShaderPackage.name));
    } catch {
      continue;
    }
    // The package's exports hide its other files: walk up from its entry point.
    for (; folder !== path.dirname(folder); folder = path.dirname(folder)) {
      const file = path.join(folder, 'bin', 'swiftshader.tar.br');
      if (!fs.existsSync(file)) continue;
      const { version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
      return { file, version: String(version) };
    }
  }
  return undefined;
}

/** The folder with the unpacked files, made on the first call on this machine (about 0.1 s) and found again later. */
function unpackOnce(archive: Archive): string {
  const uid = process.getuid?.() ?? 0;
  const cache = xdgCache() ?? inHome('.cache');
  const places = [...(cache === null ? [] : [path.join(cache, 'wgrad')]), path.join(tmpdir(), `wgrad-${uid}`)];
  let cause: unknown;
  for (const place of places) {
    const folder = path.join(place, `swiftshader-${archive.version}`);
    const complete = () => files.every((name) => fs.existsSync(path.join(folder, name)));
    try {
      makeFolder(place);
      // Code is loaded from here: a folder that somebody else made or may write to (in /tmp, say) will not do.
      const { uid: owner, mode } = fs.lstatSync(place);
      if ((owner !== uid && owner !== 0) || (mode & 0o022) !== 0) {
        throw new Error(`${place} can be written by other users`);
      }
      if (complete()) return folder;
      const unfinished = fs.mkdtempSync(`${folder}.`);
      try {
        unpack(archive.file, unfinished);
        // What lies there is not complete. If another process puts its copy there in between, rename refuses.
        fs.rmSync(folder, { recursive: true, force: true });
        fs.renameSync(unfinished, folder);
      } catch (error) {
        fs.rmSync(unfinished, { recursive: true, force: true });
        if (!complete()) throw error;
      }
      return folder;
    } catch (error) {
      cause = error;
    }
  }
  throw new DeviceError(
    `SwiftShader of ${swiftShaderPackage.name} could not be unpacked to ${places.join(' or ')}: ${messageOf(cause)}. ` +
      'Set XDG_CACHE_HOME to a folder that only you can write to.',
    { cause },
  );
}

/** Makes a folder and those above it; Node's own way never ends where the system will have none, as below /proc. */
function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    fs.mkdirSync(folder, { mode: 0o755 });
  } catch (error) {
    if (!fs.existsSync(folder)) throw error; // Another process may have been faster.
  }
}

/** Unpacks {@link files} from a brotli-compressed tar archive into a folder. */
function unpack(archive: string, folder: string): void {
  const tar = brotliDecompressSync(fs.readFileSync(archive));
  const field = (start: number, length: number) => {
    const text = tar.toString('latin1', start, start + length);
    return text.slice(0, `${text}\0`.indexOf('\0'));
  };
  const missing = new Set<string>(files);
  // A tar archive is a row of 512-byte blocks: a header (name at 0, octal size at 124), then the content.
  for (let header = 0; header + 512 <= tar.length && tar[header] !== 0; ) {
    const name = path.posix.basename(field(header, 100));
    const size = Number.parseInt(field(header + 124, 12), 8) || 0;
    const content = tar.subarray(header + 512, header + 512 + size);
    if (content.length === size && missing.delete(name)) fs.writeFileSync(path.join(folder, name), content);
    header += 512 + Math.ceil(size / 512) * 512;
  }
  if (missing.size > 0) throw new Error(`${archive} lacks ${[...missing].join(', ')}`);
  fs.chmodSync(folder, 0o755);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
