/**
 * Every failure a person can meet has this form: what is wrong and where (`message`), what to do next (`hint`),
 * and a stable `code` for tests, documentation and telemetry-free bug reports.
 */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** An `Error` that carries a {@link Problem}, so it can be thrown through layers and serialised at a boundary. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.message} ${problem.hint}`.trim());
    this.name = 'ProblemError';
  }
}

/** Shorthand for throwing: `throw problem('data.empty', 'train.jsonl has no rows.', 'Add at least one row.')`. */
export function problem(code: string, message: string, hint: string): ProblemError {
  return new ProblemError({ code, message, hint });
}

/** Turns anything thrown into a {@link Problem}; an unknown error keeps its message under the code `internal`. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (isProblem(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message, hint: 'Open the output channel "PEFT Workbench" for details.' };
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false;
  const candidate = value as Partial<Record<keyof Problem, unknown>>;
  return (
    typeof candidate.code === 'string' && typeof candidate.message === 'string' && typeof candidate.hint === 'string'
  );
}
