/** Kernels are kept without indentation, and the library's own without most blanks: for a person both are put back. */

/** Operators that stand between two values; `<` and `>` also enclose types: they stay as they are. */
const BETWEEN = /(?<=[\w)\]]) ?(->|[=!<>]=|&&|\|\||[-+*/%&|^]=|=(?!=)|[+*/%^]) ?(?=[-!~&*\w({])/g;

function spaced(line: string): string {
  return (
    line
      .replace(BETWEEN, ' $1 ')
      // After a value it subtracts, unless that is the beginning of a number such as 1e-9.
      .replace(/(?<=[\w)\]])(?<!\d[eE])-(?=[\w(])/g, ' - ')
      .replace(/([,;])(?=[^\s)])/g, '$1 ')
      .replace(/(?<=\w):(?=\w)/g, ': ')
      .replace(/\b(if|for|while|switch)\(/g, '$1 (')
      .replace(/(?<=[\w)>])\{/g, ' {')
      .replace(/\{(?=[^\s}])/g, '{ ')
      .replace(/(?<=[^\s{])\}/g, ' }')
  );
}

/** The same text, line by line. */
export function readable(source: string): string {
  let depth = 0;
  return source
    .split('\n')
    .map((line) => {
      const text = spaced(line.trim());
      const closing = /^[})]*/.exec(text)?.[0].length ?? 0;
      const column = Math.max(0, depth - closing);
      for (const mark of text) depth += '{('.includes(mark) ? 1 : '})'.includes(mark) ? -1 : 0;
      return `${'  '.repeat(column)}${text}`;
    })
    .join('\n');
}
