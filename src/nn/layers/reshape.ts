import { describe } from '../../base/describe.ts';
import { ArgumentError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { frozen, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

function checkTarget(targetShape: Shape): Shape {
  const given: unknown = targetShape;
  const fits =
    Array.isArray(given) &&
    given.every((extent) => Number.isSafeInteger(extent) && (extent >= 1 || extent === -1)) &&
    given.indexOf(-1) === given.lastIndexOf(-1);
  if (fits) return frozen(targetShape);
  throw new ArgumentError(
    `Reshape: targetShape must hold whole numbers of at least 1, and at most one -1, got ${Array.isArray(given) ? `[${given.map(String).join(', ')}]` : describe(given)}. ` +
      'Leave out the batch dimension.',
  );
}

/** [batch, ...] to [batch, ...targetShape]; one extent may be -1. */
export class Reshape extends Layer {
  readonly className = 'Reshape';
  readonly targetShape: Shape;

  /**
   * @param targetShape of one example; one extent may be -1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(targetShape: Shape, options: LayerOptions = {}) {
    checkOptions('Reshape', options, LAYER_OPTIONS);
    super(options);
    this.targetShape = checkTarget(targetShape);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Reshape {
    return new Reshape(saved.numbers('targetShape'), options);
  }

  call(x: Tensor): Tensor {
    return x.reshape([x.shape[0], ...this.targetShape]);
  }

  config(): LayerConfig {
    return { targetShape: this.targetShape };
  }
}
