/** A peer's process: started, watched, and its one line read. */
import { spawn } from 'node:child_process';
import type { Command } from './registry.ts';
import { type PeerRow, parseRow } from './row.ts';

/** What came of it: a row, or why there is none. */
export type Outcome = { readonly row: PeerRow } | { readonly reason: string };

/** Runs the process to its end, or ends it after `timeoutMs`. Never throws: a peer that fails is an outcome too. */
export function runPeer({ file, args, env }: Command, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let late = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ reason: `could not be started: ${error.message}` });
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (late) resolve({ reason: `took longer than ${timeoutMs / 1000} s` });
      else if (signal !== null) resolve({ reason: `crashed (${signal})${tell(stderr)}` });
      else if (code !== 0) resolve({ reason: `ended with exit code ${code}${tell(stderr || stdout)}` });
      else resolve(lastRow(stdout) ?? { reason: `printed no result${tell(stderr || stdout)}` });
    });
  });
}

function lastRow(output: string): Outcome | null {
  for (const line of output.split('\n').reverse()) {
    const row = parseRow(line);
    if (row !== null) return { row };
  }
  return null;
}

/** The line of an output that says the most about a failure: the last error, or the last line. */
function tell(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => /^(Uncaught )?\w*(Error|Exception)\b.*:/.test(line));
  const line = errors.at(-1) ?? lines.filter((text) => text !== '').at(-1);
  if (line === undefined) return '';
  return `: ${line.length > 240 ? `${line.slice(0, 239)}…` : line}`;
}
