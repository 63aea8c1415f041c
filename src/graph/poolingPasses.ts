/**
 * The passes over a graph with pooling, to be loaded where there is one. A module of its own: what a program imports at its
 * start as well, as the passes of `Sequential` are, would not be loaded apart.
 */

export { ALL_PASSES as POOLING_PASSES } from './passes.ts';
