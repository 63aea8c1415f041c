/** What a profile says: times by kernel, layer and phase, as data and as a table. */

import { counted } from '../../base/describe.ts';
import { INSPECT } from '../../base/inspect.ts';
import { type Column, tableLines } from '../../base/table.ts';
import type { StepPhase } from '../../network/purposes.ts';
import type { Clock } from '../../runtime/profile/kernelTimes.ts';

export type { StepPhase as ProfilePhase } from '../../network/purposes.ts';

export const PROFILE_PHASES: readonly StepPhase[] = [
  'data',
  'forward',
  'loss',
  'backward',
  'metrics',
  'update',
  'other',
];

/** One kernel of what was profiled. */
export interface KernelTime {
  /** The kernel's name, without what is fused into it. */
  readonly kernel: string;
  /** Other operations that run in it, in order, with the layer where that is another one: `relu`, `dropout (dropout)`. */
  readonly fused: readonly string[];
  /** The layer of its main operation; null outside of layers, and where no model was profiled. */
  readonly layer: string | null;
  /** The phase of its main operation; null where no model was profiled. */
  readonly phase: StepPhase | null;
  /** Which dispatch it is part of, counted from 0. Small kernels that do not wait for each other share one. */
  readonly dispatch: number;
  /** Its share of that dispatch's workgroups, in (0, 1]: so much of the dispatch's time counts for it. */
  readonly dispatchShare: number;
  /** How often it ran: 1, but where a function runs the same plan several times. */
  readonly runs: number;
  /** Milliseconds of all its runs, the mean of many measurements. */
  readonly ms: number;
  /** Of the sum over all kernels, in [0, 1]. */
  readonly share: number;
}

/** What a layer took. */
export interface LayerTime {
  /** The layer's name; null for all that belongs to none. */
  readonly layer: string | null;
  /** Milliseconds. */
  readonly forwardMs: number;
  /** Milliseconds. */
  readonly backwardMs: number;
  /** Milliseconds of all phases. */
  readonly ms: number;
  /** Of the sum over all kernels, in [0, 1]. */
  readonly share: number;
}

/** What a phase took. */
export interface PhaseTime {
  /** Which one. */
  readonly phase: StepPhase;
  /** Milliseconds. */
  readonly ms: number;
  /** Of the sum over all kernels, in [0, 1]. */
  readonly share: number;
}

/** What was measured, and how. */
export interface Measured {
  readonly subject: string;
  readonly adapter: string;
  readonly batchSize: number | null;
  readonly clock: Clock;
  readonly resolution: number;
  readonly samples: number;
  readonly run: number;
  readonly kernels: readonly KernelTime[];
  /** In the model's order; none where no model was profiled. */
  readonly layerNames: readonly string[];
  readonly finite: boolean;
}

/** Where the time goes, by kernel, layer and phase. `String(report)` is a table of it; as JSON it is its data. */
export class ProfileReport {
  /** @internal */
  static readonly name: string = 'ProfileReport';
  /** What was profiled, in words. */
  readonly subject: string;
  /** What the adapter calls itself. */
  readonly adapter: string;
  /** Examples of the training step; null for a function. */
  readonly batchSize: number | null;
  /**
   * `timestamps`: the GPU's clock around each kernel within whole runs. `replays`: the adapter has none, or was not to use them;
   * each kernel was run alone many times and awaited, with its inputs in caches that another kernel may have emptied else.
   */
  readonly clock: Clock;
  /**
   * What the clock's ticks let a kernel's mean be wrong by, in milliseconds: they are coarse (in Node 0.066 ms), and many
   * measurements make up for it. How far the machine itself varies comes on top.
   */
  readonly resolutionMs: number;
  /** Runs that the means are of; the longest and shortest quarters are left out. */
  readonly samples: number;
  /** Every kernel, in the order in which they run. */
  readonly kernels: readonly KernelTime[];
  /** The layers in the model's order, then what belongs to none; empty for a function. */
  readonly layers: readonly LayerTime[];
  /** The phases in order; empty for a function. */
  readonly phases: readonly PhaseTime[];
  /** Milliseconds of all kernels. */
  readonly kernelMs: number;
  /** Milliseconds of the whole, of several that are submitted one after the other and awaited together, as `fit` does. */
  readonly totalMs: number;
  /** Whether loss and gradients of the step were finite. If not, the optimizer leaves the step out: its time is too short. */
  readonly finite: boolean;

  /** @internal */
  constructor({ kernels, layerNames, ...measured }: Measured) {
    this.subject = measured.subject;
    this.adapter = measured.adapter;
    this.batchSize = measured.batchSize;
    this.clock = measured.clock;
    this.resolutionMs = measured.resolution;
    this.samples = measured.samples;
    this.totalMs = measured.run;
    this.finite = measured.finite;
    this.kernels = kernels;
    const kernelMs = sumOf(kernels);
    this.kernelMs = kernelMs;
    const share = (ms: number): number => (kernelMs > 0 ? ms / kernelMs : 0);
    const named = measured.batchSize !== null;
    this.phases = named
      ? PROFILE_PHASES.flatMap((phase) => {
          const own = kernels.filter((kernel) => kernel.phase === phase);
          if (phase === 'other' && own.length === 0) return [];
          const ms = sumOf(own);
          return [{ phase, ms, share: share(ms) }];
        })
      : [];
    this.layers = named
      ? [...layerNames, null].map((layer) => {
          const own = kernels.filter((kernel) => kernel.layer === layer);
          const ms = sumOf(own);
          const inPhase = (phase: StepPhase): number => sumOf(own.filter((kernel) => kernel.phase === phase));
          return { layer, forwardMs: inPhase('forward'), backwardMs: inPhase('backward'), ms, share: share(ms) };
        })
      : [];
  }

  /** Milliseconds beyond the kernels: starting them, and what the host does; below 0 where they ran faster unwatched. */
  get overheadMs(): number {
    return this.totalMs - this.kernelMs;
  }

  /** A table of at most 100 columns: phases, layers, and kernels, those that take longest first. */
  toString(): string {
    const tables = this.batchSize === null ? [] : [this.#phaseLines(), this.#layerLines()];
    return [this.#heading(), ...tables, this.#kernelLines()].map((lines) => lines.join('\n')).join('\n\n');
  }

  #phaseLines(): string[] {
    return tableLines(
      [{ head: 'phase' }, ...TIMES],
      this.phases.filter(({ ms }) => ms > 0).map(({ phase, ms, share }) => [phase, milliseconds(ms), percent(share)]),
    );
  }

  #layerLines(): string[] {
    const known = new Set(this.kernels.map(({ layer }) => layer));
    const rows = this.layers.map(({ layer, forwardMs, backwardMs, ms, share }) => {
      if (layer === null) return ['(no layer)', '', '', milliseconds(ms), percent(share)];
      if (!known.has(layer)) return [layer, NO_KERNEL, NO_KERNEL, NO_KERNEL, ''];
      return [layer, milliseconds(forwardMs), milliseconds(backwardMs), milliseconds(ms), percent(share)];
    });
    return [
      ...tableLines(
        [
          { head: 'layer', most: 40 },
          { head: 'forward ms', right: true },
          { head: 'backward ms', right: true },
          ...TIMES,
        ],
        rows,
      ),
      ...(this.layers.every(({ layer }) => known.has(layer) || layer === null)
        ? []
        : [`${NO_KERNEL} no kernel of its own: fused into others, or nothing to compute`]),
    ];
  }

  #kernelLines(): string[] {
    const { kernels, kernelMs, overheadMs, totalMs } = this;
    const isStep = this.batchSize !== null;
    const several = kernels.some(({ runs }) => runs > 1);
    // A column of nothing would only push the others apart.
    const pick = <T>(layer: T, phase: T, runs: T): T[] => [
      ...(isStep ? [layer, phase] : []),
      ...(several ? [runs] : []),
    ];
    const columns: Column[] = [
      { head: 'kernel', most: 30 },
      ...pick<Column>({ head: 'layer', most: 16 }, { head: 'phase' }, { head: 'runs', right: true }),
      ...TIMES,
      { head: 'fused into it', most: 'rest' },
    ];
    const rows = [...kernels]
      .sort((a, b) => b.ms - a.ms)
      .map((one) => [
        one.dispatchShare < 1 ? `${one.kernel} *` : one.kernel,
        ...pick(one.layer ?? '', one.phase ?? '', String(one.runs)),
        milliseconds(one.ms),
        percent(one.share),
        one.fused.join(', '),
      ]);
    const total = (name: string, ms: number, share = ''): string[] => [
      name,
      ...pick('', '', ''),
      milliseconds(ms),
      share,
      '',
    ];
    return [
      ...tableLines(columns, rows, [
        total('all kernels', kernelMs, percent(1)),
        total('beyond them', overheadMs),
        total(isStep ? 'the step' : 'the whole', totalMs),
      ]),
      ...(kernels.some(({ dispatchShare }) => dispatchShare < 1)
        ? ['* shares a dispatch with others: its time is divided by their workgroups']
        : []),
      ...(this.finite ? [] : ['The step was not finite, so the optimizer left it out: its time is too short.']),
    ];
  }

  #heading(): string[] {
    const how =
      this.clock === 'timestamps'
        ? `GPU timestamps, mean of ${counted(this.samples, 'run')}`
        : `no timestamps: each kernel replayed alone, at least ${counted(this.samples, 'time')}`;
    return [`${this.subject} on ${this.adapter}`, `${how}; good to ${milliseconds(this.resolutionMs)} ms a kernel`];
  }

  /** What Node's `console.log` shows. @internal */
  [INSPECT](): string {
    return this.toString();
  }
}

const TIMES: readonly Column[] = [
  { head: 'ms', right: true },
  { head: 'share', right: true },
];

/** What stands for a time where there is none. */
const NO_KERNEL = '–';

const sumOf = (kernels: readonly KernelTime[]): number => kernels.reduce((sum, { ms }) => sum + ms, 0);

const milliseconds = (ms: number): string => ms.toFixed(3);

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
