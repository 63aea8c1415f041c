/** Finds a Chromium with WebGPU and starts it without a window. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Browser, chromium, type LaunchOptions, type Page } from 'playwright-core';

export interface Started {
  readonly browser: Browser;
  /** What it is and which adapter it has. */
  readonly name: string;
  close(): Promise<void>;
}

const ARGUMENTS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--enable-unsafe-webgpu',
];

/** As in a container: browsers then call their language `en-US@posix`, which is no language tag. */
const NO_LOCALE = { LANG: 'C', LC_ALL: 'C', LANGUAGE: '' };

/** Where Linux distributions put it. */
const INSTALLED = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

interface Candidate {
  readonly what: string;
  options(): Promise<LaunchOptions>;
}

/** What may be started, the surest first. */
function candidates(folder: string): Candidate[] {
  const file = (path: string): Candidate => ({ what: path, options: async () => ({ executablePath: path }) });
  const channel = (name: string): Candidate => ({ what: name, options: async () => ({ channel: name }) });
  const { WGRAD_CHROMIUM } = process.env;
  if (WGRAD_CHROMIUM) return [file(WGRAD_CHROMIUM)];
  const packed = { what: '@sparticuz/chromium', options: () => unpackedChromium(folder) };
  return [
    ...(process.platform === 'linux' && process.arch === 'x64' ? [packed] : []),
    ...INSTALLED.filter((path) => existsSync(path)).map(file),
    channel('chrome'),
    channel('msedge'),
  ];
}

/**
 * The Chromium of @sparticuz/chromium, unpacked into a folder. It is made for a server that lacks even the libraries it
 * needs, and brings them along when it believes to be there: so no machine has to have them.
 */
async function unpackedChromium(folder: string): Promise<LaunchOptions> {
  const before = { ...process.env };
  try {
    Object.assign(process.env, { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x', TMPDIR: folder });
    const { default: packed } = await import('@sparticuz/chromium');
    const executablePath = await packed.executablePath();
    return { executablePath, env: { ...process.env, FONTCONFIG_FILE: await writeFontConfig(folder) } };
  } finally {
    // Its libraries are not for other browsers.
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

/**
 * The fonts that a page finds: the one that the charts are drawn with, whatever the page asks for, so that pictures of a page
 * are alike on all machines. The fonts that come with that Chromium lack glyphs whose absence ends it.
 */
async function writeFontConfig(folder: string): Promise<string> {
  const path = join(folder, 'fonts.conf');
  const fonts = dirname(createRequire(import.meta.url).resolve('@expo-google-fonts/source-sans-3/package.json'));
  const alias = (family: string): string =>
    `<alias binding="same"><family>${family}</family><prefer><family>Source Sans 3</family></prefer></alias>`;
  const families = ['sans-serif', 'system-ui', 'serif', 'monospace'].map(alias).join('');
  await writeFile(
    path,
    `<?xml version="1.0"?><fontconfig><dir>${fonts}</dir><dir>/usr/share/fonts</dir>` +
      `<cachedir>${join(folder, 'font-cache')}</cachedir>${families}</fontconfig>`,
  );
  return path;
}

/** What the page's adapter is called; null where it has none. */
function adapterOf(page: Page): Promise<string | null> {
  return page.evaluate(async () => {
    const adapter = (await navigator.gpu?.requestAdapter()) ?? null;
    return adapter && [adapter.info.vendor, adapter.info.architecture, adapter.info.device].filter(Boolean).join(' ');
  });
}

/**
 * Starts the first Chromium that offers WebGPU to a page at `address`, a secure one.
 * @returns null where there is none, after saying why and what to do
 */
export async function startChromium(address: string): Promise<Started | null> {
  const folder = await mkdtemp(join(tmpdir(), 'wgrad-browser-'));
  const tidy = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  const args = process.platform === 'linux' ? [...ARGUMENTS, '--use-webgpu-adapter=swiftshader'] : ARGUMENTS;
  const reasons: string[] = [];
  for (const { what, options } of candidates(folder)) {
    try {
      const { env = process.env, ...rest } = await options();
      const browser = await chromium.launch({ ...rest, env: { ...env, ...NO_LOCALE }, headless: true, args });
      const page = await browser.newPage();
      await page.goto(address);
      const adapter = await adapterOf(page);
      await page.close();
      if (adapter !== null) {
        const close = (): Promise<void> => browser.close().finally(tidy);
        return { browser, name: `Chromium ${browser.version()}, ${adapter}`, close };
      }
      await browser.close();
      reasons.push(`${what}: no WebGPU adapter`);
    } catch (error) {
      reasons.push(`${what}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    }
  }
  await tidy();
  for (const reason of reasons) console.log(`  ${reason}`);
  console.log('No Chromium with WebGPU. Install Chrome or Chromium, or name one: WGRAD_CHROMIUM=/path/to/chrome');
  return null;
}
