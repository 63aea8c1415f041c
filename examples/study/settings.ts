/** What to train, for how long and on how much: the presets with the flags put over them. */
import type { Flags, Policy, PresetName } from './options.ts';
import type { RunPlan } from './runs.ts';

/** When the plateau run lowers its rate. */
export interface PlateauRule {
  readonly factor: number;
  readonly patience: number;
  /** Least fall of the validation loss that counts as one. */
  readonly minDelta: number;
  /** Epochs after a drop that do not count. */
  readonly cooldown: number;
  readonly minLr: number;
}

/** A run with all that it needs to know. */
export interface RunSettings extends RunPlan {
  readonly epochs: number;
  readonly policy: Policy;
}

export interface Settings {
  readonly preset: PresetName;
  /** Images; undefined: all there are. */
  readonly train: number | undefined;
  readonly test: number | undefined;
  readonly runs: readonly RunSettings[];
  readonly plateau: PlateauRule;
  /** The first of the seeds. */
  readonly seed: number;
  /** Every run is trained with each. */
  readonly seeds: readonly number[];
  readonly clip: boolean;
  /** Epochs of the control of a fall of the rate; 0: there is none. */
  readonly controlEpochs: number;
}

interface Preset {
  readonly train: number | undefined;
  readonly test: number | undefined;
  readonly epochs: number;
  /** Epochs of the plateau run for each epoch of the others. */
  readonly plateauTimes: number;
  readonly plateau: PlateauRule;
  readonly controlEpochs: number;
}

/** Test images that CIFAR-10 has. */
const ALL_TEST = 10_000;

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  // Under 200 s at 1.5 ms an image trained and 0.4 ms an image validated.
  quick: {
    train: 2500,
    test: 1000,
    epochs: 5,
    plateauTimes: 3,
    // Impatient, and not content with small gains: so few epochs must show a drop on easy images as well.
    plateau: { factor: 0.2, patience: 2, minDelta: 0.1, cooldown: 2, minLr: 1e-5 },
    controlEpochs: 2,
  },
  full: {
    train: undefined,
    test: undefined,
    epochs: 20,
    plateauTimes: 15,
    plateau: { factor: 0.5, patience: 10, minDelta: 1e-4, cooldown: 0, minLr: 1e-5 },
    controlEpochs: 5,
  },
};

/** A diverged run this short goes on, so that its curve is complete; a longer one would waste time. */
const SHORT_RUN = 20;

export function settingsFor(flags: Flags, software: boolean): Settings {
  const name = flags.preset ?? (software ? 'quick' : 'full');
  const preset = PRESETS[name];
  const epochs = flags.epochs ?? preset.epochs;
  const plateauEpochs = flags.plateauEpochs ?? epochs * preset.plateauTimes;
  return {
    preset: name,
    train: flags.train ?? preset.train,
    test:
      flags.test ??
      (name === 'quick' && flags.train !== undefined ? Math.min(flags.train, ALL_TEST) : undefined) ??
      preset.test,
    runs: flags.runs.map((plan) => {
      const own = plan.plateau ? plateauEpochs : epochs;
      return {
        ...plan,
        learningRate: flags.rate ?? plan.learningRate,
        batchSize: flags.batch ?? plan.batchSize,
        epochs: own,
        policy: flags.policy ?? (own <= SHORT_RUN ? 'warn' : 'stop'),
      };
    }),
    plateau: preset.plateau,
    seed: flags.seed,
    seeds: Array.from({ length: flags.seeds }, (_, i) => flags.seed + i),
    clip: flags.clip,
    controlEpochs: flags.control ? preset.controlEpochs : 0,
  };
}
