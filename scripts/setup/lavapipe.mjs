// Installs Mesa's lavapipe by apt-get. Debian 12's own is too old for Dawn: there it comes from backports.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { aptGet, run } from './apt.mjs';

const packages = ['mesa-vulkan-drivers', 'libvulkan1'];
/** Dawn refuses Mesa 22.3 (Debian 12) and works with 25.0 (its backports, Debian 13). */
const oldest = '23.2';

/** @returns {string | undefined} why it did not work, or undefined when the packages are installed */
export function installLavapipe() {
  const updated = aptGet('update');
  if (!updated.ok) return `apt-get update failed: ${updated.reason}`;
  if (isNewEnough(candidate())) return install();

  const release = osRelease();
  const tooOld = `this system's ${packages[0]} is ${candidate() ?? 'unknown'}, and ${oldest} or later is needed`;
  if (release.ID !== 'debian' || !release.VERSION_CODENAME) return tooOld;
  return fromBackports(release.VERSION_CODENAME, tooOld);
}

function fromBackports(codename, tooOld) {
  const suite = `${codename}-backports`;
  const known = () => sources().some((s) => s.release === suite || s.codename === suite);
  let added;
  if (!known()) {
    const own = sources().find((s) => s.codename === codename && s.component === 'main');
    if (!own) return `${tooOld}; the mirror of ${codename} cannot be told from the apt sources`;
    added = `/etc/apt/sources.list.d/wgrad-${suite}.sources`;
    const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
    const lines = ['Types: deb', `URIs: ${own.uri}`, `Suites: ${suite}`, 'Components: main'];
    if (existsSync(key)) lines.push(`Signed-By: ${key}`);
    writeFileSync(added, `${lines.join('\n')}\n`);
  }
  let problem;
  if (added) {
    const updated = aptGet('update');
    if (!updated.ok || !known()) problem = `${tooOld}; the mirror has no ${suite}: ${updated.reason}`;
  }
  problem ??= install(['-t', suite]);
  if (added && problem) {
    rmSync(added, { force: true });
    aptGet('update');
  } else if (added) {
    console.log(`setup: added the apt suite ${suite} in ${added}`);
  }
  return problem;
}

function install(options = []) {
  const installed = aptGet('install', '-y', '--no-install-recommends', ...options, ...packages);
  return installed.ok ? undefined : `apt-get install failed: ${installed.reason}`;
}

function candidate() {
  const version = /^ {2}Candidate: (.+)$/m.exec(run('apt-cache', ['policy', packages[0]]).text)?.[1];
  return version === '(none)' ? undefined : version;
}

const isNewEnough = (version) => !!version && run('dpkg', ['--compare-versions', version, 'ge', oldest]).ok;

/** The suites that apt has package lists of. */
function sources() {
  const format = '$(CREATED_BY)|$(RELEASE)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)';
  return run('apt-get', ['indextargets', '--format', format])
    .text.split('\n')
    .map((line) => line.split('|'))
    .filter(([createdBy]) => createdBy === 'Packages')
    .map(([, release, codename, component, uri]) => ({ release, codename, component, uri }));
}

function osRelease() {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return Object.fromEntries([...text.matchAll(/^(\w+)="?(.*?)"?$/gm)].map(([, key, value]) => [key, value]));
}
