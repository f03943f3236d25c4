/** Entry of nanogpt's page: it brings its own copy of TensorFlow.js, so it gets a page of its own. */
import * as nanogpt from './nanogpt.mjs';

globalThis.bench = { nanogpt };
