/** Text of any origin as a terminal may show it. */

/** Controls of terminals, and marks that turn the direction of writing: with them a text shows as another one. */
const CONTROLS = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;

const escaped = (control: string): string => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** The same text with every control character as its code. */
export const printable = (text: string): string => text.replace(CONTROLS, escaped);

/** A message, which may have several lines: line feeds and tabs stay. */
export const printableLines = (text: string): string =>
  text.replace(CONTROLS, (control) => (control === '\n' || control === '\t' ? control : escaped(control)));
