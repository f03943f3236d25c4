import type { EngineNotification, EnginePageNotification, GenerationNotification } from '../common/protocol';

type Notification = EngineNotification | EnginePageNotification | GenerationNotification;

const commands = ['pause', 'resume', 'step', 'stop', 'checkpoint'];

/**
 * The entry for what the page and its worker say unasked: a known notification whose parts have the right kinds, or
 * `undefined`. Beyond this line it is trusted.
 */
export function parseEngineNotification(body: unknown): Notification | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { type, runId, version, outputs, problem, command, text, tokens } = body as Record<string, unknown>;
  const good = () => body as Notification;
  switch (type) {
    case 'pong':
      return good();
    case 'ready':
      return typeof version === 'number' ? good() : undefined;
    case 'pressed':
      return commands.includes(command as string) ? good() : undefined;
    case 'workerFailed':
      return isProblem(problem) ? good() : undefined;
    case 'outputs':
      return typeof runId === 'string' && Array.isArray(outputs) && outputs.every(isOutput) ? good() : undefined;
    case 'ended':
      return typeof runId === 'string' && (problem === undefined || isProblem(problem)) ? good() : undefined;
    case 'paused':
    case 'resumed':
      return typeof runId === 'string' ? good() : undefined;
    case 'generated':
      return typeof text === 'string' && typeof tokens === 'number' ? good() : undefined;
    default:
      return undefined;
  }
}

function isOutput(output: unknown): boolean {
  if (typeof output !== 'object' || output === null) return false;
  const { kind, event, step, files, stopped } = output as Record<string, unknown>;
  if (kind === 'event') return typeof event === 'object' && event !== null && 'type' in event;
  if (typeof files !== 'object' || files === null) return false;
  const areBytes = Object.values(files).every(bytes => bytes instanceof Uint8Array);
  if (kind === 'checkpoint') return areBytes && typeof step === 'number';
  return kind === 'result' && areBytes && typeof stopped === 'boolean';
}

function isProblem(problem: unknown): boolean {
  return typeof problem === 'object' && problem !== null && 'message' in problem && 'code' in problem;
}
