/** The Worker's side of the page: the device, the data, and one training at a time. */

import { imagesBetween } from '../../src/datasets/imageDataset.ts';
import {
  DataError,
  type Device,
  DivergenceDetector,
  type ImageDataset,
  type LabelledImages,
  openDevice,
  proceduralImages,
  ReduceLROnPlateau,
  Sequential,
  WgradError,
} from '../../src/index.ts';
import { filterPixels, imagePixels } from '../../src/pictures/pixels.ts';
import { examplesOf } from '../study/data.ts';
import { firstKernel } from '../study/exhibits.ts';
import { studyLayers } from '../study/network.ts';
import { PRESETS } from '../study/settings.ts';
import { readCifarFiles } from './cifarFiles.ts';
import type { Command, DataFacts, Ending, Exhibits, Happening, Plan } from './protocol.ts';
import { Remote } from './remote.ts';
import { Reporter } from './reporter.ts';

type Tell = (happening: Happening, transfer?: Transferable[]) => void;

/** How many of the first validation images the page shows. */
const SAMPLES = 24;
/** Images of the built-in set: what a software adapter trains on while somebody watches, and what a GPU does. */
const BUILT_IN = { software: { train: 2000, test: 400 }, hardware: { train: 10_000, test: 2000 } };

/** Images of a validation: as many as are trained on, but fewer than these would say too little. */
const LEAST_HELD = 400;

/** A training under way. */
interface Training {
  readonly run: string;
  readonly remote: Remote;
}

/** A model from a file, whose weights the next run begins with. */
interface Loaded {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export class Workbench {
  readonly #tell: Tell;
  readonly #device: Device;
  #data: ImageDataset;
  #training: Training | null = null;
  /** Of the training under way, else of the last one. */
  #model: Sequential | null = null;
  #loaded: Loaded | null = null;

  private constructor(tell: Tell, device: Device) {
    this.#tell = tell;
    this.#device = device;
    this.#data = this.#builtIn();
    tell({ kind: 'ready', adapter: device.info.name, software: device.info.software });
    this.#tellData();
  }

  /** Opens the device; null, after telling why, where there is none. */
  static async open(tell: Tell): Promise<Workbench | null> {
    try {
      return new Workbench(tell, await openDevice());
    } catch (error) {
      tell({ kind: 'unavailable', reason: messageOf(error) });
      return null;
    }
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
        return this.#train(command.run, command.plan);
      case 'pause':
        return remote?.pause();
      case 'resume':
        return remote?.resume();
      case 'step':
        return remote?.step();
      case 'stop':
        return remote?.stop();
      case 'rate':
        if (this.#training !== null && this.#model !== null) this.#model.optimizer.learningRate = command.learningRate;
        return;
      case 'useBuiltIn':
        this.#data = this.#builtIn();
        return this.#tellData();
      case 'useFiles':
        this.#data = await readCifarFiles(command.files);
        return this.#tellData();
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

  async #train(run: string, plan: Plan): Promise<void> {
    if (this.#training !== null) throw new DataError('A run is under way. Stop it first.');
    let report = '';
    const reporter = new Reporter(
      {
        readings: (readings, gauge) => this.#tell({ kind: 'readings', run, readings, gauge }),
        validating: () => this.#tell({ kind: 'validating', run }),
        epoch: (end) => this.#tell({ kind: 'epoch', run, end }),
        look: async () => this.#exhibit(run),
      },
      () => this.#device.stats.bytes,
    );
    const remote = new Remote((paused) => {
      if (paused) reporter.halt();
      else reporter.run();
      reporter.flush();
      this.#tell({ kind: paused ? 'paused' : 'resumed', run });
    });
    const detector = new DivergenceDetector({
      onDivergence: 'stop',
      print: (line) => {
        report = line;
      },
    });
    this.#training = { run, remote };
    this.#tell({ kind: 'compiling', run });
    let how: Ending = 'done';
    try {
      const model = await this.#newModel(plan);
      const { train, test } = this.#data;
      const images = Math.min(plan.images, train.labels.length);
      const held = Math.min(test.labels.length, Math.max(LEAST_HELD, images));
      const { plateau } = PRESETS[this.#device.info.software ? 'quick' : 'full'];
      await model.fit(...examplesOf(train, images), {
        batchSize: plan.batchSize,
        epochs: plan.epochs,
        validationData: examplesOf(test, held),
        validationBatchSize: Math.max(plan.batchSize, 128),
        verbose: 0,
        callbacks: [
          ...(plan.plateau ? [new ReduceLROnPlateau({ ...plateau, monitor: 'val_loss' })] : []),
          detector,
          remote,
          reporter,
        ],
      });
      if (detector.divergence !== null) how = 'diverged';
      else if (remote.stopped) how = 'stopped';
    } catch (error) {
      how = 'failed';
      report = messageOf(error);
    } finally {
      this.#training = null;
    }
    this.#tell({ kind: 'ended', run, how, divergence: detector.divergence, report });
  }

  /** Compiled; with the weights of a file where one was loaded. The one before it is freed. */
  async #newModel({ optimizer, learningRate, dropout }: Plan): Promise<Sequential> {
    this.#model?.dispose();
    this.#model = null;
    const device = this.#device;
    const model = new Sequential(studyLayers(dropout), { inputShape: [32, 32, 3], seed: 0, device });
    if (this.#loaded !== null) await model.fromSafetensors(this.#loaded.bytes);
    model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    model.optimizer.learningRate = learningRate;
    this.#model = model;
    return model;
  }

  async #exhibit(run: string | null): Promise<void> {
    const model = this.#model;
    if (model === null) return;
    const exhibits = await this.#lookAt(model);
    this.#tell({ kind: 'exhibits', run, exhibits });
  }

  async #lookAt(model: Sequential): Promise<Exhibits> {
    const [images] = examplesOf(this.#samples());
    const predictions = await (await model.predict(images)).data();
    return {
      filters: filterPixels(firstKernel(await model.getWeights())),
      predictions: Float32Array.from(predictions),
    };
  }

  async #save(): Promise<void> {
    if (this.#model === null) throw new DataError('There is no model yet. Start a run, then save what it has learnt.');
    const bytes = Uint8Array.from(await this.#model.toSafetensors());
    this.#tell({ kind: 'saved', name: 'model.safetensors', bytes }, [bytes.buffer]);
  }

  async #load(file: File | null): Promise<void> {
    if (this.#training !== null) throw new DataError('A run is under way. Stop it before loading a model.');
    if (file === null) {
      this.#loaded = null;
      return this.#tell({ kind: 'loaded', name: null, accuracy: Number.NaN });
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    const model = new Sequential(studyLayers(), { inputShape: [32, 32, 3], device: this.#device });
    try {
      await model.fromSafetensors(bytes);
      model.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
      const { accuracy } = await model.evaluate(...examplesOf(this.#data.test), { batchSize: 128 });
      this.#loaded = { name: file.name, bytes };
      this.#tell({ kind: 'loaded', name: file.name, accuracy });
      this.#tell({ kind: 'exhibits', run: null, exhibits: await this.#lookAt(model) });
    } catch (error) {
      throw new DataError(`${file.name}: ${messageOf(error)}`, { cause: error });
    } finally {
      model.dispose();
    }
  }
}

/** The library's errors end in the remedy; what else is thrown is a fault of the page. */
const messageOf = (error: unknown): string =>
  error instanceof WgradError
    ? error.message
    : `This page failed: ${error instanceof Error ? (error.stack ?? error.message) : error}`;
