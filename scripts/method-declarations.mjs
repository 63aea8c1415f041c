/**
 * Writes the methods of `Tensor` out in dist/tensor/tensor.d.ts, each with the comment of its function. There the compiler leaves a
 * mapped type over these functions, of whose members editors show no comments.
 */

import { readFileSync, writeFileSync } from 'node:fs';

const MAPPED = /^export interface Tensor extends Methods<Operations> \{\n\}$/m;
const FUNCTION =
  /^(?<comment>\/\*\*(?:(?!\*\/)[\s\S])*\*\/)\nexport declare const (?<name>\w+): \(\w+: TensorLike(?:, )?(?<rest>.*)\) => Tensor;$/gm;

const indented = (text) => text.replaceAll(/^/gm, '    ');

/** The declarations with the methods; the lines above them stay where source maps have them. */
function withMethods(declarations) {
  if (!MAPPED.test(declarations)) throw new Error('tensor.d.ts has no mapped methods. Has tensor.ts changed?');
  const functions = [...declarations.matchAll(FUNCTION)].map(({ groups }) => groups);
  const all = declarations.match(/^export declare const /gm)?.length;
  if (functions.length !== all)
    throw new Error(`${functions.length} of ${all} operations in tensor.d.ts are understood.`);
  const methods = functions.map(({ comment, name, rest }) => indented(`${comment}\n${name}(${rest}): Tensor;`));
  return declarations
    .replace(MAPPED, '\n')
    .replace('\nexport {};\n', `\nexport interface Tensor {\n${methods.join('\n')}\n}\nexport {};\n`);
}

const path = new URL('../dist/tensor/tensor.d.ts', import.meta.url);
writeFileSync(path, withMethods(readFileSync(path, 'utf8')));
