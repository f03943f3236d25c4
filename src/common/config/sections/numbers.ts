import { z } from 'zod';

/** A whole number of things, at least one. */
export const count = () => z.int().min(1);

/** A whole number that may be zero. */
export const countOrZero = () => z.int().min(0);
