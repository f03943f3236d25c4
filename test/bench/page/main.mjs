/** Entry of the bench page: every engine behind one global, called by the driver one measurement at a time. */
import * as jax from './jax.mjs';
import * as ours from './ours';
import { peak } from './peak';
import * as shapes from './shapes';
import * as tfjs from './tfjs.mjs';

globalThis.bench = { ours, jax, tfjs, peak, shapes };
