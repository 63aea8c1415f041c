import type { Node } from '../graph/node.ts';
import { reshape } from '../ops/reshape.ts';
import type { Shape } from '../shape.ts';
import { Layer, type LayerConfig, type LayerOptions } from './layer.ts';

/** [batch, ...] to [batch, features]. */
export class Flatten extends Layer {
  readonly className = 'Flatten';

  call(x: Node): Node {
    return reshape(x, [x.shape[0], -1]);
  }

  config(): LayerConfig {
    return {};
  }
}

/** [batch, ...] to [batch, ...targetShape]; one extent may be -1. */
export class Reshape extends Layer {
  readonly className = 'Reshape';
  readonly targetShape: Shape;

  constructor(targetShape: Shape, options: LayerOptions = {}) {
    super(options);
    this.targetShape = targetShape;
  }

  call(x: Node): Node {
    return reshape(x, [x.shape[0], ...this.targetShape]);
  }

  config(): LayerConfig {
    return { targetShape: this.targetShape };
  }
}
