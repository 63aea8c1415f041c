/** Trains all trials of a space, and stops those that others leave behind. */

import { files } from '#platform';
import { checkAbove, checkText, checkWhole, refuse } from '../base/checks.ts';
import { ArgumentError, StateError } from '../base/errors.ts';
import { linkedAbort } from '../base/linkedAbort.ts';
import { checkOptions } from '../base/optionNames.ts';
import { checkUint32 } from '../base/random.ts';
import { VERSION } from '../base/version.ts';
import { makeFolderOf } from '../platform/files.ts';
import { Bell } from './bell.ts';
import { type HalvingOptions, rungsOf } from './halving.ts';
import { inProcess } from './inProcess.ts';
import type { Leg, LegEnd, Runner } from './runner.ts';
import { type Contest, decide } from './schedule.ts';
import type { Parameters, Space } from './space.ts';
import { SweepFile, type SweepRecord } from './sweepFile.ts';
import { type EpochRecord, TRIES, type TrainFunction, type TrialEnd, type TrialResult } from './trial.ts';

/** Options of `sweep`. */
export interface SweepOptions<P extends Parameters = Parameters> {
  /** Which parameters to try: `grid` or `random`. */
  readonly space: Space<P>;
  /** Trains one model. Either this, which trains one trial at a time in this process, or `runner`. */
  readonly train?: TrainFunction<P>;
  /** Who trains instead, such as `processes`. */
  readonly runner?: Runner;
  /** Epochs of a whole trial, a whole number of at least 1. */
  readonly epochs: number;
  /** Folder for the file of results, `sweep.jsonl`, and for checkpoints. A sweep that was interrupted there is gone on with. */
  readonly folder: string;
  /** Each point is trained with each; integers in [0, 2^32), default `[0]`. */
  readonly seeds?: readonly number[];
  /** Key of the logs that decides, default `val_accuracy`. */
  readonly objective?: string;
  /** Whether it should rise or fall; default `min` for a name that ends in `loss` or `error`, else `max`. */
  readonly mode?: 'min' | 'max';
  /** How trials are stopped that others leave behind; false: none is. Default `{ factor: 3, minEpochs: 1 }`. */
  readonly halving?: HalvingOptions | false;
  /** With `train`: seconds from one report to the next before a trial counts as hung; above 0, default none. */
  readonly timeLimit?: number;
  /** What else decides the numbers, such as the data and the adapter: a file of other conditions is refused. */
  readonly conditions?: Readonly<Record<string, string>>;
  /** Ends the sweep soon, to be gone on with later. */
  readonly signal?: AbortSignal;
  /** Told of each epoch and of each end of a trial. */
  readonly onProgress?: (progress: SweepProgress<P>) => void;
}

/** How far a sweep is. */
export interface SweepProgress<P extends Parameters = Parameters> {
  /** The trial that something happened to, as it is now. */
  readonly trial: TrialResult<P>;
  /** An epoch was trained, a try failed and there will be another, or the trial has ended. */
  readonly event: 'epoch' | 'failure' | 'end';
  /** How many trials have ended. */
  readonly ended: number;
  /** All trials, as they are now. */
  readonly trials: readonly TrialResult<P>[];
  /** Epochs that were trained since this call of `sweep`. */
  readonly epochs: number;
  /** Epochs still to be trained if nothing more diverges. */
  readonly epochsLeft: number;
  /** Seconds that those will take at the pace so far; null before the first epoch. */
  readonly secondsLeft: number | null;
}

/** What a sweep came to. */
export interface SweepResult<P extends Parameters = Parameters> {
  /** All of them, by their numbers: the seeds of a point follow each other. */
  readonly trials: readonly TrialResult<P>[];
  /** Of those that trained to the end, the one with the best objective then; null where there is none. */
  readonly best: TrialResult<P> | null;
  /** Key of the logs that decided. */
  readonly objective: string;
  /** Whether it should rise or fall. */
  readonly mode: 'min' | 'max';
  /** Of a whole trial. */
  readonly epochs: number;
  /** Epochs after which trials were compared, and the last. */
  readonly rungs: readonly number[];
  /** False where it was interrupted. */
  readonly complete: boolean;
}

class Trial<P extends Parameters> implements TrialResult<P> {
  readonly number: number;
  readonly point: number;
  readonly parameters: P;
  readonly seed: number;
  readonly epochs: EpochRecord[] = [];
  readonly failures: string[] = [];
  end: TrialEnd | null = null;
  reason: string | null = null;

  constructor(number: number, point: number, parameters: P, seed: number) {
    this.number = number;
    this.point = point;
    this.parameters = parameters;
    this.seed = seed;
  }

  take(record: SweepRecord): void {
    if ('failure' in record) this.failures.push(record.failure);
    else if ('end' in record) [this.end, this.reason] = [record.end, record.reason];
    // A trial that began anew tells of some again.
    else if (record.epoch === this.epochs.length) {
      const { epoch, seconds, logs, by } = record;
      this.epochs.push({ epoch, seconds, logs, ...(by !== undefined && { by }) });
    }
  }
}

/**
 * Tries the points of a space with several seeds. Each trial is trained up to the first rung; then those of a group are compared,
 * the best third of them is trained up to the next rung, and so on; one that diverges ends at once. Which trials there are, which
 * go on and their numbers follow from the options alone: the order in which they ran, and who ran them, make no difference on one
 * kind of adapter. Each epoch is on the disk before the next begins: the same call goes on where one that was killed had come to,
 * within a trial after its last whole epoch. Training that throws, or hangs, is tried three times. Only in Node.
 *
 * ```ts
 * const result = await sweep({
 *   space: grid({ batchSize: [16, 64], learningRate: geomspace(1e-4, 1e-1, 7) }),
 *   epochs: 9,
 *   folder: 'results/sweep',
 *   async train({ batchSize, learningRate }, trial) {
 *     const model = new Sequential([new Dense(10)], { seed: trial.seed });
 *     model.compile({ optimizer: new Adam({ learningRate }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
 *     await model.fit(x, y, { batchSize, epochs: trial.epochs, validationSplit: 0.2, verbose: 0, callbacks: trial.callbacks() });
 *     model.dispose();
 *   },
 * });
 * ```
 * @throws ArgumentError for options out of their range, or a training whose logs lack the objective; DataError where the folder's
 * file is that of another sweep; FileError where the disk refuses, such as when it is full: nothing is lost then
 */
export async function sweep<P extends Parameters>(options: SweepOptions<P>): Promise<SweepResult<P>> {
  const settings = settingsOf(options);
  const { folder, runner, contest, trials, epochs, signal, onProgress } = settings;
  const path = `${folder}/sweep.jsonl`;
  const checkpoints = `${folder}/checkpoints`;
  const { rm } = files('sweep', 'Use it in Node.');
  await makeFolderOf('sweep', `${checkpoints}/`);
  const { file, records } = await SweepFile.open(path, settings.identity);
  for (const record of records) trials[record.trial]?.take(record);

  const { controller: own, release } = linkedAbort(signal);

  const began = performance.now();
  let trained = 0;
  const tell = (trial: Trial<P>, event: SweepProgress<P>['event']): void => {
    if (onProgress === undefined) return;
    const { epochsLeft } = decide(contest, trials);
    const pace = (performance.now() - began) / 1000 / trained;
    onProgress({
      trial,
      event,
      ended: trials.filter(({ end }) => end !== null).length,
      trials,
      epochs: trained,
      epochsLeft,
      secondsLeft: trained === 0 ? null : pace * epochsLeft,
    });
  };
  const checkpointOf = ({ number }: Trial<P>): string => `${checkpoints}/${number}.checkpoint`;
  const add = async (trial: Trial<P>, record: SweepRecord): Promise<void> => {
    await file.add(record);
    trial.take(record);
  };
  const finish = async (trial: Trial<P>, end: TrialEnd, reason: string | null = null): Promise<void> => {
    await add(trial, { trial: trial.number, end, reason });
    await rm(checkpointOf(trial), { force: true, recursive: true });
    tell(trial, 'end');
  };

  const work = async (trial: Trial<P>, until: number): Promise<void> => {
    // What failed twice may have failed for what the checkpoint holds.
    if (trial.failures.length === TRIES - 1) await rm(checkpointOf(trial), { force: true, recursive: true });
    const { number, parameters, seed, failures } = trial;
    const leg: Leg = {
      ...{ number, parameters, seed, until, epochs, failures: failures.length },
      from: trial.epochs.length,
      checkpoint: checkpointOf(trial),
      objective: contest.objective,
    };
    const ended: LegEnd = await runner.run(
      leg,
      async (record) => {
        await add(trial, { trial: number, ...record });
        trained++;
        tell(trial, 'epoch');
      },
      own.signal,
    );
    if (ended.kind === 'misused') throw new ArgumentError(ended.reason);
    if (ended.kind === 'diverged') await finish(trial, 'diverged', ended.reason);
    if (ended.kind === 'failed') {
      await add(trial, { trial: number, failure: ended.reason });
      if (trial.failures.length >= TRIES) await finish(trial, 'failed', ended.reason);
      else tell(trial, 'failure');
    }
    if (ended.kind === 'reached' && trial.epochs.length < until) {
      throw new StateError(
        `sweep: the runner told of ${trial.epochs.length} of ${until} epochs of trial ${number}. It must tell of each by onEpoch.`,
      );
    }
  };

  const running = new Map<number, Promise<void>>();
  const errors: unknown[] = [];
  const legEnded = new Bell();
  let complete = false;
  try {
    await runner.open?.({ identity: settings.identity, conditions: settings.conditions });
    for (;;) {
      const { ends, legs } = decide(contest, trials);
      for (const { trial, end } of ends) await finish(trials[trial], end);
      if (ends.length > 0) continue;
      for (const { trial, until } of legs) {
        if (own.signal.aborted || running.size >= runner.width) break;
        if (running.has(trial)) continue;
        const leg = work(trials[trial], until)
          .catch((error: unknown) => {
            errors.push(error);
            own.abort();
          })
          .finally(() => {
            running.delete(trial);
            legEnded.ring();
          });
        running.set(trial, leg);
      }
      if (running.size === 0) break;
      await legEnded.heard();
    }
    complete = trials.every(({ end }) => end !== null);
  } finally {
    own.abort();
    await Promise.all(running.values());
    release();
    await runner.close(complete);
  }
  if (errors.length > 0) throw errors[0];
  if (complete) await rm(checkpoints, { force: true, recursive: true });
  const { objective, mode, rungs } = contest;
  return { trials, best: bestOf(trials, objective, mode), objective, mode, epochs, rungs, complete };
}

function bestOf<P extends Parameters>(
  trials: readonly TrialResult<P>[],
  objective: string,
  mode: 'min' | 'max',
): TrialResult<P> | null {
  const ending = ({ epochs }: TrialResult<P>): number => epochs.at(-1)?.logs[objective] ?? Number.NaN;
  const better = (a: number, b: number): boolean => (mode === 'max' ? a > b : a < b);
  return trials
    .filter((trial) => trial.end === 'done')
    .reduce<TrialResult<P> | null>(
      (best, trial) => (best === null || better(ending(trial), ending(best)) ? trial : best),
      null,
    );
}

function settingsOf<P extends Parameters>(options: SweepOptions<P>) {
  const who = 'sweep';
  checkOptions(
    who,
    options,
    {
      space: true,
      train: true,
      runner: true,
      epochs: true,
      folder: true,
      seeds: true,
      objective: true,
      mode: true,
      halving: true,
      timeLimit: true,
      conditions: true,
      signal: true,
      onProgress: true,
    },
    'space: grid({ … })',
  );
  const { space, epochs, folder, seeds = [0], objective = 'val_accuracy', halving = {}, timeLimit } = options;
  if (!Array.isArray(space?.points)) refuse(who, 'space', 'what grid() or random() gives', space, 'Pass such a space.');
  const runner = runnerOf(options);
  checkWhole(who, 'epochs', epochs, 1);
  checkText(who, 'folder', folder);
  checkText(who, 'objective', objective);
  if (timeLimit !== undefined) checkAbove(who, 'timeLimit', timeLimit);
  if (seeds.length === 0)
    throw new ArgumentError(`${who}: seeds is empty. Give at least one, or leave it out for [0].`);
  for (const seed of seeds) checkUint32(who, 'a seed', seed);
  if (new Set(seeds).size < seeds.length)
    throw new ArgumentError(`${who}: a seed stands twice in seeds. Leave one out.`);
  const { mode = /(loss|error)$/.test(objective) ? 'min' : 'max' } = options;
  const rungs = rungsOf(epochs, halving);
  const { factor = 3, groupBy = [] } = halving === false ? {} : halving;
  const contest: Contest = {
    ...{ rungs, factor, objective, mode },
    groups: groupsOf(space, groupBy),
    seeds: seeds.length,
  };
  const trials = space.points.flatMap((parameters, point) =>
    seeds.map((seed, i) => new Trial(point * seeds.length + i, point, parameters, seed)),
  );
  const identity = {
    wgrad: VERSION,
    space: JSON.stringify(space.description),
    seeds: seeds.join(', '),
    epochs: String(epochs),
    objective: `${objective} (${mode})`,
    halving:
      halving === false
        ? 'none'
        : `factor ${factor} after ${rungs.join(', ')} epochs by ${groupBy.join(', ') || 'all'}`,
    ...options.conditions,
  };
  const { signal, onProgress } = options;
  return {
    folder: folder.replace(/[\\/]+$/, '') || folder,
    runner,
    contest,
    trials,
    identity,
    conditions: { wgrad: VERSION, ...options.conditions },
    epochs,
    signal,
    onProgress,
  };
}

function runnerOf<P extends Parameters>({ train, runner, timeLimit }: SweepOptions<P>): Runner {
  if (train !== undefined && runner === undefined) return inProcess(train, timeLimit);
  if (train === undefined && runner !== undefined) return runner;
  throw new ArgumentError(
    `sweep: expected either train or runner, got ${train === undefined ? 'none' : 'both'}. Pass one of them.`,
  );
}

/** Points that agree in some parameters, in the order of their first ones. */
function groupsOf({ points }: Space, by: readonly string[]): number[][] {
  for (const name of by) {
    if (points.every((point) => name in point)) continue;
    const names = Object.keys(points[0]).join(', ');
    throw new ArgumentError(`halving: groupBy has '${name}', which is no parameter of the space. It has ${names}.`);
  }
  const groups = new Map<string, number[]>();
  for (const [i, point] of points.entries()) {
    const key = JSON.stringify(by.map((name) => point[name]));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [i]);
    else group.push(i);
  }
  return [...groups.values()];
}
