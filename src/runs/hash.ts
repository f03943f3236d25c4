/**
 * Names the content of some bytes, for fingerprints and for noticing damage: `sha256:…` where the platform offers it
 * (a web page that is not a secure context does not), `fnv1a:…` otherwise. Compare only hashes of one kind.
 */
export async function contentHash(parts: readonly Uint8Array[]): Promise<string> {
  const subtle = (globalThis as { crypto?: Partial<Crypto> }).crypto?.subtle;
  const all = concat(parts);
  if (!subtle) return `fnv1a:${fnv1a(all)}`;
  return `sha256:${hex(new Uint8Array(await subtle.digest('SHA-256', all)))}`;
}

/** Whether two hashes were made the same way, so that a difference means different content. */
export function comparable(a: string, b: string): boolean {
  return a.slice(0, a.indexOf(':')) === b.slice(0, b.indexOf(':'));
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** FNV-1a in two 32-bit lanes with different offsets, enough to notice a changed or torn file. */
function fnv1a(bytes: Uint8Array): string {
  let low = 0x811c9dc5;
  let high = 0xcbf29ce4;
  for (const byte of bytes) {
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x01000197);
  }
  return [high, low].map(lane => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}
