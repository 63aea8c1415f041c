/**
 * Names in WGSL, which has no name spaces: kernels whose texts are put into one need other names for what they declare. The
 * texts come without comments.
 */

/**
 * A number, a field of `params`, or a name. No letter of a number is a name, nor is what follows a point, which is a member,
 * or an at sign, which is an attribute.
 */
const WORD = /\d[\w.]*|params\s*\.\s*(\w+)|([.@]\s*)?[\p{XIDS}_]\p{XIDC}*/gu;

/** Names that a text declares, outside of all braces. */
export function declaredIn(text: string): string[] {
  let outside = '';
  // From the innermost ones on.
  for (let rest = text; rest !== outside; rest = rest.replace(/\{[^{}]*\}/g, ';')) outside = rest;
  const declarations = outside.matchAll(
    /\b(?:(?:fn|const|alias|override|var)\s|var\s*<[^>]*>)\s*([\p{XIDS}_]\p{XIDC}*)/gu,
  );
  return [...declarations].map(([, name]) => name);
}

/** An ending, longer if need be, that no name in the text has: no local of a function hides what is called so. */
export function freshIn(text: string, ending: string): string {
  let fresh = ending;
  while (text.includes(fresh)) fresh += '_';
  return fresh;
}

/**
 * The text with other names. A local that has one of them gets the new one as well, wherever it stands: what it hides and
 * what it does not hide stays so. Fields of `params` are named as such: `params.count`.
 */
export const renamed = (text: string, names: ReadonlyMap<string, string>): string =>
  text.replace(
    WORD,
    (word: string, field?: string) => names.get(field === undefined ? word : `params.${field}`) ?? word,
  );
