import { fileURLToPath } from 'node:url';

/** Where tests in a browser leave pictures of what they saw. */
export const ARTEFACTS = fileURLToPath(new URL('../../artifacts/browser/', import.meta.url));
