/**
 * What Node takes as --import to run TypeScript: what the runner of the tests has compiled; tsx, where a file runs without it. Its
 * own process is one more that need not compile.
 */
export const LOADER = process.env.WGRAD_LOADER ?? import.meta.resolve('tsx');
