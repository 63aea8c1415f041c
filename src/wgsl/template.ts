/**
 * Specialises a kernel's WGSL. Shape-independent structure (tile sizes, variants, fused functions) is filled in here; what
 * WGSL itself can size by constants stays WGSL.
 *
 * ```
 *     @main … @end                  what each invocation does: the body of the entry point, which the planner writes
 *     {{name}}                      the hole's text or number
 *     @if NAME … @else … @end       a choice; `@if !NAME` negates; false, 0 and '' are no; `@if ${i} < COUNT` compares
 *     @for i in 0..COUNT … @end     the lines repeated, with ${i}, ${4*i+1} replaced; written out because not every driver
 *                                   unrolls
 * ```
 *
 * What is not understood is a fault, and so is a hole that the text never names.
 */

import { KernelError } from '../base/errors.ts';

export type Holes = Readonly<Record<string, string | number | boolean>>;

/** A kernel's text. */
export interface Specialised {
  /** What its `main` calls: functions, constants, aliases. */
  readonly functions: string;
  /** The statements of its `main`. */
  readonly main: string;
}

/** The numbers of the loops around a line, by the names of their variables. */
type Loops = Readonly<Record<string, number>>;

interface Block {
  /** What the block becomes, once its end is reached. */
  readonly close: (block: Block, end: string) => readonly string[];
  readonly lines: string[];
  readonly otherwise: string[];
  inElse: boolean;
}

/** Without comments: placeholders in them are none. */
export const uncommented = (text: string): string => text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '');

/** All that is filled in or decides what is. */
export const placeholdersOf = (text: string): readonly string[] =>
  text.match(/@(if|for)\b.*|\$\{.*?\}|\{\{.*?\}\}/g) ?? [];

/** The holes that a text names, in every branch; loops have names of their own. */
export function namesIn(text: string): Set<string> {
  const names = new Set(
    placeholdersOf(text)
      .join(' ')
      .match(/(?<!@)\b[a-z_]\w*/gi),
  );
  for (const [, name] of text.matchAll(/@for +(\w+)/g)) names.delete(name);
  names.delete('in');
  return names;
}

/** The holes that a text names, of those that its parts may need. */
export function pickHoles(text: string, holes: Holes): Holes {
  const names = namesIn(text);
  return Object.fromEntries(Object.entries(holes).filter(([name]) => names.has(name)));
}

/**
 * Expands every directive and hole of the kernel `label`. Throws a KernelError where it does not understand the template, with
 * the holes as its cause; explain/templateError.ts finds the words.
 */
export function specialise(label: string, template: string, holes: Holes): Specialised {
  const fault = (): never => {
    throw new KernelError(`Kernel '${label}': its text is not understood.`, template, { cause: holes });
  };
  const value = (name: string, loops: Loops): string | number | boolean => loops[name] ?? holes[name] ?? fault();
  const number = (text: string, loops: Loops): number => {
    const result = evaluate(text.replace(/[${}]/g, ''), (name) => Number(/^\d/.test(name) ? name : value(name, loops)));
    return result >= 0 && result % 1 === 0 ? result : fault();
  };
  const truth = (condition: string, loops: Loops): boolean => {
    const [, not, left, right] = /^(!?)(\S+)(?: < (\S+))?$/.exec(condition) ?? fault();
    return right === undefined
      ? Boolean(value(left, loops)) !== (not === '!')
      : number(left, loops) < number(right, loops);
  };

  let main: readonly string[] | undefined;
  const expand = (lines: readonly string[], loops: Loops): readonly string[] => {
    const stack: Block[] = [];
    const begin = (close: Block['close'], ...lines: string[]): void => {
      stack.push({ close, lines, otherwise: [], inElse: false });
    };
    const output: string[] = [];
    const emit = (line: string): void => {
      const top = stack.at(-1);
      if (top === undefined) output.push(numbered(line, loops));
      else (top.inElse ? top.otherwise : top.lines).push(line);
    };
    for (const line of lines) {
      // Most lines are no directives: what looks for these closely passes over them.
      const [, directive, rest] = (line.includes('@') && /^\s*@(main|if|for|else|end)\b\s*(.*?)\s*$/.exec(line)) || [];
      if (directive === undefined) {
        emit(line);
      } else if (directive === 'end') {
        const block = stack.pop() ?? fault();
        for (const inner of block.close(block, line)) emit(inner);
      } else if (directive === 'else') {
        const block = stack.at(-1) ?? fault();
        if (stack.length > 1) emit(line);
        else block.inElse = true;
      } else if (stack.length > 0) {
        // Nested blocks are kept as text until their surroundings are decided.
        begin(({ lines }, end) => [...lines, end], line);
      } else if (directive === 'main') {
        begin(({ lines }) => {
          if (main !== undefined) fault();
          main = expand(lines, loops);
          return [];
        });
      } else if (directive === 'if') {
        const holds = truth(rest, loops);
        begin(({ lines, otherwise }) => expand(holds ? lines : otherwise, loops));
      } else {
        const [, variable, end] = /^(\w+) in 0\.\.(\w+)$/.exec(rest) ?? fault();
        const length = number(end, loops);
        begin(({ lines }) => Array.from({ length }, (_, i) => expand(lines, { ...loops, [variable]: i })).flat());
      }
    }
    if (stack.length > 0) fault();
    return output;
  };
  const numbered = (line: string, loops: Loops): string =>
    line.includes('${')
      ? line.replace(/\$\{(.*?)\}/g, (_, expression: string) => String(number(expression, loops)))
      : line;
  const filled = (lines: readonly string[]): string =>
    lines.join('\n').replace(/\{\{(.*?)\}\}/g, (_, name: string) => String(value(name, {})));

  const text = uncommented(template);
  const names = namesIn(text);
  const given = Object.keys(holes);
  if (given.length !== names.size || given.some((name) => !names.has(name))) fault();
  const functions = expand(text.split('\n'), {});
  return { functions: filled(functions), main: filled(main ?? fault()) };
}

/**
 * Whole-number arithmetic of unrolled indices: + * / % and parentheses over numbers and holes; division rounds down.
 * NaN where the text is anything else.
 */
function evaluate(expression: string, count: (name: string) => number): number {
  const tokens = expression.match(/\w+|\S/g) ?? [];
  let at = 0;
  const factor = (): number => {
    const token = tokens[at++] ?? '';
    if (/\w/.test(token)) return count(token);
    const inner = token === '(' ? total() : Number.NaN;
    return tokens[at++] === ')' ? inner : Number.NaN;
  };
  const product = (): number => {
    let value = factor();
    for (let sign = tokens[at]; sign === '*' || sign === '/' || sign === '%'; sign = tokens[at]) {
      at++;
      const next = factor();
      if (sign === '*') value *= next;
      else if (sign === '/') value = Math.floor(value / next);
      else value %= next;
    }
    return value;
  };
  const total = (): number => {
    let value = product();
    while (tokens[at] === '+') {
      at++;
      value += product();
    }
    return value;
  };
  const value = total();
  return at === tokens.length ? value : Number.NaN;
}
