// Refuses to publish what a registry could not show well:  node scripts/publishable.mjs (part of `npm publish`)
import { readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const read = (file) => readFileSync(new URL(file, root), 'utf8');
const { repository, homepage, bugs } = JSON.parse(read('package.json'));

const faults = [];
if (!repository?.url || !homepage || !bugs?.url) {
  faults.push(
    'package.json does not say where wgrad lives: run `npm pkg set repository.type=git repository.url=git+https://… homepage=https://… bugs.url=https://…` with your addresses.',
  );
}
if (/npm install \S+\.tgz/.test(read('README.md'))) {
  faults.push('README.md installs wgrad from a file: write `npm install wgrad` in its place.');
}
for (const fault of faults) console.error(`publish: ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;
