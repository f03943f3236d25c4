/**
 * Name of a run's folder: local-independent time, the run's name as a slug, and a suffix that keeps two runs of the same
 * second apart: `20260131-174502-devil-lora-k3f9`. Sorting by name is sorting by time.
 *
 * @param createdAt epoch milliseconds.
 * @param entropy any non-negative number below 1.
 */
export function makeRunId(name: string, createdAt: number, entropy: number): string {
  const time = new Date(createdAt).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const suffix = Math.floor(entropy * 36 ** 4)
    .toString(36)
    .padStart(4, '0');
  return `${time}-${slug(name)}-${suffix}`;
}

/** Whether `id` is a single harmless path segment, so that it can be joined to a folder without checks elsewhere. */
export function isRunId(id: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,119}$/i.test(id) && !id.includes('..');
}

function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/[^\w]+/g, '-')
    .toLowerCase();
  return plain.replace(/^-+|-+$/g, '').slice(0, 40) || 'run';
}
