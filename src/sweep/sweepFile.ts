/**
 * The file of a sweep, in JSON Lines: a first line that says which sweep it is, then one an epoch, one a try that failed and one an
 * end of a trial, as they came. It is only appended to, and a line that a kill tore is cut off.
 */

import { DataError } from '../base/errors.ts';
import { isRecord } from '../base/isRecord.ts';
import { AppendedFile, wholeLines } from '../io/appendedFile.ts';
import { epochOf, parsedRecord, recordText } from './recordText.ts';
import type { EpochRecord, TrialEnd } from './trial.ts';
import { TRIAL_ENDS } from './trial.ts';

/** A line behind the first. */
export type SweepRecord =
  | ({ readonly trial: number } & EpochRecord)
  | { readonly trial: number; readonly failure: string }
  | { readonly trial: number; readonly end: TrialEnd; readonly reason: string | null };

/** What decides the numbers of a sweep, each thing by the name that a person reads. */
export type SweepIdentity = Readonly<Record<string, string>>;

const WHO = 'sweep';
/** Of the first line's form. */
const FORMAT = 1;
const REMEDY = 'Choose another folder, or delete that file to begin anew.';

export class SweepFile {
  readonly #file: AppendedFile;
  /** The lines are written one after the other. */
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string) {
    this.#file = new AppendedFile(WHO, path, 'Use it in Node.');
  }

  /**
   * Goes on with a file, or begins one.
   * @throws DataError where the file is that of another sweep, which it stays
   */
  static async open(path: string, identity: SweepIdentity): Promise<{ file: SweepFile; records: SweepRecord[] }> {
    const opened = new SweepFile(path);
    await opened.#file.begin();
    let records: SweepRecord[] = [];
    // What is refused is not cut: it is looked at before.
    const content = await opened.#file.keep((bytes) => {
      const whole = wholeLines(bytes, bytes.length);
      records = read(path, bytes.subarray(0, whole), bytes.subarray(whole), identity);
      return whole;
    });
    if (content.length === 0) await opened.#file.append(`${JSON.stringify({ sweep: FORMAT, of: identity })}\n`);
    return { file: opened, records };
  }

  /** On the disk when it returns; in the order of the calls. */
  add(record: SweepRecord): Promise<void> {
    const written = this.#last.then(() => this.#file.append(`${recordText(record)}\n`));
    this.#last = written.catch(() => {});
    return written;
  }
}

function read(path: string, lines: Uint8Array, torn: Uint8Array, identity: SweepIdentity): SweepRecord[] {
  const texts = new TextDecoder().decode(lines).split('\n').slice(0, -1);
  const [first, ...others] = texts;
  if (first === undefined) {
    // A first line that was torn begins like one.
    if (torn.length === 0 || new TextDecoder().decode(torn).startsWith(`{"sweep":${FORMAT}`.slice(0, torn.length)))
      return [];
    throw new DataError(`${WHO}: '${path}' is no file of a sweep. ${REMEDY}`);
  }
  checkSame(path, parsed(path, first, 1), identity);
  return others.map((text, i) => recordOf(path, parsed(path, text, i + 2), i + 2));
}

function parsed(path: string, text: string, line: number): Readonly<Record<string, unknown>> {
  const record = parsedRecord(text);
  if (record === null) throw damaged(path, line);
  return record;
}

const damaged = (path: string, line: number): DataError =>
  new DataError(`${WHO}: line ${line} of '${path}' is none of a sweep: the file is damaged. ${REMEDY}`);

function checkSame(path: string, header: Readonly<Record<string, unknown>>, identity: SweepIdentity): void {
  const { sweep, of: then } = header;
  if (sweep !== FORMAT || !isRecord(then)) {
    throw new DataError(`${WHO}: '${path}' is no file of a sweep, or one of another version. ${REMEDY}`);
  }
  const names = [...new Set([...Object.keys(identity), ...Object.keys(then)])];
  const differs = names.find((name) => then[name] !== identity[name]);
  if (differs === undefined) return;
  const text = (value: unknown): string => (typeof value === 'string' ? short(value) : 'none');
  throw new DataError(
    `${WHO}: '${path}' is of another sweep, whose ${differs} is ${text(then[differs])}; here it is ${text(identity[differs])}. ` +
      `Give the same settings to go on with it. ${REMEDY}`,
  );
}

const short = (text: string): string => (text.length > 160 ? `${text.slice(0, 160)}…` : text);

function recordOf(path: string, value: Readonly<Record<string, unknown>>, line: number): SweepRecord {
  const { trial, failure, end, reason } = value;
  if (typeof trial === 'number' && Number.isInteger(trial) && trial >= 0) {
    if (typeof failure === 'string') return { trial, failure };
    const known = TRIAL_ENDS.find((one) => one === end);
    if (known !== undefined) return { trial, end: known, reason: typeof reason === 'string' ? reason : null };
    const epoch = epochOf(value);
    if (epoch !== null) return { trial, ...epoch };
  }
  throw damaged(path, line);
}
