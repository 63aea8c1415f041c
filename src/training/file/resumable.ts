/** Whether training can go on from a file, bit for bit. */

import { counted } from '../../base/describe.ts';
import { DataError } from '../../base/errors.ts';
import { formatShape } from '../../base/shape.ts';
import type { State } from '../../io/state.ts';
import type { Network } from '../../network/network.ts';
import type { Optimizer } from '../../nn/optimizers/optimizer.ts';
import { momentsOf } from '../../ops/update.ts';
import { type Architecture, architectureOf, readArchitecture } from './architecture.ts';
import { decodeModel, MOMENT, type ModelFile, type SavedModel } from './modelFile.ts';

/** The model that is to resume. */
export interface Resumer {
  readonly network: Network;
  readonly seed: number;
  readonly optimizer: Optimizer;
}

/**
 * Reads a file from which training is to go on.
 * @throws DataError for a file of another model, seed or optimizer, or one that was saved before `fit`
 */
export function decodeResumable(
  file: ModelFile,
  { network, seed, optimizer }: Resumer,
): SavedModel & { readonly training: State } {
  checkArchitecture(readArchitecture(file), architectureOf(network, seed));
  const saved = decodeModel(file, network);
  checkOptimizer(saved, optimizer, network.trainable.size);
  const { training } = saved;
  if (training !== null) return { ...saved, training };
  throw new DataError('it holds no training: it was saved before fit. Load it with load().');
}

function checkArchitecture(saved: Architecture, own: Architecture): void {
  const inputsOf = ({ inputShape, graph }: Architecture): string =>
    (graph?.inputs.map(({ shape }) => shape) ?? [inputShape ?? []]).map((shape) => formatShape(shape)).join(', ');
  if (inputsOf(saved) !== inputsOf(own) || saved.layers.length !== own.layers.length) {
    const text = (one: Architecture): string => `${counted(one.layers.length, 'layer')} for inputs ${inputsOf(one)}`;
    throw new DataError(
      `it was saved from another model, of ${text(saved)}; this one has ${text(own)}. Build that one.`,
    );
  }
  own.layers.forEach((layer, at) => {
    const [now, then] = [layer, saved.layers[at]].map(
      ({ className, name, config, trainable, model }) =>
        `${trainable === false ? 'frozen ' : ''}${className} '${name}' ${JSON.stringify(model ?? config)}`,
    );
    if (now === then) return;
    throw new DataError(
      `it was saved from another model: its layer ${at} is ${then}, here it is ${now}. Build that one.`,
    );
  });
  if (JSON.stringify(saved.graph) !== JSON.stringify(own.graph)) {
    throw new DataError('it was saved from another model, whose layers are connected otherwise. Build that one.');
  }
  if (saved.seed === own.seed) return;
  throw new DataError(
    `it was saved from a model with seed ${saved.seed}, this one has ${own.seed}. Give the same seed.`,
  );
}

function checkOptimizer({ optimizer: saved }: SavedModel, optimizer: Optimizer, size: number): void {
  const now = settings(optimizer.config(), optimizer.schedule?.toString() ?? null);
  const before = saved && settings(saved.config, saved.ownSchedule ?? saved.schedule?.toString() ?? null);
  const own = saved !== null && saved.ownSchedule !== null && saved.ownSchedule === optimizer.schedule?.name;
  if (saved?.name !== optimizer.name || (before !== now && !own)) {
    const then = saved === null ? 'no optimizer' : `${saved.name} ${before}`;
    throw new DataError(
      `it was saved with ${then}, the model has ${optimizer.name} ${now}. Compile it with the same optimizer.`,
    );
  }
  // Compiled anew after it was trained, and not trained since.
  if (saved.steps === 0 && saved.moments.size === 0) return;
  const lacking = momentsOf(optimizer.update).find((name) => size > 0 && saved.moments.get(name)?.length !== size);
  if (lacking === undefined) return;
  throw new DataError(
    `its '${MOMENT}${lacking}' does not have the model's ${counted(size, 'value')}. It is damaged; use another.`,
  );
}

/** All but the learning rate, which training changes; but what it follows. */
function settings({ learningRate: _, ...others }: Readonly<Record<string, unknown>>, schedule: string | null): string {
  return JSON.stringify(others) + (schedule === null ? '' : ` by ${schedule}`);
}
