/** The candidate with the fewest edits from `name`, if that is at most a third of its length (at least 2). */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(name.length / 3));
  const scored = candidates.map(candidate => ({ candidate, edits: editDistance(name, candidate) }));
  const best = scored.reduce((a, b) => (b.edits < a.edits ? b : a), { candidate: '', edits: Infinity });
  return best.edits <= limit ? best.candidate : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, substitution));
    }
    row = next;
  }
  return row[b.length];
}
