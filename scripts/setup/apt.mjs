// Debian's way to install things.
import { spawnSync } from 'node:child_process';

/** Give up soon where there is no network: there is something to fall back on. */
const impatient = ['-o', 'Acquire::Retries=0', '-o', 'Acquire::http::Timeout=15', '-o', 'Acquire::https::Timeout=15'];

/** Whether this is a machine with apt-get, and the user may install. */
export const canInstall = () => process.getuid?.() === 0 && run('apt-get', ['--version']).ok;

export function aptGet(...args) {
  const done = run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...impatient, ...args]);
  // "update" exits 0 with old lists when a mirror does not answer.
  const complaints = done.text.split('\n').filter((line) => /^[EW]: /.test(line));
  const unreachable = args[0] === 'update' ? complaints.find((line) => line.includes('Failed to fetch')) : undefined;
  const error = unreachable ?? complaints.find((line) => line.startsWith('E:'));
  return { ok: done.ok && !unreachable, reason: error?.slice(3) ?? done.text.trim().split('\n').at(-1) ?? '' };
}

export function run(command, args) {
  const done = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    maxBuffer: 64 << 20,
    timeout: 600_000,
  });
  return { ok: done.status === 0, text: `${done.stdout ?? ''}${done.stderr ?? ''}` };
}
