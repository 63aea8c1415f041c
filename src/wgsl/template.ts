/**
 * Specialises a WGSL text. Shape-independent structure (tile sizes, variants, fused functions) is filled in here; what
 * WGSL itself can size by constants stays WGSL.
 *
 * ```
 *     {{name}}                      the hole's text or number
 *     @if NAME … @else … @end       a choice; `@if !NAME` negates; false, 0 and '' are no; `@if ${i} < COUNT` compares
 *     @for i in 0..COUNT … @end     the lines repeated, with ${i}, ${4*i+1} replaced; written out because not every driver
 *                                   unrolls
 * ```
 */

export type Holes = Readonly<Record<string, string | number | boolean>>;

interface Block {
  /** What the block becomes, once its end is reached. */
  readonly close: (block: Block, end: string) => readonly string[];
  readonly lines: string[];
  readonly otherwise: string[];
  inElse: boolean;
}

/** Expands every directive and hole; throws on an unknown hole or an unbalanced block, which are bugs of the kernel. */
export function specialise(template: string, holes: Holes): string {
  const value = (name: string): string | number | boolean => {
    const found = holes[name];
    if (found === undefined) throw new Error(`WGSL template: no value for '${name}'. Add it to the kernel's holes.`);
    return found;
  };
  const count = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Number(value(text)));
  const number = (text: string): number => evaluate(text.replace(/[${}]/g, ''), count);
  const truth = (text: string): boolean => (text.startsWith('!') ? !value(text.slice(1)) : Boolean(value(text)));

  const expand = (lines: readonly string[]): string[] => {
    const stack: Block[] = [];
    const begin = (close: Block['close'], ...lines: string[]): void => {
      stack.push({ close, lines, otherwise: [], inElse: false });
    };
    const output: string[] = [];
    const emit = (line: string): void => {
      const top = stack.at(-1);
      if (top === undefined) output.push(line);
      else (top.inElse ? top.otherwise : top.lines).push(line);
    };
    for (const line of lines) {
      const words = line.trim().split(/\s+/);
      const open = words[0] === '@if' || words[0] === '@for';
      if (open && stack.length > 0) {
        // Nested blocks are kept as text until their surroundings are decided.
        begin(({ lines }, end) => [...lines, end], line);
      } else if (words[0] === '@if') {
        const condition = words[2] === '<' ? number(words[1]) < number(words[3]) : truth(words[1]);
        begin(({ lines, otherwise }) => expand(condition ? lines : otherwise));
      } else if (words[0] === '@for') {
        const bound = count(words[3].slice('0..'.length));
        begin(({ lines }) =>
          Array.from({ length: bound }, (_, i) => expand(lines.map((text) => fill(text, words[1], i)))).flat(),
        );
      } else if (words[0] === '@else' && stack.length === 1) {
        stack[0].inElse = true;
      } else if (words[0] === '@end') {
        const block = stack.pop();
        if (block === undefined) throw new Error('WGSL template: @end without @if or @for. Remove it.');
        for (const inner of block.close(block, line)) emit(inner);
      } else {
        emit(line);
      }
    }
    if (stack.length > 0) throw new Error('WGSL template: a block has no @end. Close it.');
    return output;
  };

  return expand(template.split('\n'))
    .join('\n')
    .replace(/\$\{([^}]*)\}/g, (_, expression: string) => String(evaluate(expression, count)))
    .replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(value(name)));
}

/** Puts a loop's number in the place of its variable inside every ${…} of a line. */
function fill(line: string, variable: string, number: number): string {
  const name = new RegExp(`\\b${variable}\\b`, 'g');
  return line.replace(/\$\{([^}]*)\}/g, (_, expression: string) => `\${${expression.replace(name, String(number))}}`);
}

/** Whole-number arithmetic of unrolled indices: + * / % and parentheses over numbers and holes; division rounds down. */
function evaluate(expression: string, count: (name: string) => number): number {
  const tokens = expression.match(/\w+|[-+*/%()]/g) ?? [];
  let at = 0;
  const factor = (): number => {
    const token = tokens[at++];
    if (token !== '(') return count(token);
    const inner = total();
    at++;
    return inner;
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
  return total();
}
