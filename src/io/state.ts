/**
 * What is kept of a training beside the weights: a tree of plain values. In a safetensors file the tree is JSON in the
 * metadata, and arrays are tensors. JSON has no NaN, no infinities and no -0; they are written as records.
 */

import { counted, describe } from '../base/describe.ts';
import { DataError } from '../base/errors.ts';
import { problemOfJson } from './json.ts';
import { quote } from './quote.ts';
import type { SafetensorsInput, SafetensorsTensor } from './safetensors.ts';

/** Plain values, arrays of numbers, and lists and records of these. */
export type State =
  | null
  | boolean
  | number
  | string
  | Float32Array
  | readonly State[]
  | { readonly [key: string]: State };

const NUMBER = '$number';
const TENSOR = '$tensor';
/** Trees of ours are far flatter; a deeper one would only exhaust the stack. */
const DEEPEST = 100;
/** Far more than a training's history has. */
const MOST_VALUES = 2 ** 23;

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Float32Array);
const isStateList = (value: State): value is readonly State[] => Array.isArray(value);

/** `name`: that of the tree, with which its tensors' names begin. */
export function encodeState(
  state: State,
  name: string,
): { readonly json: string; readonly tensors: SafetensorsInput[] } {
  const tensors: SafetensorsInput[] = [];
  const encode = (value: State, path: string): unknown => {
    if (typeof value === 'number') {
      if (Object.is(value, -0)) return { [NUMBER]: '-0' };
      return Number.isFinite(value) ? value : { [NUMBER]: String(value) };
    }
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Float32Array) {
      tensors.push({ name: path, shape: [value.length], data: value });
      return { [TENSOR]: path };
    }
    if (isStateList(value)) return value.map((one, at) => encode(one, `${path}/${at}`));
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, encode(one, `${path}/${key}`)]));
  };
  return { json: JSON.stringify(encode(state, name)), tensors };
}

/** @throws DataError for what `encodeState` cannot have written */
export function decodeState(json: string, tensors: ReadonlyMap<string, SafetensorsTensor>): State {
  const decode = (value: unknown): State => {
    if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
      return value;
    if (isList(value)) return value.map(decode);
    if (!isRecord(value))
      throw new DataError('The saved state is no tree of values. The file is damaged; save it again.');
    const { [NUMBER]: number, [TENSOR]: tensor } = value;
    if (typeof number === 'string') return Number(number);
    if (typeof tensor === 'string') {
      const data = tensors.get(tensor)?.data;
      if (data instanceof Float32Array) return data;
      throw new DataError(
        `The saved state names the tensor ${quote(tensor)}, which the file lacks. It is damaged; save it again.`,
      );
    }
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, decode(one)]));
  };
  return decode(parseJson(json));
}

function parseJson(json: string): unknown {
  const problem = problemOfJson(json, { depth: DEEPEST, values: MOST_VALUES });
  if (problem !== null) throw new DataError(`The saved state ${problem}. The file is damaged; save it again.`);
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new DataError('The saved state is not JSON. The file is damaged; save it again.', { cause });
  }
}

/** Reads a record of saved state. Every method throws a DataError that names the field where it is not what was asked for. */
export class SavedState {
  readonly #who: string;
  readonly #values: ReadonlyMap<string, State>;

  /**
   * @param who whose state it is, for errors
   * @throws DataError for anything but a record
   */
  constructor(who: string, state: State) {
    if (!isRecord(state)) throw damaged(who, 'expected a record');
    this.#who = who;
    this.#values = new Map(Object.entries(state));
  }

  /** Names of the record's fields. */
  get keys(): string[] {
    return [...this.#values.keys()];
  }

  /** Any number, NaN and the infinities included. */
  number(key: string): number {
    const value = this.#values.get(key);
    return typeof value === 'number' ? value : this.#wrong(key, 'a number');
  }

  /** A number or null. */
  numberOrNull(key: string): number | null {
    return this.isNull(key) ? null : this.number(key);
  }

  /** An integer of at least 0. */
  whole(key: string): number {
    const value = this.#values.get(key);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.#wrong(key, 'an integer of at least 0');
  }

  /** An integer of at least 0, or null. */
  wholeOrNull(key: string): number | null {
    return this.isNull(key) ? null : this.whole(key);
  }

  /** True or false. */
  flag(key: string): boolean {
    const value = this.#values.get(key);
    return typeof value === 'boolean' ? value : this.#wrong(key, 'true or false');
  }

  /** A text. */
  text(key: string): string {
    const value = this.#values.get(key);
    return typeof value === 'string' ? value : this.#wrong(key, 'a text');
  }

  /** One of several texts. */
  choice<T extends string>(key: string, choices: readonly T[]): T {
    const text = this.text(key);
    return choices.find((choice) => choice === text) ?? this.#wrong(key, `one of ${choices.join(', ')}`);
  }

  /** A text or null. */
  textOrNull(key: string): string | null {
    return this.isNull(key) ? null : this.text(key);
  }

  /** A list of numbers; `length`: how many there must be. */
  numbers(key: string, length?: number): number[] {
    const list = this.#list(key);
    const numbers = list.filter((value) => typeof value === 'number');
    if (numbers.length === list.length && (length === undefined || length === list.length)) return numbers;
    return this.#wrong(key, length === undefined ? 'a list of numbers' : `a list of ${counted(length, 'number')}`);
  }

  /** A list of texts. */
  texts(key: string): string[] {
    const texts = this.#list(key).filter((value) => typeof value === 'string');
    return texts.length === this.#list(key).length ? texts : this.#wrong(key, 'a list of texts');
  }

  /** Float32 values; `length`: how many there must be. */
  array(key: string, length?: number): Float32Array {
    const value = this.#values.get(key);
    if (value instanceof Float32Array && (length === undefined || value.length === length)) return value;
    return this.#wrong(key, length === undefined ? 'an array' : `an array of ${length}`);
  }

  /** A record within this one. */
  record(key: string): SavedState {
    return new SavedState(`${this.#who}, ${key}`, this.#values.get(key) ?? null);
  }

  /** A record or null. */
  recordOrNull(key: string): SavedState | null {
    return this.isNull(key) ? null : this.record(key);
  }

  /** A list of records. */
  records(key: string): SavedState[] {
    return this.#list(key).map((value, at) => new SavedState(`${this.#who}, ${key} ${at}`, value));
  }

  /** Whether a field is true or false. */
  isFlag(key: string): boolean {
    return typeof this.#values.get(key) === 'boolean';
  }

  /** Whether a field is a text. */
  isText(key: string): boolean {
    return typeof this.#values.get(key) === 'string';
  }

  /** Whether a field is a number. */
  isNumber(key: string): boolean {
    return typeof this.#values.get(key) === 'number';
  }

  /** Whether a field is a list. */
  isList(key: string): boolean {
    return isStateList(this.#values.get(key) ?? null);
  }

  /** Whether a field is null; false where it is missing. */
  isNull(key: string): boolean {
    return this.#values.get(key) === null;
  }

  #list(key: string): readonly State[] {
    const value = this.#values.get(key) ?? null;
    return isStateList(value) ? value : this.#wrong(key, 'a list');
  }

  #wrong(key: string, expected: string): never {
    const value = this.#values.get(key);
    throw damaged(this.#who, `'${key}' is ${value === undefined ? 'missing' : describe(value)}, expected ${expected}`);
  }
}

const damaged = (who: string, problem: string): DataError =>
  new DataError(`The saved state of ${who} is damaged: ${problem}. Save it again.`);
