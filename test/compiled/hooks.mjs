// Module hooks: they give Node this project's TypeScript as JavaScript that compile.ts has made.

import { readFileSync } from 'node:fs';

let root = '';
let compiled = '';
let paths = {};

export function initialize(data) {
  ({ root, compiled, paths } = data);
}

const isOwn = (url = '') => url.startsWith(root) && /\.tsx?$/.test(url) && !url.includes('/node_modules/');

export function resolve(name, context, next) {
  const { parentURL } = context;
  if (!isOwn(parentURL)) return next(name, context);
  // Node would look for each of these files, which are hundreds a process.
  const url = paths[name] ?? (/^\.\.?\/.*\.tsx?(\?|$)/.test(name) ? new URL(name, parentURL).href : undefined);
  return url === undefined ? next(name, context) : { url, format: 'module', shortCircuit: true };
}

export function load(url, context, next) {
  // What follows a ? makes of one file several modules.
  const [file] = url.split('?');
  if (!isOwn(file)) return next(url, context);
  const source = readFileSync(new URL(`${compiled}${file.slice(root.length)}.js`));
  return { format: 'module', source, shortCircuit: true };
}
