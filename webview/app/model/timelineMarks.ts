import type { Timeline, TimelineTransfer } from '../../../src/common/run/events';
import type { StepTransfers } from '../../../src/common/run/view';
import { formatBytes, formatMilliseconds } from './format';

const inBlock = /^(?:model\.|transformer\.)?(?:layers|h|blocks?)\.(\d+)\.(.+)$/;

/** `layers.3.mlp.down_proj` → `block 3 · mlp.down_proj`. */
export function describeOp(op: string): string {
  const match = inBlock.exec(op);
  return match === null ? op : `block ${match[1]} · ${match[2]}`;
}

/** `layers.3.mlp.act.d_layers.3.mlp.up_proj` → `gradient of block 3 · mlp.up_proj`. */
export function describeTensor(name: string): string {
  const gradient = /\.d_(.+)$/.exec(name);
  return gradient === null ? describeOp(name) : `gradient of ${describeOp(gradient[1])}`;
}

/** A part of the forward pass that runs again, from one dispatch to another, called by its block. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** Where gradient checkpointing runs blocks again, in order. */
export function recomputed({ points }: Timeline): Stretch[] {
  const stretches: Stretch[] = [];
  points.forEach(({ phase, op }, index) => {
    if (phase !== 'recompute') return;
    const block = inBlock.exec(op)?.[1];
    const label = block === undefined ? op : `block ${block}`;
    const last = stretches.at(-1);
    if (last?.to === index - 1 && last.label === label) stretches[stretches.length - 1] = { ...last, to: index };
    else stretches.push({ from: index, to: index, label });
  });
  return stretches;
}

/** `block 2 to the GPU`, `input of block 2 to the host`. */
export function describeTransfer({ kind, what, direction }: Omit<TimelineTransfer, 'index' | 'bytes'>): string {
  return `${kind === 'activations' ? 'input of ' : ''}${what} ${direction === 'up' ? 'to the GPU' : 'to the host'}`;
}

/** What moves at most `reach` dispatches from one, each with its bytes and the mean wait of the last listed step. */
export function transfersAt(
  { transfers = [] }: Timeline,
  { list = [] }: Partial<StepTransfers>,
  index: number,
  reach: number,
): { readonly label: string; readonly text: string }[] {
  return transfers
    .filter(transfer => Math.abs(transfer.index - index) <= reach)
    .map(transfer => {
      const name = describeTransfer(transfer);
      const same = list.filter(one => describeTransfer(one) === name);
      const wait = same.reduce((sum, { ms }) => sum + ms, 0) / same.length;
      const waited = same.length > 0 ? `, waited ${formatMilliseconds(wait)}` : '';
      return { label: name, text: `${formatBytes(transfer.bytes)}${waited}` };
    });
}

/** The largest tensors alive at a dispatch, largest first. */
export function tensorsAt(
  { tensors = [] }: Timeline,
  index: number,
  most: number,
): { readonly label: string; readonly text: string }[] {
  return tensors
    .filter(({ first, last }) => first <= index && index <= last)
    .slice(0, most)
    .map(({ name, bytes }) => ({ label: describeTensor(name), text: formatBytes(bytes) }));
}

/** `4 blocks run again; 2.81 MiB go to the GPU in 4 transfers.`; empty for a step that does neither. */
export function marksSummary(timeline: Timeline): string {
  const again = new Set(recomputed(timeline).map(({ label }) => label)).size;
  const parts = again > 0 ? [`${again} ${again === 1 ? 'block runs' : 'blocks run'} again`] : [];
  for (const direction of ['up', 'down'] as const) {
    const moved = (timeline.transfers ?? []).filter(transfer => transfer.direction === direction);
    if (moved.length === 0) continue;
    const bytes = moved.reduce((sum, transfer) => sum + transfer.bytes, 0);
    const where = direction === 'up' ? 'to the GPU' : 'to the host';
    parts.push(`${formatBytes(bytes)} ${where} in ${moved.length} ${moved.length === 1 ? 'transfer' : 'transfers'}`);
  }
  return parts.join('; ');
}
