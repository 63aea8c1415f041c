/**
 * What differs between Node and browsers, as Node has it. package.json lets `#platform` stand for this module in Node and
 * for browser.ts elsewhere, so that nothing under src/node/ reaches a bundle for the browser.
 */

import * as fs from 'node:fs/promises';

export { findAdapter } from '../node/adapter.ts';
export { loadCifar10 } from '../node/cifar10.ts';
export { makeFolder } from '../node/makeFolder.ts';
export { readWhole } from '../node/readWhole.ts';
export { tuningShelf } from '../node/tuningFile.ts';
export { writeWhole } from '../node/wholeFile.ts';

export const isNode: boolean = true;

/** A variable of the environment; undefined where it is not set, and in a browser. */
export function environment(name: string): string | undefined {
  return process.env[name];
}

/**
 * Node's file functions.
 * @param _who what an error calls the caller
 * @param _instead the remedy that it ends with
 * @throws StateError in a browser
 */
export function files(_who: string, _instead: string): typeof import('node:fs/promises') {
  return fs;
}
