/**
 * Studies made of chance, whose truth is known: what `judgeStudy` says of them is right or wrong. Every image has a difficulty; a
 * training is right about it where difficulty and luck together stay below what its accuracy allows. Accuracies differ between seeds
 * by an offset that lasts and by one that changes from epoch to epoch.
 */

import type { DropControl, RunHistory, Training, UnjudgedRun } from '../examples/study/results.ts';
import { packRight } from '../examples/study/right.ts';
import { random } from '../src/graph.ts';

/** Draws numbers, the same for the same seed. */
export class Chance {
  readonly #seed: number;
  #drawn = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** In (0, 1). */
  uniform(): number {
    return (random.randomBits(this.#seed, 0, this.#drawn++) + 0.5) / 2 ** 32;
  }

  /** Normal (Box and Muller 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** What is true of the runs of a study, as shares. */
export interface Truth {
  /** Accuracy that each constant-rate run ends with on average, by name; `baseline` among them. */
  readonly ends: Readonly<Record<string, number>>;
  /** What a fall of the rate adds on average, over the epochs that it is judged by. */
  readonly drop: number;
}

export interface Setting {
  readonly images: number;
  readonly seeds: number;
  readonly epochs: number;
  /** Standard deviations of the two offsets. */
  readonly lasting: number;
  readonly jitter: number;
  /** Whether results tell which images were right. */
  readonly paired: boolean;
}

/** Correlation of two trainings in what they are right about. */
const SHARED = 0.6;
/** Accuracy of a training before its first epoch. */
const START = 0.2;
/** Epochs in which it comes about a third of the way that is left. */
const PACE = 2;
const CONTROL_EPOCHS = 2;

export function simulate(seed: number, truth: Truth, setting: Setting): UnjudgedRun[] {
  const world = new World(new Chance(seed), setting);
  const runs = Object.entries(truth.ends).map(([name, end]) =>
    world.run(name, setting.epochs, () => world.constant(end, setting.epochs)),
  );
  const long = 3 * setting.epochs;
  return [...runs, world.run('plateau', long, () => world.dropping(truth, long))];
}

class World {
  readonly #chance: Chance;
  readonly #setting: Setting;
  /** Of the images, the same for all. */
  readonly #difficulty: readonly number[];

  constructor(chance: Chance, setting: Setting) {
    this.#chance = chance;
    this.#setting = setting;
    this.#difficulty = Array.from({ length: setting.images }, () => chance.normal());
  }

  run(name: string, epochs: number, train: () => Training): UnjudgedRun {
    const [first, ...repeats] = Array.from({ length: this.#setting.seeds }, train);
    return { ...first, repeats, name, learningRate: 0.001, batchSize: 32, epochs };
  }

  constant(end: number, epochs: number): Training {
    const offset = this.#setting.lasting * this.#chance.normal();
    return this.#training(epochs, (epoch) => this.#look(curve(end, epochs, epoch) + offset));
  }

  /** Its rate falls twice; what a fall adds is gone again at the next, so that both are alike. */
  dropping({ ends, drop }: Truth, epochs: number): Training {
    const end = ends.baseline;
    const falls = [Math.floor(epochs / 2), Math.floor((3 * epochs) / 4)];
    const offset = this.#setting.lasting * this.#chance.normal();
    const looks = Array.from({ length: epochs }, (_, i) => {
      const fall = falls.findLast((after) => i >= after) ?? Number.POSITIVE_INFINITY;
      return this.#look(curve(end, epochs, i) + offset + (i < fall + CONTROL_EPOCHS && i >= fall ? drop : 0));
    });
    const controls = falls.map((after): DropControl => {
      const control = Array.from({ length: CONTROL_EPOCHS }, (_, i) =>
        this.#look(curve(end, epochs, after + i) + offset),
      );
      return {
        after,
        learningRate: 1,
        history: historyOf(control.map(({ accuracy }) => accuracy)),
        ...(this.#setting.paired && {
          right: control.map(({ right }) => right),
          runRight: looks.slice(after, after + CONTROL_EPOCHS).map(({ right }) => right),
        }),
      };
    });
    const training = this.#training(epochs, (i) => looks[i]);
    const rates = looks.map((_, i) => 0.5 ** falls.filter((after) => i >= after).length);
    return { ...training, controls, history: { ...training.history, learning_rate: rates } };
  }

  #training(epochs: number, lookAt: (epoch: number) => Look): Training {
    const looks = Array.from({ length: epochs }, (_, i) => lookAt(i));
    const right = looks.at(-1)?.right;
    return {
      history: historyOf(looks.map(({ accuracy }) => accuracy)),
      secondsPerEpoch: 2,
      imagesPerSecond: 1250,
      divergence: null,
      ...(this.#setting.paired && right !== undefined && { right }),
    };
  }

  /** A validation of a training whose accuracy on all images there are is `expected`, give or take the epoch. */
  #look(expected: number): Look {
    const chance = this.#chance;
    const level = quantile(expected + this.#setting.jitter * chance.normal());
    const right = this.#difficulty.map(
      (difficulty) => Math.sqrt(SHARED) * difficulty + Math.sqrt(1 - SHARED) * chance.normal() < level,
    );
    return { accuracy: right.filter(Boolean).length / right.length, right: packRight(right) };
  }
}

interface Look {
  readonly accuracy: number;
  readonly right: string;
}

/** A rise that comes to `end` in the last epoch. */
const curve = (end: number, epochs: number, epoch: number): number =>
  end - (end - START) * (Math.exp(-(epoch + 1) / PACE) - Math.exp(-epochs / PACE));

const historyOf = (accuracy: number[]): RunHistory => ({
  loss: accuracy.map((share) => 2.5 - 2 * share),
  accuracy,
  val_loss: accuracy.map((share) => 2.5 - 2 * share),
  val_accuracy: accuracy,
  learning_rate: accuracy.map(() => 1),
});

/** The number that a normal variable stays below with this probability, to three digits (Hastings 1955). */
function quantile(probability: number): number {
  const p = Math.min(0.999, Math.max(0.001, probability));
  const t = Math.sqrt(-2 * Math.log(Math.min(p, 1 - p)));
  const z = t - (2.30753 + 0.27061 * t) / (1 + 0.99229 * t + 0.04481 * t * t);
  return p < 0.5 ? -z : z;
}
