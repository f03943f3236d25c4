/** Where a JSON text breaks the grammar, or repeats a key. */
export interface JsonFault {
  /** UTF-16 offset into the text. */
  readonly offset: number;
  readonly reason: string;
}

const maxDepth = 512;
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const whitespace = ' \t\n\r';

/**
 * Checks `text` against RFC 8259 and reports the first fault with its place: engines word (and place) their own
 * `JSON.parse` errors differently. A repeated key is a fault too, because readers disagree on which value counts.
 * Returns `undefined` when the text is valid.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  return new JsonScanner(text).scan();
}

/** Line and column, both from 1, of an offset. */
export function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const lastBreak = before.lastIndexOf('\n');
  return { line: before.split('\n').length, column: offset - lastBreak };
}

/** Methods return whether to go on; a fault is kept in `fault` and ends the scan. */
class JsonScanner {
  private at = 0;
  private fault: JsonFault | undefined;

  constructor(private readonly text: string) {}

  scan(): JsonFault | undefined {
    if (this.value(0)) {
      this.space();
      if (this.at < this.text.length) this.fail('there is text after the end of the value');
    }
    return this.fault;
  }

  private value(depth: number): boolean {
    this.space();
    if (depth > maxDepth) return this.fail(`values are nested deeper than ${maxDepth} levels`);
    const next = this.text[this.at];
    if (next === undefined) return this.fail('the text ends where a value should be');
    if (next === '{') return this.object(depth);
    if (next === '[') return this.array(depth);
    if (next === '"') return this.string() !== undefined;
    return this.literal() || this.number();
  }

  private object(depth: number): boolean {
    const keys = new Set<string>();
    this.at++;
    this.space();
    if (this.take('}')) return true;
    for (;;) {
      if (!this.member(keys, depth)) return false;
      if (this.take('}')) return true;
      if (!this.take(',')) return this.fail('a "," or "}" is missing');
    }
  }

  private member(keys: Set<string>, depth: number): boolean {
    this.space();
    const start = this.at;
    if (this.text[start] !== '"') return this.fail('a key in double quotes is missing');
    const key = this.string();
    if (key === undefined) return false;
    if (keys.has(key)) return this.fail(`the key "${key}" appears twice`, start);
    keys.add(key);
    this.space();
    if (!this.take(':')) return this.fail('a ":" is missing');
    if (!this.value(depth + 1)) return false;
    this.space();
    return true;
  }

  private array(depth: number): boolean {
    this.at++;
    this.space();
    if (this.take(']')) return true;
    for (;;) {
      if (!this.value(depth + 1)) return false;
      this.space();
      if (this.take(']')) return true;
      if (!this.take(',')) return this.fail('a "," or "]" is missing');
    }
  }

  private string(): string | undefined {
    const start = this.at++;
    for (; this.at < this.text.length; this.at++) {
      const code = this.text.charCodeAt(this.at);
      if (code === 0x22) return this.closeString(start);
      if (code < 0x20) {
        this.fail('a string contains an unescaped control character (a line break or tab)');
        return undefined;
      }
      if (code === 0x5c && !this.escape()) return undefined;
    }
    this.fail('a string is not closed', start);
    return undefined;
  }

  private closeString(start: number): string {
    this.at++;
    const raw = this.text.slice(start, this.at);
    return raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  }

  private escape(): boolean {
    const kind = this.text[++this.at];
    if (kind !== undefined && '"\\/bfnrt'.includes(kind)) return true;
    if (kind === 'u' && /^[0-9a-fA-F]{4}$/.test(this.text.slice(this.at + 1, this.at + 5))) {
      this.at += 4;
      return true;
    }
    return this.fail('a string contains an invalid escape', this.at - 1);
  }

  private literal(): boolean {
    for (const word of ['true', 'false', 'null']) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return true;
      }
    }
    return false;
  }

  private number(): boolean {
    numberPattern.lastIndex = this.at;
    const match = numberPattern.exec(this.text);
    if (!match) return this.fail('a value is missing or not JSON');
    this.at += match[0].length;
    return true;
  }

  private space(): void {
    while (this.at < this.text.length && whitespace.includes(this.text[this.at])) this.at++;
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private fail(reason: string, offset = this.at): false {
    this.fault = { offset, reason };
    return false;
  }
}
