/** What a person does about a machine on which no WebGPU adapter was found. */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findSwiftShader, swiftShaderPackage } from './swiftShader.ts';

const lavapipePackages = 'mesa-vulkan-drivers libvulkan1';

/**
 * The remedy for this machine when no adapter was found: one sentence or a few, ready to end an error message with.
 */
export function setupAdvice(): string {
  if (process.platform === 'darwin') return 'Run on a Mac (or a macOS virtual machine) that has a Metal device.';
  if (process.platform === 'win32') return "Install the graphics card's current driver (WebGPU uses Direct3D 12 here).";
  if (process.platform !== 'linux') return `Run on Linux, macOS or Windows: WebGPU has no ${process.platform} build.`;

  const ways: string[] = [];
  if (isCheckout()) ways.push('run `npm run setup` (as root for the faster lavapipe)');
  ways.push(`install Mesa's lavapipe: ${lavapipeAdvice()}`);
  if (process.arch === 'x64' && findSwiftShader() === undefined) {
    ways.push(
      `without root, run \`npm i -D ${swiftShaderPackage.name}@${swiftShaderPackage.version}\` ` +
        '(SwiftShader, slower; found by itself)',
    );
  }
  const text = ways.join('; or ');
  return `${text[0].toUpperCase()}${text.slice(1)}. A graphics card with a Vulkan driver is found by itself too.`;
}

/** The remedy where a graphics card is wanted and none was found. */
export function driverAdvice(): string {
  const driver =
    process.platform === 'linux' ? 'Install the Vulkan driver of a graphics card' : setupAdvice().replace(/\.$/, '');
  return `${driver}, or leave out the adapter and WGRAD_ADAPTER to take what there is.`;
}

/** Exactly what installs lavapipe on this Linux machine. */
export function lavapipeAdvice(): string {
  const has = (command: string) => ['/usr/bin', '/bin', '/sbin'].some((folder) => existsSync(`${folder}/${command}`));
  const root = process.getuid?.() === 0 ? '' : 'sudo ';
  const install = 'apt-get install -y --no-install-recommends';
  if (has('apt-get')) {
    let release = '';
    try {
      release = readFileSync('/etc/os-release', 'utf8');
    } catch {
      // Without that file it is no Debian 12.
    }
    // Debian 12's own Mesa, 22.3, is refused by Dawn.
    return /^VERSION_CODENAME=bookworm$/m.test(release)
      ? 'add the suite bookworm-backports to the apt sources, then run ' +
          `\`${root}apt-get update && ${root}${install} -t bookworm-backports ${lavapipePackages}\``
      : `run \`${root}apt-get update && ${root}${install} ${lavapipePackages}\``;
  }
  if (has('dnf')) return `run \`${root}dnf install -y mesa-vulkan-drivers vulkan-loader\``;
  if (has('pacman')) return `run \`${root}pacman -S --noconfirm vulkan-swrast vulkan-icd-loader\``;
  return "your distribution's packages of the Vulkan loader and of Mesa's software Vulkan driver (Mesa 23.2 or later)";
}

/** Whether this is wgrad's own repository, where `npm run setup` exists; the published package has no scripts. */
function isCheckout(): boolean {
  try {
    return existsSync(fileURLToPath(new URL('../../../scripts/setup.mjs', import.meta.url)));
  } catch {
    return false; // Bundled: the address of this module is not a file's.
  }
}
