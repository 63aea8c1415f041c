// Installs Debian's redis-server, which the tests of queues start for themselves.
import { aptGet, canInstall, run } from './apt.mjs';

const isThere = () => run('redis-server', ['--version']).ok;

/** Says how it went; never a failure: the tests that need it are skipped without it. */
export function setUpRedis(say) {
  if (isThere()) return say('ok, redis-server');
  if (!canInstall()) return say('no redis-server: install Redis or Valkey, or the tests of queues are skipped');
  say('no redis-server yet: installing it with apt-get');
  const updated = aptGet('update');
  const installed = updated.ok ? aptGet('install', '-y', '--no-install-recommends', 'redis-server') : updated;
  say(installed.ok && isThere() ? 'ok, redis-server' : `redis-server could not be installed: ${installed.reason}`);
}
