/** A place in a grid, or how many rows and columns it has. */
export interface Position {
  readonly row: number;
  readonly column: number;
}

/**
 * Where a key moves the focus in a grid: arrows by one cell, Home and End along the row, with Ctrl over the whole grid.
 * Undefined for any other key.
 */
export function gridKey(
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey'>,
  at: Position,
  size: Position,
): Position | undefined {
  const last = { row: size.row - 1, column: size.column - 1 };
  const moves: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [at.row, at.column - 1],
    ArrowRight: [at.row, at.column + 1],
    ArrowUp: [at.row - 1, at.column],
    ArrowDown: [at.row + 1, at.column],
    Home: [event.ctrlKey ? 0 : at.row, 0],
    End: [event.ctrlKey ? last.row : at.row, last.column],
  };
  const target = moves[event.key];
  return target && { row: clamp(target[0], last.row), column: clamp(target[1], last.column) };
}

function clamp(value: number, last: number): number {
  return Math.min(last, Math.max(0, value));
}
