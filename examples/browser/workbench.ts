/** The Worker's side of the page: the device, the data, and one training at a time. */

import {
  type Callback,
  DataError,
  type Device,
  DivergenceDetector,
  decodeSafetensors,
  type History,
  type ImageDataset,
  imagesBetween,
  type LabelledImages,
  LearningRateScheduler,
  openDevice,
  proceduralImages,
  ReduceLROnPlateau,
  Sequential,
  WgradError,
} from '../../src/index.ts';
import { confusionCounts, filterPixels, imagePixels } from '../../src/pictures/index.ts';
import { type Examples, examplesOf } from '../study/data.ts';
import { type Fall, FallWatch } from '../study/fallWatch.ts';
import { historyOf } from '../study/history.ts';
import { packRight, rightOf } from '../study/right.ts';
import { PRESETS } from '../study/settings.ts';
import { readCifarFiles } from './cifarFiles.ts';
import { sameNetwork } from './fields.ts';
import { Keeper } from './keeper.ts';
import { Onlooker } from './looks.ts';
import { INPUT_SHAPE, networkLayers, networkOf } from './network.ts';
import type { Command, DataFacts, Ending, EpochEnd, Exhibits, Happening, LoadedModel, Plan } from './protocol.ts';
import { Remote } from './remote.ts';
import { type Listener, Reporter } from './reporter.ts';
import { isScheduled, makeOptimizer, scheduleOf } from './schedule.ts';
import { firstPlan, STUDY_NETWORK } from './settings.ts';
import { sketchOf } from './sketch.ts';
import { fingerprint, openStates, type States } from './states.ts';

type Tell = (happening: Happening, transfer?: Transferable[]) => void;

/** How many of the first validation images the page shows. */
const SAMPLES = 24;
/** Images of the built-in set: what a software adapter trains on while somebody watches, and what a GPU does. */
const BUILT_IN = { software: { train: 2000, test: 400 }, hardware: { train: 10_000, test: 2000 } };

/** Images of a validation: as many as are trained on, but fewer than these would say too little. */
const LEAST_HELD = 400;

/** Epochs by which a fall of the rate is judged. */
const CONTROL_EPOCHS = 2;

/** How much later than an error the news may come that its cause is a lost device, in milliseconds. */
const LOSS_MS = 300;

/** A training under way. */
interface Training {
  readonly run: string;
  readonly remote: Remote;
  /** Keeps it as it is; null where there is nothing to keep. */
  readonly keeper: Keeper | null;
}

/** What a run is trained and validated on. */
interface Material {
  readonly train: Examples;
  readonly held: Examples;
  readonly labels: Uint8Array;
  /** Training steps of an epoch. */
  readonly steps: number;
}

/** A model from a file, whose weights the next run begins with. */
interface Loaded extends LoadedModel {
  readonly bytes: Uint8Array;
}

export class Workbench {
  readonly #tell: Tell;
  readonly #device: Device;
  #data: ImageDataset;
  #training: Training | null = null;
  /** Of the training under way, else of the last one. */
  #model: Sequential | null = null;
  /** Of the same. */
  #onlooker: Onlooker | null = null;
  /** Which run it is of. */
  #modelOf: string | null = null;
  #loaded: Loaded | null = null;
  readonly #states: States;
  /** What is being written of a run under way. */
  #writing: Promise<void> | null = null;
  /** Whether the page has been told that nothing can be kept. */
  #complained = false;
  /** Of the data. */
  #print = 0;
  /** Arrives when the device is gone. */
  readonly #lost: Promise<true>;

  private constructor(tell: Tell, device: Device, states: States) {
    this.#tell = tell;
    this.#device = device;
    this.#states = states;
    this.#data = this.#builtIn();
    this.#lost = device.gpu.lost.then(({ message }) => {
      const why = message.replace(/\.$/, '') || 'its driver gave no reason';
      if (!device.closed) tell({ kind: 'lost', reason: `The GPU was lost (${why})` });
      return true;
    });
    tell({ kind: 'ready', adapter: device.info.name, software: device.info.software });
    this.#tellData();
  }

  /** Opens the device; null, after telling why, where there is none. `states`: where trainings are kept. */
  static async open(tell: Tell, states: States | Promise<States> = openStates()): Promise<Workbench | null> {
    try {
      return new Workbench(tell, await openDevice(), await states);
    } catch (error) {
      tell({ kind: 'unavailable', reason: messageOf(error) });
      return null;
    }
  }

  /** Frees the device. */
  close(): void {
    this.#device.close();
  }

  async take(command: Command): Promise<void> {
    try {
      await this.#take(command);
    } catch (error) {
      this.#tell({ kind: 'refused', reason: messageOf(error) });
    }
  }

  async #take(command: Command): Promise<void> {
    const remote = this.#training?.remote;
    switch (command.kind) {
      case 'train':
        return this.#train(command.run, command.plan, command.goOn);
      case 'keep':
        return this.#training?.keeper?.now();
      case 'pause':
        return remote?.pause();
      case 'resume':
        return remote?.resume();
      case 'step':
        return remote?.step();
      case 'stop':
        return remote?.stop();
      case 'rate':
        // A control is at the old rate.
        if (this.#training?.keeper) remote?.setRate(command.learningRate);
        return;
      case 'useBuiltIn':
        this.#data = this.#builtIn();
        return this.#tellData();
      case 'useFiles':
        this.#data = await readCifarFiles(command.files);
        return this.#tellData();
      case 'sketch':
        return this.#sketch(command.plan);
      case 'save':
        return this.#save();
      case 'load':
        return this.#load(command.file);
    }
  }

  #builtIn(): ImageDataset {
    return proceduralImages(BUILT_IN[this.#device.info.software ? 'software' : 'hardware']);
  }

  #tellData(): void {
    const { name, synthetic, train, test, classNames } = this.#data;
    const { images, labels, shape } = this.#samples();
    this.#print = fingerprint([train, test]);
    const data: DataFacts = {
      name,
      synthetic,
      train: train.labels.length,
      test: test.labels.length,
      classNames,
      // Copies: a message takes along all of the memory that its arrays lie in.
      samples: imagePixels({ shape, data: images.slice() }),
      sampleLabels: labels.slice(),
    };
    this.#tell({ kind: 'data', data });
  }

  #samples(): LabelledImages {
    const { test } = this.#data;
    return imagesBetween(test, 0, Math.min(SAMPLES, test.labels.length));
  }

  async #train(run: string, plan: Plan, goOn: boolean): Promise<void> {
    if (this.#training !== null) throw new DataError('A run is under way. Stop it first.');
    let report = '';
    let begun = !goOn;
    const material = this.#materialOf(plan);
    const reporter = this.#reporter(run, {
      epoch: (end) => this.#tell({ kind: 'epoch', run, end }),
      wentOn: (ends, step) => {
        begun = true;
        const learningRate = this.#model?.optimizer.learningRate ?? plan.learningRate;
        this.#tell({ kind: 'wentOn', run, step, learningRate, ends });
      },
      look: async () => this.#exhibit(run, reporter.before),
      confuse: async (epoch) => this.#confuse(run, epoch, material),
    });
    const keeper = new Keeper(() => this.#keep(run, reporter));
    const remote = this.#remote(run, reporter, keeper);
    const detector = new DivergenceDetector({
      onDivergence: 'stop',
      print: (line) => {
        report = line;
      },
    });
    const plateau = plan.schedule === 'plateau' ? new ReduceLROnPlateau(this.#plateauOf(plan)) : null;
    const epochs = isScheduled(plan) ? new LearningRateScheduler(scheduleOf(plan)) : null;
    const falls = plateau && plan.control ? this.#falls(run, plateau, material) : null;
    const schedule: readonly Callback[] = [epochs, plateau, falls].filter((callback) => callback !== null);
    this.#training = { run, remote, keeper };
    this.#modelOf = run;
    const [steps, held, from] = [material.steps, material.labels.length, this.#loadedFor(plan)?.name ?? null];
    this.#tell({ kind: 'compiling', run, steps, held, from: goOn ? null : from });
    let how: Ending = 'done';
    let right: string | null = null;
    try {
      const model = await this.#newModel(plan, goOn ? run : null);
      await model.fit(...material.train, {
        batchSize: plan.batchSize,
        epochs: plan.epochs,
        validationData: material.held,
        validationBatchSize: validationBatch(plan),
        verbose: 0,
        callbacks: [...schedule, detector, remote, reporter, keeper],
      });
      if (detector.divergence !== null) how = 'diverged';
      else if (remote.stopped) how = 'stopped';
      if (how !== 'diverged' && reporter.whole) right = await this.#rightOf(model, material);
      if (how === 'done') await this.#control(run, plan, falls?.falls ?? [], material);
    } catch (error) {
      // The page will go on with another Worker.
      if (await this.#isLost()) return;
      how = begun ? 'failed' : 'interrupted';
      report = messageOf(error);
    } finally {
      this.#training = null;
    }
    const { divergence: found } = detector;
    const divergence = found && { ...found, step: found.step - reporter.before };
    // Before it is told: the run's next training, with another seed, keeps what it is at under the same name.
    if (how !== 'interrupted') await this.#forget(run);
    this.#tell({ kind: 'ended', run, how, divergence, report, right });
  }

  /** Whether an error may come of a lost device, of which the browser tells a little later. */
  #isLost(): Promise<boolean> {
    return Promise.race([this.#lost, new Promise<false>((resolve) => setTimeout(() => resolve(false), LOSS_MS))]);
  }

  #materialOf({ images: wanted, batchSize }: Plan): Material {
    const { train, test } = this.#data;
    const images = Math.min(wanted, train.labels.length);
    const held = this.#held(wanted);
    return {
      train: examplesOf(train, images),
      held: examplesOf(test, held),
      labels: test.labels.subarray(0, held),
      steps: Math.ceil(images / batchSize),
    };
  }

  /** Validation images of a run. */
  #held(images: number): number {
    const { train, test } = this.#data;
    return Math.min(test.labels.length, Math.max(LEAST_HELD, Math.min(images, train.labels.length)));
  }

  #plateauOf({ factor, patience }: Plan) {
    const { plateau } = PRESETS[this.#device.info.software ? 'quick' : 'full'];
    return { ...plateau, factor, patience, monitor: 'val_loss' } as const;
  }

  #reporter(run: string, listener: Pick<Listener, 'epoch' | 'wentOn' | 'look' | 'confuse'>): Reporter {
    return new Reporter(
      {
        ...listener,
        readings: (readings, gauge) => this.#tell({ kind: 'readings', run, readings, gauge }),
        validating: () => this.#tell({ kind: 'validating', run }),
      },
      () => this.#device.stats.bytes,
    );
  }

  #remote(run: string, reporter: Reporter, keeper: Keeper | null): Remote {
    return new Remote({
      paused: (paused) => {
        if (paused) reporter.halt();
        else reporter.run();
        reporter.flush();
        this.#tell({ kind: paused ? 'paused' : 'resumed', run });
        if (paused) return keeper?.now();
      },
      steered: (change) => this.#tell({ kind: 'steered', run, change }),
    });
  }

  #falls(run: string, plateau: ReduceLROnPlateau, material: Material): FallWatch {
    return new FallWatch({
      epochs: CONTROL_EPOCHS,
      right: async () => (this.#model === null ? '' : this.#rightOf(this.#model, material)),
      // A rate that a hand moved is no fall.
      fellFrom: (epoch) => plateau.drops.findLast((drop) => drop.epoch === epoch)?.from ?? null,
      keep: async ({ after }) => {
        const model = this.#model;
        if (model === null) return;
        const bytes = await model.toSafetensors();
        // Without room for it there is no control.
        await this.#states.putFall(run, after, bytes).catch(() => {});
      },
    });
  }

  /** Which of the held images a network is right about. */
  async #rightOf(model: Sequential, material: Material): Promise<string> {
    const probabilities = await probabilitiesOf(model, material);
    return packRight(rightOf(material.labels, probabilities, this.#data.classNames.length));
  }

  async #confuse(run: string, epoch: number, material: Material): Promise<void> {
    if (this.#model === null) return;
    const probabilities = await probabilitiesOf(this.#model, material);
    const counts = confusionCounts(material.labels, probabilities, this.#data.classNames.length);
    this.#tell({ kind: 'confusion', run, confusion: { epoch, counts } });
  }

  async #sketch(plan: Plan): Promise<void> {
    this.#tell({ kind: 'sketch', sketch: await sketchOf(plan, this.#held(plan.images), this.#device) });
  }

  /** What was loaded, where its weights are those of such a network. */
  #loadedFor(plan: Plan): Loaded | null {
    return this.#loaded !== null && sameNetwork(this.#loaded.network, plan) ? this.#loaded : null;
  }

  /** Trains the weights of each fall on at the old rate, on the images and in the order that the run itself had there. */
  async #control(run: string, plan: Plan, falls: readonly Fall[], material: Material): Promise<void> {
    for (const { after, learningRate, right: runRight } of falls) {
      const bytes = await this.#states.getFall(run, after);
      const epochs = runRight.length;
      if (bytes === null || epochs === 0) continue;
      const ends: EpochEnd[] = [];
      const right: string[] = [];
      const model = this.#compiled(plan);
      const reporter = new Reporter(
        {
          readings: () => {},
          validating: () => {},
          wentOn: () => {},
          epoch: (end) => {
            ends.push(end);
            this.#tell({ kind: 'controlEpoch', run, end });
          },
          confuse: async () => {},
          look: async () => {
            if (right.length < ends.length) right.push(await this.#rightOf(model, material));
          },
        },
        () => this.#device.stats.bytes,
      );
      const remote = this.#remote(run, reporter, null);
      this.#training = { run, remote, keeper: null };
      this.#tell({ kind: 'control', run, after, learningRate });
      let trained: History;
      try {
        // It counts on from the file's steps, by which images and random numbers are drawn.
        await model.fromSafetensors(bytes);
        model.optimizer.learningRate = learningRate;
        trained = await model.fit(...material.train, {
          batchSize: plan.batchSize,
          initialEpoch: after,
          epochs: after + epochs,
          validationData: material.held,
          validationBatchSize: validationBatch(plan),
          verbose: 0,
          callbacks: [remote, reporter],
        });
      } finally {
        model.dispose();
      }
      if (remote.stopped) return;
      const control = { after, learningRate, history: historyOf(trained.history), right, runRight };
      this.#tell({ kind: 'controlled', run, control });
    }
  }

  /** Keeps the run under way as it is; what is kept is written while it goes on. */
  async #keep(run: string, { before }: Reporter): Promise<void> {
    // A disk that is slower than the training holds it up: else ever more would wait to be written.
    await this.#writing;
    const model = this.#model;
    if (model === null) return;
    const bytes = await model.toSafetensors();
    const step = Number(decodeSafetensors(bytes).metadata.steps) - before;
    const writing = this.#write(run, step, bytes).finally(() => {
      if (this.#writing === writing) this.#writing = null;
    });
    this.#writing = writing;
  }

  async #write(run: string, step: number, bytes: Uint8Array): Promise<void> {
    const states = this.#states;
    const put = () => states.put({ run, step, data: this.#print, at: Date.now() }, bytes);
    try {
      await put().catch(async () => {
        // Most likely there is no room: what is kept of other runs is given up for this one.
        const others = (await states.all()).map((facts) => facts.run).filter((other) => other !== run);
        await states.forget(others);
        await put();
      });
      if (!states.lasting) throw new Error('this browser keeps nothing for this page');
      this.#complained = false;
      this.#tell({ kind: 'kept', run, step });
    } catch (error) {
      if (this.#complained) return;
      this.#complained = true;
      this.#tell({ kind: 'notKept', run, reason: error instanceof Error ? error.message : String(error) });
    }
  }

  async #forget(run: string): Promise<void> {
    await this.#writing;
    // What cannot be deleted now is when the page is opened next.
    await this.#states.forget([run]).catch(() => {});
  }

  /** Compiled; with the weights of a file where one was loaded, or as what is kept of a run. The one before it is freed. */
  async #newModel(plan: Plan, goOnWith: string | null): Promise<Sequential> {
    this.#model?.dispose();
    this.#model = null;
    const model = this.#compiled(plan);
    const loaded = this.#loadedFor(plan);
    try {
      if (goOnWith !== null) await this.#goOn(model, goOnWith);
      else if (loaded !== null) {
        await model.fromSafetensors(loaded.bytes);
        model.optimizer.learningRate = plan.learningRate;
      }
    } catch (error) {
      model.dispose();
      throw error;
    }
    this.#model = model;
    this.#onlooker = new Onlooker(plan);
    return model;
  }

  #compiled(plan: Plan): Sequential {
    const { seed, dropout } = plan;
    const model = new Sequential(networkLayers(plan, dropout), { inputShape: INPUT_SHAPE, seed, device: this.#device });
    const optimizer = makeOptimizer(plan);
    return model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  }

  async #goOn(model: Sequential, run: string): Promise<void> {
    const kept = await this.#states.get(run);
    if (kept === null) throw new DataError('Nothing is kept of this run. Start it anew.');
    if (kept.facts.data !== this.#print) {
      throw new DataError(
        'The images are not those that this run was trained on. Drop the same files, or start it anew.',
      );
    }
    await model.resume(kept.bytes);
  }

  /** @param before steps that the model had taken before this run */
  async #exhibit(run: string, before: number): Promise<void> {
    const [model, onlooker] = [this.#model, this.#onlooker];
    if (model === null || onlooker === null) return;
    const { step, layers } = await onlooker.look(model);
    const exhibits = { ...(await this.#seenBy(model)), step: step - before, layers };
    this.#tell({ kind: 'exhibits', run, exhibits });
  }

  async #seenBy(model: Sequential): Promise<Pick<Exhibits, 'filters' | 'predictions'>> {
    const [images] = examplesOf(this.#samples());
    const predictions = await (await model.predict(images)).data();
    const kernel = (await model.getWeights()).find(({ shape }) => shape.length === 4);
    return {
      filters: kernel === undefined ? [] : filterPixels(kernel),
      predictions: Float32Array.from(predictions),
    };
  }

  async #save(): Promise<void> {
    if (this.#model === null) throw new DataError('There is no model yet. Start a run, then save what it has learnt.');
    const bytes = Uint8Array.from(await this.#model.toSafetensors());
    this.#tell({ kind: 'saved', run: this.#modelOf, bytes }, [bytes.buffer]);
  }

  async #load(file: File | null): Promise<void> {
    if (this.#training !== null) throw new DataError('A run is under way. Stop it before loading a model.');
    if (file === null) {
      this.#loaded = null;
      return this.#tell({ kind: 'loaded', model: null });
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    let model: Sequential | null = null;
    try {
      model = await Sequential.fromSafetensors(bytes, { device: this.#device });
      const network = networkOf(model.layers, STUDY_NETWORK);
      if (network === null || model.inputShape.join() !== INPUT_SHAPE.join()) {
        const kinds = model.layers.map(({ className }) => className).join(', ');
        throw new DataError(
          `this page builds no network like its ${kinds}. Load it with Sequential.load in a program of your own.`,
        );
      }
      model.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
      const { accuracy } = await model.evaluate(...examplesOf(this.#data.test), { batchSize: 128 });
      this.#loaded = { name: file.name, accuracy, network, bytes };
      this.#tell({ kind: 'loaded', model: { name: file.name, accuracy, network } });
      this.#tell({
        kind: 'exhibits',
        run: null,
        exhibits: { ...(await this.#seenBy(model)), ...(await new Onlooker(firstPlan(true)).look(model)) },
      });
    } catch (error) {
      throw new DataError(`${file.name}: ${messageOf(error)}`, { cause: error });
    } finally {
      model?.dispose();
    }
  }
}

/** Of the held images, row by row. */
async function probabilitiesOf(model: Sequential, { held: [images] }: Material): Promise<ArrayLike<number>> {
  return (await model.predict(images, { batchSize: 128 })).data();
}

const validationBatch = ({ batchSize }: Plan): number => Math.max(batchSize, 128);

/** The library's errors end in the remedy; what else is thrown is a fault of the page. */
const messageOf = (error: unknown): string =>
  error instanceof WgradError
    ? error.message
    : `This page failed: ${error instanceof Error ? (error.stack ?? error.message) : error}`;
