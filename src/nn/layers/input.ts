import { checkOptions } from '../../base/optionNames.ts';
import { frozen, type Shape } from '../../base/shape.ts';
import { checkInputShape, checkLayerName, SymbolicTensor } from './layer.ts';

/**
 * An input of a `Model`: the value that the first layers are applied to.
 * @param shape of one example, without the batch
 * @param options `name`: by which `fit` and `predict` may be given its data; default `input`, `input_1`, …
 * @throws ShapeError for extents that are no whole numbers of at least 1
 */
export function input(shape: Shape, options: { readonly name?: string } = {}): SymbolicTensor {
  checkOptions('input', options, { name: true });
  checkInputShape(shape, 'input');
  return new SymbolicTensor(frozen(shape), null, checkLayerName(options.name, 'An input'));
}
