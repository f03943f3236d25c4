/** `npm start`: the extension in a real workbench on the example folder, for a person; ends with Ctrl+C. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../tools/process.mjs';
import { prepare } from './prepare.mjs';

await prepare();
const { serve } = await import(pathToFileURL(join(root, 'out/demo/start.mjs')).href);
await serve();
