/** Where the box of readings goes: into the corner in which it hides the least. Pure. */

/** In pixels, from the upper left of the plot. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A curve in pixels, from left to right; null where it has a gap. */
export type Line = readonly ({ readonly x: number; readonly y: number } | null)[];

export const CORNERS = ['top left', 'top right', 'bottom left', 'bottom right'] as const;
export type Corner = (typeof CORNERS)[number];

const MARGIN = 8;
/** Places at which a line is looked at below a box. */
const SAMPLES = 16;
/** What it costs to lie over the place that is read, and what it takes to move from one corner to another. */
const OVER_POINTER = 1000;
const INERTIA = 3;

export interface Room {
  readonly width: number;
  readonly height: number;
}

export function boxAt(corner: Corner, { width, height }: Room, plot: Room): Box {
  return {
    left: corner.endsWith('left') ? MARGIN : Math.max(MARGIN, plot.width - width - MARGIN),
    top: corner.startsWith('top') ? MARGIN : Math.max(MARGIN, plot.height - height - MARGIN),
    width,
    height,
  };
}

/** `pointer`: where values are read, from the left. A box that is somewhere already moves only for a clear gain. */
export function quietCorner(
  lines: readonly Line[],
  size: Room,
  plot: Room,
  pointer: number,
  before: Corner | null,
): Corner {
  const costs = CORNERS.map((corner) => {
    const box = boxAt(corner, size, plot);
    const over = pointer > box.left - MARGIN && pointer < box.left + box.width + MARGIN ? OVER_POINTER : 0;
    return hidden(lines, box) + over + (corner === before ? 0 : INERTIA);
  });
  return CORNERS[costs.indexOf(Math.min(...costs))];
}

/** How much of the lines lies under a box. */
function hidden(lines: readonly Line[], box: Box): number {
  let count = 0;
  for (const line of lines) {
    for (let i = 0; i < SAMPLES; i++) {
      const y = heightAt(line, box.left + (box.width * (i + 0.5)) / SAMPLES);
      if (y !== null && y > box.top - MARGIN && y < box.top + box.height + MARGIN) count++;
    }
  }
  return count;
}

/** Between two points, as the line goes. */
function heightAt(line: Line, x: number): number | null {
  const next = line.findIndex((point) => point !== null && point.x >= x);
  const [from, to] = [line[next - 1], line[next]];
  if (to?.x === x) return to.y;
  if (from == null || to == null) return null;
  return from.y + ((to.y - from.y) * (x - from.x)) / (to.x - from.x);
}
