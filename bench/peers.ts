/**
 * wgrad beside its peers:  npm run bench:peers [-- --network study|resnet] [-- --help]
 *
 * One network, batch and step for all. Every measurement is a process of its own, and the peers take turns, so that
 * whatever else the machine does meets all of them alike. WebGPU peers run once more on Dawn's null backend, which
 * executes nothing: what is left is what the host costs.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { writeFile } from '../examples/study/files.ts';
import { peersChart } from './peers/chart.ts';
import type { Mode } from './peers/child.ts';
import { installPeers } from './peers/install.ts';
import { NETWORKS } from './peers/networks.ts';
import { type PeerFlags, readPeerFlags } from './peers/options.ts';
import { runPeer } from './peers/process.ts';
import { commandFor, type Peer } from './peers/registry.ts';
import type { PeerRow } from './peers/row.ts';
import { checkAdapters, type Gap, type Measurement, summarize } from './peers/summary.ts';
import { peersTable, versionLines } from './peers/table.ts';
import { short } from './table.ts';

/** Seconds for the steps on the null backend, of which even a slow one takes milliseconds. */
const HOST_SECONDS = 3;

const flags = readPeerFlags(process.argv.slice(2));
// Standard output is for the result.
const say = (line: string): void => console.error(line);

try {
  const { measurements, gaps } = await measureAll(flags);
  const results = summarize(measurements);
  const machine = {
    network: flags.network,
    adapter: results.find(({ peer }) => peer.endsWith('-webgpu'))?.adapter ?? null,
    dawn: await dawnVersion(),
    node: process.versions.node,
    cores: availableParallelism(),
    rounds: flags.rounds,
  };
  const heading = [
    NETWORKS[flags.network],
    machine.adapter ?? 'no adapter',
    `Dawn (webgpu) ${machine.dawn}`,
    `Node ${machine.node}`,
    `${machine.cores} cores`,
    `median of ${flags.rounds} ${flags.rounds === 1 ? 'round' : 'rounds'}`,
  ].join(' · ');
  const summary = { ...machine, results, gaps };

  const name = flags.network === 'study' ? 'peers' : `peers-${flags.network}`;
  await writeFile(join(flags.out, `${name}.json`), `${JSON.stringify({ ...summary, measurements }, null, 2)}\n`);
  const chart = await peersChart(results, heading);
  if (chart !== null) await writeFile(join(flags.out, `${name}.png`), await chart.png());

  if (flags.json) console.log(JSON.stringify(summary));
  else console.log(['', heading, ...versionLines(results), '', peersTable(results, gaps)].join('\n'));
  say(`\nwritten: ${chart === null ? `${name}.json` : `${name}.json, ${name}.png`} in ${flags.out}`);
  if (results.length === 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** Runs all peers at all batches, in rounds. */
async function measureAll(flags: PeerFlags): Promise<{ measurements: Measurement[]; gaps: Gap[] }> {
  const measurements: Measurement[] = [];
  const gaps: Gap[] = [];
  const slow = new Set<string>();
  const failed = new Set<string>();
  const notInstalled = flags.peers.some(({ installed }) => installed) ? await installPeers(say) : null;

  const attempt = async (peer: Peer, mode: Mode, batch: number, round: number): Promise<PeerRow | null> => {
    const cold = mode === 'fresh' && flags.cold;
    const seconds = mode === 'host' ? HOST_SECONDS : flags.seconds;
    const command =
      notInstalled !== null && peer.installed
        ? notInstalled
        : commandFor(peer, { ...flags, mode, batch, seconds, cold });
    const outcome = typeof command === 'string' ? { reason: command } : await runPeer(command, flags.timeout * 1000);
    if ('row' in outcome) {
      measurements.push({ mode, round, cold, row: outcome.row });
      checkAdapters(measurements);
      return outcome.row;
    }
    const { reason } = outcome;
    const lacks = typeof command === 'string';
    // What a machine lacks it lacks at every batch, and what took too long will again; the rest may have been bad luck.
    if (lacks) failed.add(peer.name);
    else if (reason.startsWith('took longer')) failed.add(`${peer.name} ${batch}`);
    const gap = {
      peer: peer.name,
      batch: lacks ? null : batch,
      reason: reason + (mode === 'steps' ? '' : ` (${mode})`),
    };
    if (!gaps.some((one) => JSON.stringify(one) === JSON.stringify(gap))) gaps.push(gap);
    say(`  ${peer.name}: ${gap.reason}`);
    return null;
  };

  for (let round = 1; round <= flags.rounds; round++) {
    for (const batch of flags.batches) {
      say(`round ${round} of ${flags.rounds}, batch ${batch}`);
      for (const peer of flags.peers) {
        const { name } = peer;
        if (failed.has(name) || failed.has(`${name} ${batch}`)) continue;
        if (slow.has(name)) {
          if (round === 1) gaps.push({ peer: name, batch, reason: 'not measured, it is slow (--all measures it)' });
          continue;
        }
        const row = await attempt(peer, 'steps', batch, round);
        if (row === null) continue;
        say(`  ${name.padEnd(14)} ${short(row.usPerImage ?? NaN).padStart(9)} µs an image, ${row.steps} steps`);
        // Fewer than ten steps fit into its time.
        if (!flags.all && round === 1 && batch === flags.batches[0] && (row.stepMs ?? 0) > flags.seconds * 100)
          slow.add(name);
        if (peer.backend !== 'webgpu') continue;
        await attempt(peer, 'host', batch, round);
        // Once: without caches it may take minutes.
        if (round === 1) await attempt(peer, 'fresh', batch, round);
      }
    }
  }
  return { measurements, gaps };
}

async function dawnVersion(): Promise<string> {
  const entry = new URL(import.meta.resolve('webgpu'));
  const { version }: { version: string } = JSON.parse(await readFile(new URL('package.json', entry), 'utf8'));
  return version;
}
