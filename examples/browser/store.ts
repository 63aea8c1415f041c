/** All that the page knows, and what its buttons do. */

import { batch, computed, effect, type Signal, signal } from '@preact/signals';
import { last, shortRate } from '../study/facts.ts';
import type { View } from '../ui/curve.ts';
import { COLORS, type Theme } from '../ui/palette.ts';
import type { Command, DataFacts, Exhibits, Gauge, Happening, Plan, Reading } from './protocol.ts';
import {
  hasEnded,
  isUnderWay,
  judgeRuns,
  newRun,
  type Run,
  STUDY_RUNS,
  type StudyRun,
  withEpoch,
  withReadings,
} from './run.ts';
import { firstPlan, readKept, STUDY_COLORS, studyPlan, type ThemeChoice, writeKept } from './settings.ts';
import type { RunStorage } from './storage.ts';

export type Backend = { readonly kind: 'opening' } | Extract<Happening, { readonly kind: 'ready' | 'unavailable' }>;

export interface Notice {
  readonly tone: 'error' | 'info';
  readonly text: string;
}

/** Hands a file to the visitor. */
export type Download = (name: string, bytes: Uint8Array<ArrayBuffer>) => void;

export interface StoreParts {
  readonly send: (command: Command) => void;
  readonly storage: RunStorage | null;
  readonly download: Download;
  readonly dark: Signal<boolean>;
}

export class Store {
  readonly backend = signal<Backend>({ kind: 'opening' });
  readonly data = signal<DataFacts | null>(null);
  readonly runs = signal<readonly Run[]>([]);
  readonly plan = signal<Plan>(firstPlan(true));
  readonly gauge = signal<Gauge | null>(null);
  readonly notice = signal<Notice | null>(null);
  /** A model file that the next run begins from. */
  readonly loaded = signal<{ readonly name: string; readonly exhibits: Exhibits | null } | null>(null);
  /** The run whose network is shown; null: the newest. */
  readonly selected = signal<string | null>(null);
  readonly view: Signal<View>;
  readonly themeChoice: Signal<ThemeChoice>;
  readonly theme;
  /** What the Worker is busy with. */
  readonly current = computed(() => this.runs.value.find(isUnderWay) ?? null);
  readonly shown = computed(() => {
    const runs = this.runs.value;
    const chosen = runs.find(({ id }) => id === this.selected.value);
    return chosen ?? this.current.value ?? runs.findLast(hasEnded) ?? null;
  });
  /** What a network has become, and whose it is; as long as these are the same, nothing needs to be drawn again. */
  readonly exhibits = computed(() => this.#ofLoaded()?.exhibits ?? this.shown.value?.exhibits ?? null);
  readonly exhibitor = computed(() => this.#ofLoaded()?.name ?? this.shown.value?.name ?? null);
  /** The newest run, where it diverged. */
  readonly failure = computed(() => {
    const newest = this.runs.value.findLast((run) => run.state !== 'queued');
    return newest?.state === 'diverged' ? newest : null;
  });
  readonly judgement = computed(() => judgeRuns(this.runs.value));
  readonly headline = computed(() => this.judgement.value.headline);
  readonly #send: (command: Command) => void;
  readonly #storage: RunStorage | null;
  readonly #download: Download;

  constructor({ send, storage, download, dark }: StoreParts) {
    this.#send = send;
    this.#storage = storage;
    this.#download = download;
    const kept = readKept();
    this.view = signal(kept.view);
    this.themeChoice = signal(kept.theme);
    this.theme = computed((): Theme => {
      const choice = this.themeChoice.value;
      return choice === 'system' ? (dark.value ? 'dark' : 'light') : choice;
    });
    effect(() => writeKept({ view: this.view.value, theme: this.themeChoice.value }));
  }

  /** A model from a file is shown until something else is asked for. */
  #ofLoaded() {
    return this.current.value === null && this.selected.value === null ? this.loaded.value : null;
  }

  /** What was kept of earlier visits. */
  adopt(runs: readonly Run[]): void {
    this.runs.value = runs;
  }

  take(happening: Happening): void {
    batch(() => this.#take(happening));
  }

  #take(happening: Happening): void {
    switch (happening.kind) {
      case 'ready':
        this.backend.value = happening;
        this.plan.value = firstPlan(happening.software);
        break;
      case 'unavailable':
        this.backend.value = happening;
        break;
      case 'data': {
        const { data } = happening;
        const changed = this.data.value !== null;
        this.data.value = data;
        this.plan.value = { ...this.plan.value, images: Math.min(this.plan.value.images, data.train) };
        if (changed) this.notice.value = { tone: 'info', text: `Training on ${nameOf(data)} from now on.` };
        break;
      }
      case 'refused':
        this.notice.value = { tone: 'error', text: happening.reason };
        break;
      case 'compiling':
        this.#update(happening.run, (run) => ({ ...run, state: 'compiling' }));
        break;
      case 'readings': {
        this.gauge.value = happening.gauge;
        const { readings } = happening;
        this.#update(happening.run, (run) => {
          this.#followRate(run, readings);
          return withReadings(run, readings);
        });
        break;
      }
      case 'validating':
        this.#update(happening.run, (run) => ({ ...run, state: 'validating' }));
        break;
      case 'epoch':
        this.#update(happening.run, (run) => withEpoch(run, happening.end));
        break;
      case 'exhibits': {
        const { run, exhibits } = happening;
        if (run !== null) this.#update(run, (one) => ({ ...one, exhibits }));
        else if (this.loaded.value !== null) this.loaded.value = { ...this.loaded.value, exhibits };
        break;
      }
      case 'paused':
        this.#update(happening.run, (run) => ({ ...run, state: 'paused' }));
        break;
      case 'resumed':
        this.#update(happening.run, (run) => ({ ...run, state: 'training' }));
        break;
      case 'ended': {
        const { run, how, divergence, report } = happening;
        this.#update(run, (one) => ({ ...one, state: how, divergence, report }));
        if (how === 'failed') this.notice.value = { tone: 'error', text: report };
        this.#startNext();
        break;
      }
      case 'saved':
        this.#download(happening.name, happening.bytes);
        break;
      case 'loaded': {
        const { name, accuracy } = happening;
        this.loaded.value = name === null ? null : { name, exhibits: null };
        this.notice.value =
          name === null
            ? null
            : {
                tone: 'info',
                text: `${name}: right about ${(100 * accuracy).toFixed(1)} % of the validation images. The next run begins with its weights.`,
              };
        break;
      }
    }
  }

  /** The slider follows a rate that fell by itself, and no other: it must not jump back under a hand that moves it. */
  #followRate({ plan, training }: Run, readings: readonly Reading[]): void {
    const rate = readings.at(-1)?.learningRate ?? Number.NaN;
    if (!plan.plateau || !(rate < last(training.learning_rate))) return;
    this.plan.value = { ...this.plan.value, learningRate: Number(rate.toPrecision(6)) };
  }

  #update(id: string, change: (run: Run) => Run): void {
    this.runs.value = this.runs.value.map((run) => {
      if (run.id !== id) return run;
      const changed = change(run);
      this.#storage?.keep(changed);
      return changed;
    });
  }

  /** A change of the settings; the rate also reaches the run under way. */
  set(part: Partial<Plan>): void {
    this.plan.value = { ...this.plan.value, ...part };
    const { learningRate } = part;
    if (learningRate !== undefined && this.current.value !== null) this.#send({ kind: 'rate', learningRate });
  }

  /** A run with the present settings. */
  start(): void {
    const { learningRate, batchSize } = this.plan.value;
    this.#queue([{ name: `rate ${shortRate(learningRate)}, batch ${batchSize}`, study: null, plan: this.plan.value }]);
  }

  startStudy(names: readonly StudyRun[] = STUDY_RUNS.map(({ name }) => name)): void {
    const plans = STUDY_RUNS.filter(({ name }) => names.includes(name));
    this.#queue(plans.map((plan) => ({ name: plan.name, study: plan.name, plan: studyPlan(this.plan.value, plan) })));
  }

  /** The same run with the rate that its report advises. */
  restart({ name, plan, divergence }: Run): void {
    const learningRate = divergence?.advisedRate ?? null;
    if (learningRate === null) return;
    this.#queue([
      {
        name: `${name} at ${shortRate(learningRate)}`,
        study: null,
        plan: { ...plan, learningRate: Number(learningRate.toPrecision(6)) },
      },
    ]);
  }

  #queue(wanted: readonly Pick<Run, 'name' | 'study' | 'plan'>[]): void {
    const data = this.data.value;
    if (data === null) return;
    this.notice.value = null;
    this.selected.value = null;
    for (const { name, study, plan } of wanted) {
      const runs = this.runs.value;
      const run = newRun({
        // Sorted as they were begun.
        id: `${Date.now().toString(36)}-${String(runs.length).padStart(4, '0')}`,
        name: unusedName(name, runs),
        study,
        color: study === null ? nextColor(runs) : STUDY_COLORS[study],
        plan,
        data: nameOf(data),
      });
      this.runs.value = [...runs, run];
    }
    this.#startNext();
  }

  #startNext(): void {
    if (this.current.value !== null) return;
    const next = this.runs.value.find(({ state }) => state === 'queued');
    if (next === undefined) return;
    const { learningRate, batchSize } = next.plan;
    this.plan.value = { ...this.plan.value, learningRate, batchSize };
    this.#update(next.id, (run) => ({ ...run, state: 'compiling' }));
    this.#send({ kind: 'train', run: next.id, plan: next.plan });
  }

  pauseOrResume(): void {
    this.#send({ kind: this.current.value?.state === 'paused' ? 'resume' : 'pause' });
  }

  step(): void {
    this.#send({ kind: 'step' });
  }

  /** Ends the run under way and gives up those that wait. */
  stop(): void {
    this.runs.value = this.runs.value.filter(({ state }) => state !== 'queued');
    this.#send({ kind: 'stop' });
  }

  toggle(id: string): void {
    this.#update(id, (run) => ({ ...run, visible: !run.visible }));
  }

  rename(id: string, name: string): void {
    const trimmed = name.trim();
    if (trimmed !== '') this.#update(id, (run) => ({ ...run, name: trimmed }));
  }

  select(id: string): void {
    this.selected.value = this.selected.value === id ? null : id;
  }

  remove(id: string): void {
    const run = this.runs.value.find((one) => one.id === id);
    if (run === undefined || isUnderWay(run)) return;
    this.runs.value = this.runs.value.filter((one) => one !== run);
    this.#storage?.remove(id);
  }

  removeAll(): void {
    for (const { id } of this.runs.value) this.remove(id);
  }

  useFiles(files: readonly File[]): void {
    this.notice.value = null;
    this.#send({ kind: 'useFiles', files });
  }

  useBuiltIn(): void {
    this.#send({ kind: 'useBuiltIn' });
  }

  save(): void {
    this.#send({ kind: 'save' });
  }

  load(file: File | null): void {
    this.#send({ kind: 'load', file });
  }
}

export const nameOf = ({ name, train, test }: DataFacts): string =>
  `${name}, ${train.toLocaleString('en-US')} + ${test.toLocaleString('en-US')} images`;

function unusedName(name: string, runs: readonly Run[]): string {
  const taken = new Set(runs.map((run) => run.name));
  let [candidate, n] = [name, 1];
  while (taken.has(candidate)) candidate = `${name} (${++n})`;
  return candidate;
}

/** The least used one; the study's own colours only where all others are taken. */
function nextColor(runs: readonly Run[]): number {
  const uses = Array.from({ length: COLORS }, (_, color) => runs.filter((run) => run.color === color).length);
  const least = Math.min(...uses);
  return uses.lastIndexOf(least);
}
