/** A name out of a file as an error message shows it: short, whatever the file holds. */
export const quote = (name: string): string => `'${name.length > 80 ? `${name.slice(0, 80)}…` : name}'`;
