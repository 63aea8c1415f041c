/**
 * The kernels of whole training steps, planned for a GPU that need not be there: their texts, uniforms and grids.
 *
 * A step is what `fit` makes of a network: inputs gathered by the epoch's order; forward, loss, backward; Adam; loss and
 * metrics. It is planned on Dawn's null backend, for a target that is told and not found: the largest buffers and the
 * subgroups that a GPU of the desktop offers. Nothing is compiled or run, and no memory of the plan is taken.
 */
import {
  gpuTarget,
  inARow,
  type Limits,
  Moments,
  Network,
  Order,
  Rows,
  resolveMetrics,
  type ScheduledKernel,
  StepMetrics,
  type SubgroupSizes,
  scheduleStep,
  type Target,
  targetOf,
} from '../../src/graph.ts';
import { Adam, type Device, openDevice } from '../../src/index.ts';
import { STEPS, type StepNetworkName } from '../networks.ts';

/** What a kernel of a training step is, and all that its dispatch takes. */
export interface PlannedKernel {
  readonly network: StepNetworkName;
  readonly batch: number;
  /** Its place among the step's dispatches. */
  readonly at: number;
  /** The operations that it is built around, joined by ` | ` where several share its dispatch. */
  readonly label: string;
  /** What is fused into them. */
  readonly fused: readonly string[];
  /** The layers that they belong to, joined likewise; null for none. */
  readonly layer: string | null;
  readonly direction: Direction;
  readonly kernel: ScheduledKernel;
}

/** What a kernel works for: of several that share a dispatch, the first. */
export type Direction = 'data' | 'forward' | 'loss' | 'backward' | 'metrics' | 'update' | 'other';

/** What kernels are planned for, and how much memory there is. */
export interface PlannedTarget {
  readonly target: Target;
  readonly limits: Limits;
}

/** The limits that Dawn reports of AMD's GPUs on Linux. */
const GPU_LIMITS: Limits = {
  buffer: 2 ** 32 - 4,
  binding: 2 ** 32 - 4,
  uniformBinding: 2 ** 32 - 16,
  storageBuffers: 16,
  uniformBuffers: 12,
  alignment: 4,
  groups: 65535,
  threads: 1024,
};
const GPU_WORKGROUP = { threads: GPU_LIMITS.threads, bytes: 65536 };

/** A GPU with subgroups of these sizes, or without the operations on them. */
export const plannedTarget = (subgroups: SubgroupSizes | null): PlannedTarget => ({
  target: gpuTarget({
    subgroups,
    maxStorageBuffers: GPU_LIMITS.storageBuffers,
    maxBindingBytes: GPU_LIMITS.binding,
    maxGroups: GPU_LIMITS.groups,
    workgroup: GPU_WORKGROUP,
  }),
  limits: GPU_LIMITS,
});

/** Where every kernel of a step belongs to the same name, that name once. */
const joined = (names: readonly string[]): string => [...new Set(names)].join(' | ');

/** Plans training steps, each network's weights made once. */
export class StepPlanner {
  readonly #device: Device;
  readonly #networks = new Map<StepNetworkName, { readonly network: Network; readonly moments: Moments }>();

  private constructor(device: Device) {
    this.#device = device;
  }

  static async open(): Promise<StepPlanner> {
    return new StepPlanner(await openDevice({ adapter: 'null' }));
  }

  /** The kernels of a training step, in order. */
  async kernels(name: StepNetworkName, batch: number, { target, limits }: PlannedTarget): Promise<PlannedKernel[]> {
    const device = this.#device;
    const { network, moments } = this.#network(name);
    const { loss, metrics, inputs, labels } = STEPS[name].task;
    const x = await Rows.of(device, inputs(batch), 'inputs');
    const y = await Rows.of(device, labels(batch), 'labels');
    const order = new Order(device, batch);
    const stepMetrics = new StepMetrics(device, 1 + metrics.length);
    try {
      const { planned, purposes } = await scheduleStep(
        { target, limits, prepare: null, rare: () => device.rare() },
        {
          network,
          targets: targetOf(loss, resolveMetrics(metrics, [], loss)),
          x: [x.batch(order.node, batch)],
          y: [y.batch(order.node, batch)],
          weights: null,
          stepMetrics,
        },
        new Adam().rule,
        moments.nodes(),
      );
      return planned.kernels.map((kernel, at) => {
        const parts = kernel.parts.map((part) => purposes.ofKernel(part));
        const layers = parts.flatMap(({ layer }) => (layer === null ? [] : [layer]));
        return {
          network: name,
          batch,
          at,
          label: parts.map((part) => part.kernel).join(' | '),
          fused: parts.flatMap(({ fused }) => fused),
          layer: layers.length === 0 ? null : joined(layers),
          direction: parts[0].phase,
          kernel,
        };
      });
    } finally {
      for (const one of [x, y, order, stepMetrics]) one.dispose();
    }
  }

  #network(name: StepNetworkName): { readonly network: Network; readonly moments: Moments } {
    let made = this.#networks.get(name);
    if (made === undefined) {
      const { layers, task } = STEPS[name];
      const network = new Network(inARow(layers(), task.inputs(1).shape.slice(1)), 1);
      network.trainable.attach(this.#device);
      made = { network, moments: new Moments(this.#device, new Adam().rule, network.trainable.size) };
      this.#networks.set(name, made);
    }
    return made;
  }

  close(): void {
    this.#device.close();
  }
}
