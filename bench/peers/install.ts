/** The peers' packages: installed beside this file on the first run, and again when the lock file changes. */
import { spawn } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const lock = join(folder, 'package-lock.json');
/** The lock file that the installed packages came from. */
const done = join(folder, 'node_modules', '.wgrad-lock.json');

/** @returns why the packages cannot be used, or null if they can */
export async function installPeers(say: (line: string) => void): Promise<string | null> {
  if ((await textOf(done)) === (await textOf(lock))) return null;
  say('installing the peers (once) ...');
  const failure = await npm(['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund']);
  if (failure === null) await copyFile(lock, done);
  return failure;
}

async function textOf(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch(() => null);
}

function npm(args: readonly string[]): Promise<string | null> {
  // Under npm, the npm that runs this; its file is JavaScript on every system.
  const own = process.env.npm_execpath;
  const command = own === undefined ? ['npm'] : [process.execPath, own];
  const [file, ...before] = command;
  return new Promise((resolve) => {
    const child = spawn(file, [...before, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (error) => resolve(`npm could not be started: ${error.message}`));
    child.once('close', (code) => {
      // Behind these words npm writes codes, paths and where its log is.
      const line = stderr
        .split('\n')
        .find((text) => /^npm (error|ERR!) (?!code|errno|syscall|path|A complete)/.test(text));
      resolve(code === 0 ? null : `npm ci failed: ${line ?? `exit code ${code}`}`);
    });
  });
}
