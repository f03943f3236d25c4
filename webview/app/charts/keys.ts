import { indexAtOrBefore } from '../model/loss';

/**
 * Where a key moves a cursor along ascending positions: arrows by one, with Shift or Page keys by a twentieth of all,
 * Home and End to the ends, Escape away (`null`). Undefined for any other key, or when there is nowhere to go.
 */
export function cursorKey(
  event: Pick<KeyboardEvent, 'key' | 'shiftKey'>,
  positions: readonly number[],
  current: number | undefined,
): number | null | undefined {
  if (event.key === 'Escape') return null;
  const last = positions.length - 1;
  if (last < 0) return undefined;
  const at = current === undefined ? last : Math.max(0, indexAtOrBefore(positions, current));
  const leap = Math.max(1, Math.round(last / 20));
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: at - (event.shiftKey ? leap : 1),
    ArrowRight: at + (event.shiftKey ? leap : 1),
    ArrowDown: at - 1,
    ArrowUp: at + 1,
    PageDown: at - leap,
    PageUp: at + leap,
    Home: 0,
    End: last,
  };
  const target = moves[event.key];
  return target === undefined ? undefined : positions[Math.min(last, Math.max(0, target))];
}
