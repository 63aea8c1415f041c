/**
 * What lets another process go on with a study that was interrupted: `progress.json` beside the results, which says what
 * the study is and which runs are done with its first seed, and a backup of the run under way. Both go when all is done. Which
 * runs are done with other seeds, results.json tells: it holds no others.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeFolder, onDisk } from '../../src/graph.ts';
import { DataError } from '../../src/index.ts';
import { type Exhibits, exhibitsFrom, type StoredExhibits } from './exhibits.ts';
import { count } from './facts.ts';
import { writeFile } from './files.ts';
import { readResults } from './resultFiles.ts';
import type { StudyFacts, UnjudgedRun } from './results.ts';
import type { RunSettings, Settings } from './settings.ts';
import type { RunOutcome } from './trainRun.ts';

const BACKUP = '.backup.safetensors';

/** All that decides the numbers of a study, each by the name that a person reads. */
type Study = Readonly<Record<string, string>>;

/** What `progress.json` holds. The numbers of the runs that are done are in results.json. */
interface Contents {
  readonly study: Study;
  readonly done: readonly { readonly name: string; readonly exhibits: StoredExhibits }[];
}

export class Progress {
  readonly #folder: string;
  readonly #study: Study;
  /** Runs that are done with the first seed, each with the other seeds that are done, in the study's order. */
  readonly outcomes: RunOutcome[] = [];

  private constructor(folder: string, study: Study) {
    this.#folder = folder;
    this.#study = study;
  }

  /**
   * Of a study in a folder: with `resume` of the one that was interrupted there, else of a new one.
   * @throws DataError where the one that was interrupted is another one
   */
  static async open(folder: string, facts: StudyFacts, settings: Settings, resume: boolean): Promise<Progress> {
    const progress = new Progress(folder, describe(facts, settings));
    const contents = resume ? await progress.#read() : null;
    if (contents !== null) {
      checkSame(folder, contents.study, progress.#study);
      const { runs } = await readResults(join(folder, 'results.json')).catch(() => ({ runs: [] }));
      for (const { name, exhibits } of contents.done) {
        const run = runs.find((one) => one.name === name);
        if (run !== undefined) progress.outcomes.push({ run, exhibits });
      }
      return progress;
    }
    if (resume) console.log(`No study was interrupted in ${folder}: this one begins anew.`);
    await onDisk('results', folder, () => makeFolder(folder));
    await progress.#removeBackups(settings.runs);
    await progress.#write();
    return progress;
  }

  /** Where a run is backed up; `seed`: left out, the first one. */
  backupOf({ name }: Pick<RunSettings, 'name'>, seed?: number): string {
    return join(this.#folder, `${name}${seed === undefined ? '' : `.seed-${seed}`}${BACKUP}`);
  }

  outcomeOf({ name }: Pick<RunSettings, 'name'>): RunOutcome | undefined {
    return this.outcomes.find(({ run }) => run.name === name);
  }

  /** Notes a run that is done with the first seed. Its numbers are in results.json by now. */
  async done(outcome: RunOutcome): Promise<void> {
    this.outcomes.push(outcome);
    await this.#write();
    await this.#removeBackups([outcome.run]);
  }

  /** Notes that a run is done with another seed as well. Its numbers are in results.json by now. */
  async doneAgain({ name, seed }: UnjudgedRun): Promise<void> {
    await this.#removeBackups([{ name }], seed);
  }

  /** The study is done: nothing is left to go on with. */
  async end(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  get #path(): string {
    return join(this.#folder, 'progress.json');
  }

  /** Of one seed, or of all. */
  async #removeBackups(runs: readonly Pick<RunSettings, 'name'>[], seed?: number): Promise<void> {
    // One folder may hold the weights at many falls of a rate.
    const names = await readdir(this.#folder);
    const begins = runs.flatMap((run) =>
      seed === undefined ? [`${run.name}${BACKUP}`, `${run.name}.seed-`] : [basename(this.backupOf(run, seed))],
    );
    for (const name of names) {
      const ours = name.includes(BACKUP) && begins.some((begin) => name.startsWith(begin));
      if (ours) await rm(join(this.#folder, name), { force: true });
    }
  }

  async #read(): Promise<{ study: Study; done: { name: string; exhibits: Exhibits }[] } | null> {
    const text = await readFile(this.#path, 'utf8').catch(() => null);
    if (text === null) return null;
    try {
      const { study, done }: Contents = JSON.parse(text);
      if (typeof study.preset !== 'string') throw new Error('It is no study.');
      // What is not there, as in an older version that kept less of a run, throws.
      return {
        study,
        done: done.map(({ name, exhibits }) => ({ name, exhibits: exhibitsFrom(exhibits) })),
      };
    } catch {}
    throw new DataError(`${this.#path} is damaged or of another version. Leave out --resume to begin anew.`);
  }

  async #write(): Promise<void> {
    const done = this.outcomes.map(({ run, exhibits }) => ({ name: run.name, exhibits }));
    const contents: Contents = { study: this.#study, done };
    await writeFile(this.#path, `${JSON.stringify(contents)}\n`);
  }
}

function describe(
  { adapter, data, preset, seed }: StudyFacts,
  { clip, controlEpochs, plateau, runs, seeds }: Settings,
): Study {
  return {
    adapter,
    data,
    preset,
    seed: String(seed),
    seeds: String(seeds.length),
    clip: String(clip),
    'epochs of a control': String(controlEpochs),
    'plateau rule': JSON.stringify(plateau),
    runs: runs.map(({ name }) => name).join(','),
    ...Object.fromEntries(
      runs.map(({ name, learningRate, batchSize, epochs, policy }) => [
        `run ${name}`,
        `learning rate ${learningRate}, batch ${batchSize}, ${count(epochs, 'epoch')}, policy ${policy}`,
      ]),
    ),
  };
}

function checkSame(folder: string, then: Study, now: Study): void {
  const differs = Object.keys(now).find((key) => then[key] !== now[key]);
  if (differs === undefined) return;
  throw new DataError(
    `The study that was interrupted in ${folder} has ${differs}: ${then[differs] ?? 'none'}; this one has ${now[differs]}. ` +
      'Give the same flags, or leave out --resume to begin anew.',
  );
}
