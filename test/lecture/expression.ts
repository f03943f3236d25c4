/**
 * Arithmetic over measures of runs, as the claims of the lecture write it: `qlora.weights < 0.3 * lora.weights`,
 * `0.9 < a.evalLast / b.evalLast < 1.1`. A name is a run and one of its measures.
 */
export type Lookup = (run: string, measure: string) => number;

type Token = { readonly number: number } | { readonly symbol: string };

const pattern = /\s*(?:(\d+(?:\.\d+)?)|([a-z][a-z0-9-]*)\.([a-zA-Z]+)|(<=|>=|[<>=()*/+-]))/y;
const relations: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '<': (left, right) => left < right,
  '>': (left, right) => left > right,
  '<=': (left, right) => left <= right,
  '>=': (left, right) => left >= right,
  '=': (left, right) => left === right,
};

/** Value of an expression without a comparison. Throws where it cannot be read. */
export function valueOf(text: string, lookup: Lookup): number {
  const reader = new Reader(text, lookup);
  const value = reader.sum();
  reader.end();
  return value;
}

/** Whether a comparison, or every link of a chain of them, is true. Throws where it cannot be read. */
export function holds(text: string, lookup: Lookup): boolean {
  const reader = new Reader(text, lookup);
  let left = reader.sum();
  let all = true;
  let links = 0;
  for (let relation = reader.take(Object.keys(relations)); relation; relation = reader.take(Object.keys(relations))) {
    const right = reader.sum();
    all &&= relations[relation](left, right);
    left = right;
    links++;
  }
  reader.end();
  if (links === 0) throw new Error(`"${text}" compares nothing.`);
  return all;
}

class Reader {
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(
    private readonly text: string,
    lookup: Lookup,
  ) {
    this.tokens = tokensOf(text, lookup);
  }

  /** Takes the next token if it is one of these symbols. */
  take(symbols: readonly string[]): string | undefined {
    const token = this.tokens.at(this.at);
    if (!token || !('symbol' in token) || !symbols.includes(token.symbol)) return undefined;
    this.at++;
    return token.symbol;
  }

  sum(): number {
    let value = this.product();
    for (let sign = this.take(['+', '-']); sign; sign = this.take(['+', '-'])) {
      const next = this.product();
      value = sign === '+' ? value + next : value - next;
    }
    return value;
  }

  end(): void {
    if (this.at < this.tokens.length) throw new Error(`"${this.text}" goes on where it should end.`);
  }

  private product(): number {
    let value = this.factor();
    for (let sign = this.take(['*', '/']); sign; sign = this.take(['*', '/'])) {
      const next = this.factor();
      value = sign === '*' ? value * next : value / next;
    }
    return value;
  }

  private factor(): number {
    if (this.take(['('])) {
      const value = this.sum();
      if (!this.take([')'])) throw new Error(`"${this.text}": a parenthesis is not closed.`);
      return value;
    }
    const token = this.tokens.at(this.at++);
    if (!token || !('number' in token)) throw new Error(`"${this.text}" lacks a number or a measure.`);
    return token.number;
  }
}

function tokensOf(text: string, lookup: Lookup): Token[] {
  const tokens: Token[] = [];
  const reader = new RegExp(pattern);
  while (reader.lastIndex < text.trimEnd().length) {
    const at = reader.lastIndex;
    const match = reader.exec(text);
    if (!match) throw new Error(`"${text}" cannot be read from "${text.slice(at)}" on.`);
    const [, number, run, measure, symbol] = match;
    if (symbol !== undefined) tokens.push({ symbol });
    else tokens.push({ number: number === undefined ? lookup(run, measure) : Number(number) });
  }
  return tokens;
}
