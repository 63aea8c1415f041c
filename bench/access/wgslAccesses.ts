/**
 * Finds every `array[index]` in a kernel's WGSL: whose elements they are, what is done with them, and in which loop or function
 * they stand. A tokenizer and a walk over the text with its scopes; it knows of WGSL what the planner and the shaders write.
 */

/** Where what is indexed lies: in one of WGSL's address spaces, or in a value, which is a vector or has an unknown type. */
export type Space = 'storage' | 'uniform' | 'workgroup' | 'private' | 'function' | 'vector';

/** One `array[index]` of the text. */
export interface Site {
  /** The array's name, or the text before the bracket. */
  readonly array: string;
  readonly space: Space;
  /** Bytes of an element; 0 where it lies in no memory that lanes share. */
  readonly bytes: number;
  readonly access: 'read' | 'write' | 'update' | 'atomic';
  /** The index as it is written. */
  readonly index: string;
  /** Where the index begins and ends in the text. */
  readonly begin: number;
  readonly end: number;
  /** Of a float that is written: where the statement begins, and where its `=` stands. Null for all else. */
  readonly assigns: { readonly from: number; readonly equals: number } | null;
  /** WGSL of the array's length, as `u32`. */
  readonly length: string;
  /** Whether the compiler itself compares the index with the length: both are constants. */
  readonly checked: boolean;
  /** The body that it stands in, an index of `bodies`. */
  readonly body: number;
}

export interface Accesses {
  readonly sites: readonly Site[];
  /** Where each body of a function or of a loop begins, after its brace. */
  readonly bodies: readonly number[];
}

interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const TOKEN = /\/\/.*|\/\*[\s\S]*?\*\/|\s+|[a-z_]\w*|\.?\d[\w.]*|[\s\S]/gi;

/** Words, numbers and single signs; blanks and comments left out. */
function tokensOf(text: string): Token[] {
  return [...text.matchAll(TOKEN)].flatMap(({ 0: word, index: start }) =>
    /^(\s|\/\/|\/\*)/.test(word) ? [] : [{ text: word, start, end: start + word.length }],
  );
}

/** A declared name that is an array or points to one; anything else hides an outer array of that name. */
type Declared = {
  readonly element: string;
  /** The element, where that is an array itself. */
  readonly inner: Declared;
  readonly length: string | null;
  readonly space: Space;
} | null;

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

const ELEMENT_BYTES: readonly (readonly [RegExp, number])[] = [
  [/^(f32|u32|i32|atomic<[ui]32>)$/, 4],
  [/^vec2([fui]|<[fui]32>)$/, 8],
  [/^vec4([fui]|<[fui]32>)$/, 16],
  [/^f16$/, 2],
];

const FLOAT = /^(f32|f16|vec[234]([fh]|<f(32|16)>))$/;

function bytesOfElement(element: string): number {
  const known = ELEMENT_BYTES.find(([pattern]) => pattern.test(element));
  if (known === undefined)
    throw new Error(`An array has elements of '${element}', whose size is not known here. Add it.`);
  return known[1];
}

/** Finds the accesses of a kernel's text. Throws where it does not understand it. */
export function accessesOf(source: string): Accesses {
  const tokens = tokensOf(source);
  const word = (at: number): string => tokens[at]?.text ?? '';
  const textOf = (from: number, to: number): string => source.slice(tokens[from].start, tokens[to - 1].end);
  const aliases = new Map<string, { readonly from: number; readonly to: number }>();

  /** The place of the bracket that closes the one at a place. */
  const closeOf = (open: number): number => {
    const stack: string[] = [];
    for (let at = open; at < tokens.length; at++) {
      const closing = CLOSING[word(at)];
      if (closing !== undefined) stack.push(closing);
      else if (word(at) === stack.at(-1)) stack.pop();
      if (stack.length === 0) return at;
    }
    throw new Error(`A '${word(open)}' of a kernel is never closed:\n${source}`);
  };
  /** The place after a type: its templates are closed, and it meets `=`, `;`, `,`, `)` or `{`. */
  const endOfType = (from: number): number => {
    let depth = 0;
    let at = from;
    for (; at < tokens.length && !(depth === 0 && /^[=;,){}>]$/.test(word(at))); at++) {
      if (word(at) === '<') depth++;
      if (word(at) === '>') depth--;
      if (word(at) === '(') at = closeOf(at);
    }
    return at;
  };
  /** The array that a type is, or points to. */
  const arrayOf = (from: number, space: Space): Declared => {
    const alias = aliases.get(word(from));
    if (alias !== undefined) return arrayOf(alias.from, space);
    if (word(from) === 'ptr') {
      if (word(from + 2) === 'function') return arrayOf(from + 4, 'function');
      throw new Error(`Pointers into '${word(from + 2)}' are not followed. Index the array itself.`);
    }
    if (word(from) !== 'array') return null;
    const element = from + 2;
    const after = endOfType(element);
    const elementAlias = aliases.get(word(element));
    const elementText =
      elementAlias === undefined ? textOf(element, after) : textOf(elementAlias.from, elementAlias.to);
    const length = word(after) === ',' ? textOf(after + 1, endOfType(after + 1)) : null;
    return { element: elementText.replaceAll(/\s/g, ''), inner: arrayOf(element, space), length, space };
  };

  for (let at = 0; at < tokens.length; at++) {
    if (word(at) === 'alias') aliases.set(word(at + 1), { from: at + 3, to: endOfType(at + 3) });
  }

  const sites: Site[] = [];
  const bodies: number[] = [];
  const scopes: { readonly names: Map<string, Declared>; readonly body: number }[] = [{ names: new Map(), body: -1 }];
  /** Names of parameters, until the function's body begins, and the places where a body begins. */
  let pending = new Map<string, Declared>();
  const openings = new Set<number>();
  const declare = (name: string, declared: Declared): void => {
    scopes.at(-1)?.names.set(name, declared);
  };
  const lookUp = (name: string): Declared | undefined =>
    [...scopes]
      .reverse()
      .find(({ names }) => names.has(name))
      ?.names.get(name);

  const declareVariable = (at: number): void => {
    let name = at + 1;
    let space: Space = scopes.length === 1 ? 'private' : 'function';
    if (word(name) === '<') {
      const found = (['storage', 'uniform', 'workgroup', 'private', 'function'] as const).find(
        (one) => one === word(name + 1),
      );
      if (found !== undefined) space = found;
      while (word(name) !== '>') name++;
      name++;
    }
    const type = word(name + 1) === ':' || word(name + 1) === '=' ? name + 2 : -1;
    declare(word(name), type < 0 ? null : arrayOf(type, space));
  };
  const declareParameters = (open: number): void => {
    pending = new Map();
    for (let at = open + 1; at < closeOf(open); at++) {
      if (word(at + 1) !== ':') continue;
      pending.set(word(at), arrayOf(at + 2, 'function'));
      at = endOfType(at + 2) - 1;
    }
  };

  /** What stands before a bracket: an array, or a value of which a component is taken. */
  const indexed = (open: number): { readonly name: string; readonly declared: Declared; readonly first: number } => {
    const before = open - 1;
    if (word(before) === ')') {
      const [star, name, paren] = [before - 2, before - 1, before - 3];
      const declared = word(star) === '*' && word(paren) === '(' ? (lookUp(word(name)) ?? null) : null;
      return { name: declared === null ? '(…)' : word(name), declared, first: paren };
    }
    if (word(before) === ']') {
      let outer = before - 1;
      while (closeOf(outer) !== before) outer--;
      const { name, declared, first } = indexed(outer);
      const inner = declared?.inner ?? null;
      return { name: inner === null ? '[…]' : name, declared: inner, first };
    }
    const member = word(before - 1) === '.';
    return { name: word(before), declared: member ? null : (lookUp(word(before)) ?? null), first: before };
  };
  /** The place behind the components and further indices of an element. */
  const behind = (close: number): number => {
    let at = close + 1;
    while (word(at) === '.' || word(at) === '[') at = word(at) === '.' ? at + 2 : closeOf(at) + 1;
    return at;
  };
  /** What is done with an element: told by what stands after the index, and before the array. */
  const accessOf = (first: number, close: number): Site['access'] => {
    if (word(first - 1) === '&' && /^[(,=]$/.test(word(first - 2))) return 'atomic';
    const at = behind(close);
    const [one, two] = [word(at), word(at + 1)];
    const touch = tokens[at]?.end === tokens[at + 1]?.start;
    if (one === '=' && !(two === '=' && touch)) return 'write';
    const isUpdate = touch && ((/^[-+*/%&|^]$/.test(one) && two === '=') || (/^[-+]$/.test(one) && two === one));
    return isUpdate ? 'update' : 'read';
  };
  const noteSite = (open: number): void => {
    const close = closeOf(open);
    const { name, declared, first } = indexed(open);
    const index = textOf(open + 1, close);
    const constant = close === open + 2 && /^\d/.test(word(open + 1));
    const shared = declared !== null && (declared.space === 'storage' || declared.space === 'uniform');
    const runtime = declared !== null && declared.length === null;
    const access = accessOf(first, close);
    const float = declared !== null && FLOAT.test(declared.element);
    sites.push({
      array: name,
      space: declared?.space ?? 'vector',
      bytes: shared ? bytesOfElement(declared.element) : 0,
      access,
      index,
      begin: tokens[open + 1].start,
      end: tokens[close - 1].end,
      assigns: access === 'write' && float ? { from: tokens[first].start, equals: tokens[behind(close)].start } : null,
      // No vector is longer.
      length: declared === null ? '4u' : runtime ? `arrayLength(&${name})` : `u32(${declared.length})`,
      checked: constant && !runtime,
      body: scopes.at(-1)?.body ?? -1,
    });
  };

  for (let at = 0; at < tokens.length; at++) {
    switch (word(at)) {
      case 'fn':
        declareParameters(at + 2);
        at = closeOf(at + 2);
        while (word(at + 1) !== '{') at++;
        openings.add(at + 1);
        break;
      case 'var':
        declareVariable(at);
        break;
      case 'let':
      case 'const':
      case 'override':
        declareVariable(at);
        break;
      case 'for':
      case 'while':
        openings.add(closeOf(at + 1) + 1);
        break;
      case 'loop':
        openings.add(at + 1);
        break;
      case '{': {
        const begins = openings.has(at);
        if (begins) bodies.push(tokens[at].end);
        scopes.push({ names: pending, body: begins ? bodies.length - 1 : (scopes.at(-1)?.body ?? -1) });
        pending = new Map();
        break;
      }
      case '}':
        scopes.pop();
        break;
      case '[':
        noteSite(at);
        break;
    }
  }
  return { sites, bodies };
}
