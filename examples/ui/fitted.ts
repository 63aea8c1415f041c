/** As much of a name as there is room for: letters are left out, none are squeezed. */
export function fitted(
  ctx: Pick<CanvasRenderingContext2D, 'measureText'>,
  name: string,
  room: number,
  end = '',
): string {
  const wide = (text: string): boolean => ctx.measureText(text).width > room;
  if (!wide(name + end)) return name + end;
  const letters = [...name];
  while (letters.length > 1 && wide(`${letters.join('').trimEnd()}…${end}`)) letters.pop();
  return `${letters.join('').trimEnd()}…${end}`;
}
