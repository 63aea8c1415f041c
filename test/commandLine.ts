/** What a command line refuses, read here: to start a process that ends at its flags takes seconds. */

export interface Refusal {
  /** The exit code that it asked for. */
  readonly code: number | string | null | undefined;
  /** All that it printed. */
  readonly output: string;
}

class Exit extends Error {}

/** Has flags read that are to end the process, which goes on. */
export function refusalOf(read: () => unknown): Refusal {
  const { exit } = process;
  const writes = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }));
  let code: Refusal['code'] = null;
  let output = '';
  for (const { stream } of writes) {
    stream.write = (text: string | Uint8Array) => {
      output += text;
      return true;
    };
  }
  process.exit = (asked) => {
    code = asked;
    throw new Exit();
  };
  try {
    read();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    return { code, output };
  } finally {
    process.exit = exit;
    for (const { stream, write } of writes) stream.write = write;
  }
  throw new Error('The flags were not refused.');
}
