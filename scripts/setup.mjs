// Makes sure that Node finds a WebGPU adapter:  npm run setup [-- --check] [-- --redis]
//
// 1. one works already: says which and changes nothing;
// 2. Linux with apt-get, as root: installs Mesa's lavapipe;
// 3. the SwiftShader of the dev dependency @sparticuz/chromium, slower, nothing to install;
// 4. none: says what to do on this machine, exit code 1.
//
// --redis has the redis-server that the tests of queues need, too, where it can be installed.
// --check only looks. WGRAD_ADAPTER=hardware|lavapipe|swiftshader accepts only that kind.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canInstall } from './setup/apt.mjs';
import { installLavapipe } from './setup/lavapipe.mjs';
import { setUpRedis } from './setup/redis.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const probeFile = fileURLToPath(new URL('setup/probe.mjs', import.meta.url));
const driverVariables = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'];
const kinds = ['hardware', 'lavapipe', 'swiftshader'];

const checkOnly = process.argv.includes('--check');
const wanted = process.env.WGRAD_ADAPTER || undefined;

const say = (text) => console.log(`setup: ${text}`);

/** Runs probe.mjs; a crash or a hang of the driver becomes `{ error }`. */
function probe(...args) {
  const typescript = args[0] === 'system' ? [] : ['--import', 'tsx'];
  const done = spawnSync(process.execPath, [...typescript, probeFile, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const line = done.stdout.split('\n').find((text) => text.startsWith('{'));
  // An answer does not count when the process then died of it.
  if (line && done.status === 0) return JSON.parse(line);
  const how =
    done.error?.code === 'ETIMEDOUT' ? 'did not answer within 60 s' : `crashed (${done.signal ?? done.status})`;
  return { error: `the driver ${how}` };
}

function probeSystem() {
  if (wanted === 'swiftshader') return { adapter: null };
  const found = probe('system', ...(wanted === 'lavapipe' ? ['llvmpipe'] : []));
  return wanted === 'hardware' && found.adapter?.kind !== 'hardware' ? { ...found, adapter: null } : found;
}

function advice() {
  const { advice: text, lavapipe } = probe('advice');
  return { text: text ?? 'Run `npm ci`, then `npm run setup` again.', lavapipe };
}

function ok({ name, kind }) {
  say(`ok, ${kind} adapter "${name}"`);
  return 0;
}

function tryInstall() {
  try {
    return installLavapipe();
  } catch (error) {
    return error.message;
  }
}

function howToGetLavapipe(failure) {
  const { lavapipe } = advice();
  if (!existsSync('/usr/bin/apt-get')) return lavapipe;
  if (failure !== undefined) return `when that is mended, run \`npm run setup\` again`;
  return `run \`${process.getuid() === 0 ? '' : 'sudo '}npm run setup\`, or ${lavapipe}`;
}

function main() {
  if (wanted !== undefined && !kinds.includes(wanted)) {
    say(`WGRAD_ADAPTER is "${wanted}": set it to ${kinds.join(', ')}, or unset it for the best there is`);
    return 1;
  }
  if (!existsSync(`${root}/node_modules/webgpu`)) {
    say('the npm package "webgpu" is not installed: run `npm ci`, then `npm run setup`');
    return 1;
  }

  let found = probeSystem();
  if (found.adapter) return ok(found.adapter);

  const linux = process.platform === 'linux';
  const confined = driverVariables.find((name) => process.env[name]);
  if (linux && confined && !found.error) {
    // Whatever is installed, the Vulkan loader would not look at it.
    found.error = `${confined} names the Vulkan drivers, and none of them works: unset it to have all considered`;
  }
  let failure;
  if (linux && !checkOnly && !confined && canInstall() && (wanted === undefined || wanted === 'lavapipe')) {
    say(`no adapter yet (${found.error ?? 'Dawn finds none'}): installing Mesa's lavapipe with apt-get`);
    failure = tryInstall();
    if (failure === undefined) {
      found = probeSystem();
      if (found.adapter) return ok(found.adapter);
      failure = `installed, but ${found.error ?? 'Dawn still finds no adapter'}`;
    }
    say(`lavapipe could not be installed: ${failure}`);
  }

  if (linux && (wanted === undefined || wanted === 'swiftshader')) {
    const swiftShader = probe('swiftshader');
    if (swiftShader.adapter) {
      ok(swiftShader.adapter);
      if (wanted === undefined) say(`Mesa's lavapipe would be two to five times faster: ${howToGetLavapipe(failure)}`);
      return 0;
    }
    found.error ??= swiftShader.error;
  }

  say(`no ${wanted ?? 'WebGPU'} adapter${found.error ? ` (${found.error})` : ''}`);
  if (wanted === 'hardware')
    say('Install the driver of a graphics card, or unset WGRAD_ADAPTER to accept a software adapter.');
  else say(advice().text);
  return 1;
}

process.exitCode = main();
if (process.argv.includes('--redis') && !checkOnly) setUpRedis(say);
