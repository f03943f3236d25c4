const directive = /(^|\s)#\s*peft-disable(-next-line)?(?![\w-])([^\n#]*)/;

/**
 * Reads the comments that switch rules off: `# peft-disable R07` at the end of a line for that line, on a line of its own
 * for the whole file; `# peft-disable-next-line R07` for the next line. Without ids all rules are meant.
 * Answers whether a rule is off at an offset.
 */
export function disabledRules(text: string): (id: string, offset: number) => boolean {
  const everywhere: string[][] = [];
  const byLine = new Map<number, string[][]>();
  text.split('\n').forEach((line, index) => {
    const match = directive.exec(line);
    if (match === null) return;
    const ids = match[3].toUpperCase().match(/[A-Z]\d\d/g) ?? [];
    const alone = line.slice(0, match.index).trim() === '';
    if (match[2] === undefined && alone) everywhere.push(ids);
    else {
      const target = match[2] === undefined ? index : index + 1;
      byLine.set(target, [...(byLine.get(target) ?? []), ids]);
    }
  });
  const covers = (lists: readonly string[][], id: string) => lists.some(ids => ids.length === 0 || ids.includes(id));
  return (id, offset) => covers(everywhere, id) || covers(byLine.get(lineOf(text, offset)) ?? [], id);
}

/** The comment that switches `id` off on the line of `offset`, as an insertion. */
export function disableEdit(text: string, id: string, offset: number): { at: number; newText: string } {
  const newline = text.indexOf('\n', offset);
  const end = newline < 0 ? text.length : newline;
  const at = text[end - 1] === '\r' ? end - 1 : end;
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, at);
  const present = directive.exec(line);
  if (present !== null && present[2] === undefined) return { at, newText: ` ${id}` };
  return { at, newText: `${line.endsWith(' ') ? '' : ' '}# peft-disable ${id}` };
}

function lineOf(text: string, offset: number): number {
  let line = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}
