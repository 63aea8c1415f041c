// Module hooks: they give Node what compile.ts has made of this project's TypeScript.

let compiled = {};

/** `data`: the addresses of what was compiled, by those of the sources. */
export function initialize(data) {
  compiled = data;
}

export function resolve(name, context, next) {
  const address = /^(file:|\.{0,2}\/)/.test(name) ? new URL(name, context.parentURL).href : name;
  const url = compiled[address];
  return url === undefined ? next(name, context) : { url, format: 'module', shortCircuit: true };
}
