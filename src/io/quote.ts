import { printable } from '../base/printable.ts';

/** A name out of a file as an error message shows it: short, whatever the file holds. */
export const quote = (name: string): string => `'${printable(name.length > 80 ? `${name.slice(0, 80)}…` : name)}'`;
