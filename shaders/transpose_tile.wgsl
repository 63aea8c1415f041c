// Permutes axes on a GPU where neighbours of the result lie far apart in x: tiles of SIDE × SIDE elements go through the
// workgroup's memory, so that neighbouring threads both read and store neighbours.
// x is seen as a matrix for each of OTHERS places: its COLUMNS are x's innermost axis, its ROWS the axis that becomes the
// innermost. FROM and TO are where the matrix begins in x and in the result. A row of a tile is one element longer than it
// need be, so that threads that read a column do not wait for each other.
// 256 threads a tile, eight rows at a time. grid: tiles along columns, then along rows, then OTHERS.

const ROWS = {{ROWS}}u; const COLUMNS = {{COLUMNS}}u; const SIDE = 32u;
const TILES_X = (COLUMNS + SIDE - 1u) / SIDE; const TILES_Y = (ROWS + SIDE - 1u) / SIDE;

var<workgroup> tile: array<{{ELEMENT}}, 1056>;

@main
  let lane = local_invocation_index % SIDE;
  let line = local_invocation_index / SIDE;
  let column0 = workgroup_index % TILES_X * SIDE;
  let row0 = workgroup_index / TILES_X % TILES_Y * SIDE;
  let other = workgroup_index / (TILES_X * TILES_Y);
  for (var k = line; k < SIDE; k += 8u) {
    if ((column0 + lane < COLUMNS) & (row0 + k < ROWS) & (other < {{OTHERS}}u)) {
      tile[k * (SIDE + 1u) + lane] = x[{{FROM}} + (row0 + k) * {{STEP_FROM}}u + column0 + lane];
    }
  }
  workgroupBarrier();
  for (var k = line; k < SIDE; k += 8u) {
    if ((row0 + lane < ROWS) & (column0 + k < COLUMNS) & (other < {{OTHERS}}u)) {
      store({{TO}} + (column0 + k) * {{STEP_TO}}u + row0 + lane, tile[lane * (SIDE + 1u) + k]);
    }
  }
@end
