import { problem, ProblemError } from '../common/errors';
import { runConfigSchema } from '../common/config/schema';
import type { RunManifest } from '../common/run/view';
import { z } from 'zod';
import { decodeText, joinPath, type Files } from './files';

const manifestSchema = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.number(),
  config: runConfigSchema,
  configPath: z.string(),
  model: z.object({ label: z.string(), fingerprint: z.string() }),
  data: z.object({ train: z.string(), eval: z.string().optional() }),
  engineVersion: z.string(),
  parent: z.object({ runId: z.string(), step: z.number() }).optional(),
});

/** Reads and checks a run's `run.json`. Throws `run.noManifest` or `run.badManifest`. */
export async function readManifest(files: Files, folder: string): Promise<RunManifest> {
  const path = joinPath(folder, 'run.json');
  let value: unknown;
  try {
    value = JSON.parse(decodeText(await files.read(path)));
  } catch (error) {
    if (error instanceof ProblemError) {
      throw problem('run.noManifest', `${path} cannot be read.`, 'Delete the folder, or restore the file.');
    }
    throw problem('run.badManifest', `${path} is not JSON.`, 'Delete the folder, or restore the file.');
  }
  const checked = manifestSchema.safeParse(value);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  const where = issue.path.join('.');
  throw problem(
    'run.badManifest',
    `${path}, key ${where}: ${issue.message}.`,
    'Delete the folder, or restore the file.',
  );
}
