/**
 * The kernels that the peers give to WebGPU in a training step of the study's network. They run as in `npm run bench:peers`,
 * on Dawn's null backend, which executes nothing; recordShaders.ts, loaded before them, writes down what they make.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPeers } from '../peers/install.ts';
import { runPeer } from '../peers/process.ts';
import { commandFor, PEERS, WGRAD } from '../peers/registry.ts';
import type { Recorded } from './recordShaders.ts';
import { numbered, type Subject } from './subject.ts';

/** A process that records takes seconds. */
const TIMEOUT_MS = 300_000;
const RECORDER = new URL('recordShaders.ts', import.meta.url).href;

/** The kernels of all peers on WebGPU; `say` is told of a peer that does not work here. */
export async function peerSubjects(batches: readonly number[], say: (line: string) => void): Promise<Subject[]> {
  const failure = await installPeers(say);
  if (failure !== null) throw new Error(`The peers cannot be installed: ${failure}. Leave out --peers.`);
  const subjects: Omit<Subject, 'nth'>[] = [];
  for (const peer of PEERS.filter(({ name, backend }) => name !== WGRAD && backend === 'webgpu')) {
    for (const batch of batches) {
      const command = commandFor(peer, {
        mode: 'host',
        network: 'study',
        adapter: 'null',
        batch,
        seconds: 0,
        cold: false,
      });
      if (typeof command === 'string') throw new Error(command);
      const folder = mkdtempSync(join(tmpdir(), 'wgrad-peer-'));
      try {
        const file = join(folder, 'shaders.json');
        const { args } = command;
        const loader = args.indexOf('tsx') + 1;
        const recording = [...args.slice(0, loader), '--import', RECORDER, ...args.slice(loader)];
        const env = { ...command.env, WGRAD_RECORD_SHADERS: file };
        const outcome = await runPeer({ ...command, args: recording, env }, TIMEOUT_MS);
        if ('reason' in outcome) {
          say(`${peer.name} at batch ${batch}: ${outcome.reason}`);
          continue;
        }
        const recorded: Recorded[] = JSON.parse(readFileSync(file, 'utf8'));
        subjects.push(...recorded.map((one) => subjectOf(peer.name, batch, one)));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
  return numbered(subjects);
}

const subjectOf = (by: string, batch: number, { label, shader }: Recorded): Omit<Subject, 'nth'> => ({
  by,
  network: 'study',
  batch,
  subgroups: null,
  direction: null,
  layer: null,
  label,
  fused: [],
  workgroups: null,
  shader,
});
