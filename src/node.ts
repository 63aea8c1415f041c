/** Node's own modules and Dawn, imported only when they are needed, so that browsers can load this library. */

/** What is imported this way. */
interface NodeModules {
  'node:crypto': typeof import('node:crypto');
  'node:fs': typeof import('node:fs');
  'node:fs/promises': typeof import('node:fs/promises');
  'node:module': typeof import('node:module');
  'node:os': typeof import('node:os');
  'node:path': typeof import('node:path');
  'node:stream/promises': typeof import('node:stream/promises');
  'node:url': typeof import('node:url');
  'node:zlib': typeof import('node:zlib');
  webgpu: typeof import('webgpu');
}

/**
 * Imports a module that exists only in Node. The name reaches `import` as a variable, because bundlers for the browser
 * refuse a literal `import('node:...')` even where it is never run.
 */
export function importNode<Name extends keyof NodeModules>(name: Name): Promise<NodeModules[Name]> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ name);
}

/** Whether this is Node (or something that passes for it), not a browser. */
export function isNode(): boolean {
  return typeof process !== 'undefined' && process.versions?.node !== undefined;
}
