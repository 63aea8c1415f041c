/**
 * What the library asks of its platform, as Node has it. package.json lets `#platform` stand for this module in Node and for
 * ../browser.ts elsewhere, so that nothing in this folder reaches a bundle for the browser.
 */

import * as fs from 'node:fs/promises';
import type { Platform } from '../contract.ts';
import { Patience } from './patience.ts';

export { findAdapter } from './adapter.ts';
export { makeFolder } from './makeFolder.ts';
export { readWhole } from './readWhole.ts';
export { tuningShelf } from './tuningFile.ts';
export { writeWhole } from './wholeFile.ts';

export const isNode: Platform['isNode'] = true;

export const environment: Platform['environment'] = (name) => process.env[name];

export const files: Platform['files'] = () => fs;

export const waiter: Platform['waiter'] = (software) => new Patience(software);
