/** Text in lines that fit a terminal. */

/** Columns where a terminal tells of none, such as a pipe. */
export const USUAL_COLUMNS = 120;

/** Lines of at most `width` characters, broken between words; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1];
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

export const wrapped = (text: string, width: number): string => wrap(text, width).join('\n');
