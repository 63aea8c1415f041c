/** All that the page knows, and what its buttons do. */

import { batch, computed, effect, type Signal, signal } from '@preact/signals';
import { last, shortRate } from '../study/facts.ts';
import type { View } from '../ui/curve.ts';
import { freePlace, type Theme } from '../ui/palette.ts';
import { sorted } from './dropped.ts';
import { runsCsv, runsJson } from './exports.ts';
import { type Key, linkOf, networkWords, planOfLink, sameNetwork, withSetting } from './fields.ts';
import type { Order } from './order.ts';
import type { Command, DataFacts, Exhibits, Gauge, Happening, LoadedModel, Plan, Reading, Sketch } from './protocol.ts';
import { hasMore, nextTraining, planOfTraining } from './repeats.ts';
import {
  adopted,
  canBeJudged,
  generatedName,
  hasEnded,
  inControl,
  isUnderWay,
  isWaiting,
  judgeRuns,
  newRun,
  put,
  type Run,
  STUDY_RUNS,
  wentOn,
  withChange,
  withControl,
  withControlEpoch,
  withControlled,
  withEpoch,
  withExhibits,
  withReadings,
} from './run.ts';
import {
  firstPlan,
  readKept,
  STUDY_COLORS,
  type StudyRun,
  studyPlan,
  type ThemeChoice,
  writeKept,
} from './settings.ts';
import type { KeptFacts, States } from './states.ts';
import type { Keeping } from './storage.ts';

export type Backend = { readonly kind: 'opening' } | Extract<Happening, { readonly kind: 'ready' | 'unavailable' }>;

export interface Notice {
  readonly tone: 'error' | 'info';
  readonly text: string;
}

/** Hands a file to the visitor. */
export type Download = (name: string, bytes: Uint8Array<ArrayBuffer>) => void;

export interface StoreParts {
  readonly send: (command: Command) => void;
  /** Puts a new Worker in the place of one that is lost. */
  readonly respawn: () => void;
  readonly storage: Keeping | null;
  readonly states: States;
  readonly download: Download;
  readonly dark: Signal<boolean>;
}

/** How long settings must stay as they are before it is asked what they would take, in milliseconds. */
const SKETCH_MS = 250;

/** Settings that suit one kind of adapter do not suit the other. */
const kindOf = (software: boolean): 'software' | 'hardware' => (software ? 'software' : 'hardware');

export class Store {
  readonly backend = signal<Backend>({ kind: 'opening' });
  readonly data = signal<DataFacts | null>(null);
  readonly runs = signal<readonly Run[]>([]);
  readonly plan = signal<Plan>(firstPlan(true));
  /** The rate of the run under way; null where there is none. */
  readonly liveRate = signal<number | null>(null);
  /** What the network that is set would be; null until that is known. */
  readonly sketch = signal<Sketch | null>(null);
  readonly gauge = signal<Gauge | null>(null);
  readonly notice = signal<Notice | null>(null);
  /** A model file that the next run begins from. */
  readonly loaded = signal<(LoadedModel & { readonly exhibits: Exhibits | null }) | null>(null);
  /** The run whose network is shown; null: the newest. */
  readonly selected = signal<string | null>(null);
  /** What was removed of late and can be put back. */
  readonly removed = signal<readonly Run[]>([]);
  readonly order = signal<Order>('begun');
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
  /** The run whose network is shown; null: none, or that of a file. */
  readonly exhibited = computed(() => (this.#ofLoaded() === null ? this.shown.value : null));
  /** The settings that a first visit begins with on this adapter. */
  readonly defaults = computed(() => firstPlan(this.#software.value));
  /** The newest run, where it diverged. */
  readonly failure = computed(() => {
    const newest = this.runs.value.findLast((run) => !isWaiting(run));
    return newest?.state === 'diverged' ? newest : null;
  });
  #judged: readonly Run[] = [];
  /** The same list as long as its runs are the same: a run under way must not have them judged again at every reading. */
  readonly #toJudge = computed(() => {
    const ended = this.runs.value.filter(canBeJudged);
    const same = ended.length === this.#judged.length && ended.every((run, i) => run === this.#judged[i]);
    if (!same) this.#judged = ended;
    return this.#judged;
  });
  readonly judgement = computed(() => judgeRuns(this.#toJudge.value));
  readonly headline = computed(() => this.judgement.value.headline);
  /** Steps of what is kept of runs that were cut off, by the run. */
  readonly kept = signal<ReadonlyMap<string, number>>(new Map());
  /** Runs that were cut off, which the visitor has been told of and has not decided on. */
  readonly undecided = signal<ReadonlySet<string>>(new Set());
  /** The newest of them, once nothing is under way. */
  readonly cutOff = computed(() => {
    const open = this.undecided.value;
    return this.current.value === null ? (this.runs.value.findLast(({ id }) => open.has(id)) ?? null) : null;
  });
  /** Runs that waited when the page was left. */
  readonly held = computed(() => this.runs.value.filter(({ state }) => state === 'held'));
  /** Why the last Worker was lost; null: none was. */
  readonly loss = signal<string | null>(null);
  /** Whether leaving the page now would lose the run under way. */
  readonly unkept = computed(() => this.current.value !== null && !this.#lasting.value);
  readonly #lasting: Signal<boolean>;
  readonly #software = signal(true);
  /** The link that the page was opened with, until the adapter is known. */
  #link = '';
  #sketching: ReturnType<typeof setTimeout> | null = null;
  readonly #send: (command: Command) => void;
  readonly #respawn: () => void;
  readonly #storage: Keeping | null;
  readonly #states: States;
  readonly #download: Download;
  /** What is trained on, where it came from files: a new Worker must read them again. */
  #files: readonly File[] | null = null;

  constructor({ send, respawn, storage, states, download, dark }: StoreParts) {
    this.#send = send;
    this.#respawn = respawn;
    this.#storage = storage;
    this.#states = states;
    this.#lasting = signal(storage !== null && states.lasting);
    this.#download = download;
    const kept = readKept();
    this.view = signal(kept.view);
    this.themeChoice = signal(kept.theme);
    this.theme = computed((): Theme => {
      const choice = this.themeChoice.value;
      return choice === 'system' ? (dark.value ? 'dark' : 'light') : choice;
    });
    let { plans } = kept;
    effect(() => {
      // Before the adapter is known its defaults are not, either.
      if (this.backend.value.kind === 'ready') {
        plans = { ...plans, [kindOf(this.#software.value)]: linkOf(this.plan.value, this.defaults.value) };
      }
      writeKept({ view: this.view.value, theme: this.themeChoice.value, plans });
    });
    effect(() => this.#askForSketch(this.plan.value, this.data.value));
  }

  /** A model from a file is shown until something else is asked for. */
  #ofLoaded() {
    return this.current.value === null && this.selected.value === null ? this.loaded.value : null;
  }

  /**
   * What earlier visits left: runs as a page begins with them, states of those that were cut off, and which of them were under
   * way when the page was left.
   */
  adopt(runs: readonly Run[], states: readonly KeptFacts[], cutOff: ReadonlySet<string>): void {
    this.runs.value = runs;
    this.kept.value = new Map(states.map(({ run, step }) => [run, step]));
    const interrupted = runs.filter(({ state }) => state === 'interrupted');
    // One of which nothing is kept is told of once.
    this.#ask(interrupted.filter(({ id }) => this.kept.value.has(id) || cutOff.has(id)));
    // They are this tab's from now on.
    this.#storage?.keep(...runs.filter(({ id, state }) => this.undecided.value.has(id) || state === 'held'));
  }

  #ask(runs: readonly Run[]): void {
    this.undecided.value = new Set([...this.undecided.value, ...runs.map(({ id }) => id)]);
  }

  take(happening: Happening): void {
    batch(() => this.#take(happening));
  }

  #take(happening: Happening): void {
    switch (happening.kind) {
      case 'ready':
        this.backend.value = happening;
        this.#software.value = happening.software;
        // A Worker that takes over finds the settings as they are.
        if (this.loss.value !== null) break;
        this.plan.value = planOfLink(readKept().plans[kindOf(happening.software)] ?? '', this.defaults.value).plan;
        this.useLink(this.#link);
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
      case 'lost':
        this.#lose(happening.reason);
        break;
      case 'compiling': {
        const { run, steps, held, from } = happening;
        // One that goes on began with what it began with.
        this.#update(run, (one) => ({ ...one, state: 'compiling', steps, held, from: one.from ?? from }));
        this.#storage?.flush();
        break;
      }
      case 'wentOn':
        this.#update(happening.run, (run) => this.#named(wentOn(run, happening)));
        this.liveRate.value = Number(happening.learningRate.toPrecision(6));
        break;
      case 'steered':
        this.#update(happening.run, (run) => this.#named(withChange(run, happening.change)));
        break;
      case 'kept': {
        const { run, step } = happening;
        this.#lasting.value = true;
        // It may have been written when the run was over.
        if (this.current.value?.id === run) this.kept.value = new Map([...this.kept.value, [run, step]]);
        break;
      }
      case 'notKept': {
        this.#lasting.value = false;
        this.notice.value = {
          tone: 'info',
          text: `The run under way cannot be kept (${happening.reason}): leaving or reloading the page loses it.`,
        };
        break;
      }
      case 'readings': {
        this.gauge.value = happening.gauge;
        const { readings } = happening;
        this.#update(happening.run, (run) => {
          this.#followRate(run, readings);
          return withReadings(run, readings);
        });
        // A run that had not begun would be taken for one that waits.
        if (this.current.value?.training.step.length === readings.length) this.#storage?.flush();
        break;
      }
      case 'validating':
        this.#update(happening.run, (run) => ({ ...run, state: 'validating' }));
        break;
      case 'epoch':
        this.#update(happening.run, (run) => withEpoch(run, happening.end));
        // What is kept of the training must not be newer than this.
        this.#storage?.flush();
        break;
      case 'control':
        this.#update(happening.run, (run) => withControl(run, happening.after));
        break;
      case 'controlEpoch':
        this.#update(happening.run, (run) => withControlEpoch(run, happening.end));
        break;
      case 'controlled':
        this.#update(happening.run, (run) => withControlled(run, happening.control));
        break;
      case 'exhibits': {
        const { run, exhibits } = happening;
        if (run !== null) this.#update(run, (one) => withExhibits(one, exhibits));
        else if (this.loaded.value !== null) this.loaded.value = { ...this.loaded.value, exhibits };
        break;
      }
      case 'confusion': {
        const { run, confusion } = happening;
        this.#update(run, (one) => ({ ...one, confusion }));
        break;
      }
      case 'sketch':
        this.sketch.value = happening.sketch;
        break;
      case 'paused':
        this.#update(happening.run, (run) => ({ ...run, state: 'paused' }));
        break;
      case 'resumed':
        this.#update(happening.run, (run) => ({ ...run, state: inControl(run) ? 'control' : 'training' }));
        break;
      case 'ended': {
        const { run, how, divergence, report, right } = happening;
        this.#update(run, (one) => ({
          ...one,
          state: how,
          divergence,
          report,
          right,
          controls: one.controls.filter(({ drop }) => drop !== null),
        }));
        if (how !== 'interrupted') this.#forget(run);
        else this.#ask(this.runs.value.filter(({ id }) => id === run));
        if (how === 'failed' || how === 'interrupted') this.notice.value = { tone: 'error', text: report };
        if (how === 'done' || how === 'diverged') this.#repeat(run);
        this.liveRate.value = null;
        this.#startNext();
        break;
      }
      case 'saved':
        this.#download(`${this.#nameOf(happening.run) ?? 'model'}.safetensors`, happening.bytes);
        break;
      case 'loaded':
        this.#takeModel(happening.model);
        break;
    }
  }

  /** A model file brings its network along: its weights are of no use to another one. */
  #takeModel(model: LoadedModel | null): void {
    this.loaded.value = model && { ...model, exhibits: null };
    if (model === null) {
      this.notice.value = null;
      return;
    }
    const { name, accuracy, network } = model;
    const adopted = !sameNetwork(network, this.plan.value);
    if (adopted) this.set(network);
    this.notice.value = {
      tone: 'info',
      text:
        `${name}: right about ${(100 * accuracy).toFixed(1)} % of the validation images. The next run begins with its weights` +
        `${adopted ? `, and the network is set to the file’s: ${networkWords(network)}` : ''}.`,
    };
  }

  /** The next training of a run that is to have several. */
  #repeat(id: string): void {
    this.#update(id, (run) => (hasMore(run) ? { ...nextTraining(run), state: 'queued' } : run));
  }

  /** The Worker or its device is gone: what it was at was cut off, what waited waits to be asked for, and another Worker takes over. */
  #lose(reason: string): void {
    const lost = this.current.value;
    this.gauge.value = null;
    this.liveRate.value = null;
    this.loaded.value = null;
    for (const run of this.runs.value) if (put(run).state !== run.state) this.#update(run.id, put);
    if (lost !== null) this.#ask(this.runs.value.filter(({ id, state }) => id === lost.id && state === 'interrupted'));
    // One that is lost while nothing is under way would be lost again and again.
    if (lost === null && this.loss.value !== null) {
      this.backend.value = { kind: 'unavailable', reason: `${reason}.` };
      return;
    }
    this.loss.value = reason;
    this.backend.value = { kind: 'opening' };
    this.data.value = null;
    this.#respawn();
    if (this.#files !== null) this.#send({ kind: 'useFiles', files: this.#files });
  }

  /** A generated name follows the settings. */
  #named(run: Run): Run {
    if (!run.generated) return run;
    const others = this.runs.value.filter(({ id }) => id !== run.id);
    return { ...run, name: unusedName(generatedName(run.plan, run.changes, this.defaults.value), others) };
  }

  /** Nothing is kept of a run any more, nor asked about it. */
  #forget(id: string): void {
    this.kept.value = new Map([...this.kept.value].filter(([run]) => run !== id));
    this.#decided([id]);
  }

  /** Nobody needs to be asked about these runs any more. */
  #decided(ids: readonly string[]): void {
    this.undecided.value = new Set([...this.undecided.value].filter((id) => !ids.includes(id)));
  }

  /** Whether the images are those that a run is trained on. */
  hasDataOf({ data }: Run): boolean {
    return this.data.value !== null && nameOf(this.data.value) === data;
  }

  /** A run that was cut off goes on from what is kept of it; those that wait follow. */
  goOn(run: Run): void {
    if (this.current.value !== null || !this.kept.value.has(run.id) || !this.hasDataOf(run)) return;
    this.notice.value = null;
    this.selected.value = null;
    this.#decided([run.id]);
    this.#release();
    this.#begin(run, true);
  }

  /** A run that was cut off before anything of it was kept begins once more; those that wait follow. */
  startAnew(run: Run): void {
    if (this.current.value !== null || !this.hasDataOf(run)) return;
    const { id, name, study, color, plan, data, generated } = run;
    this.#decided([id]);
    this.#release();
    // Its trainings with other seeds, which are whole, stay.
    const { visible, earlier } = run;
    const fresh = { ...newRun({ id, name, study, color, plan, data, generated }), visible, earlier };
    this.#update(id, () => this.#named(fresh));
    this.#begin(fresh, false);
  }

  /** A run that was cut off stays as it is, and what was kept of it is deleted. */
  leave({ id }: Run): void {
    this.#forget(id);
    this.#states.forget([id]).catch(() => {});
  }

  /** Runs that waited when the page was left are made after all. */
  startHeld(): void {
    this.#release();
    this.#startNext();
  }

  removeHeld(): void {
    this.remove(this.held.value.map(({ id }) => id));
  }

  #release(): void {
    for (const run of this.held.value) {
      if (this.hasDataOf(run)) this.#update(run.id, (one) => ({ ...one, state: 'queued' }));
    }
  }

  /** Another tab has ended a run or changed one. */
  takeOver(kept: Parameters<typeof adopted>[0]): void {
    const run = adopted(kept);
    const own = this.runs.value.find(({ id }) => id === run.id);
    if (own !== undefined && !hasEnded(own)) return;
    const others = this.runs.value.filter(({ id }) => id !== run.id);
    this.runs.value = [...others, run].sort((a, b) => a.id.localeCompare(b.id));
  }

  /** Another tab has removed a run. */
  dropped(id: string): void {
    this.runs.value = this.runs.value.filter((run) => run.id !== id || !hasEnded(run));
    this.#forget(id);
  }

  /** The slider follows a rate that changes by itself, and no other: it must not jump back under a hand that moves it. */
  #followRate({ plan, training }: Run, readings: readonly Reading[]): void {
    const rate = readings.at(-1)?.learningRate ?? Number.NaN;
    if ((plan.schedule === 'constant' && plan.warmup === 0) || rate === last(training.learning_rate)) return;
    if (Number.isFinite(rate)) this.liveRate.value = Number(rate.toPrecision(6));
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
    if (learningRate === undefined || this.current.value === null) return;
    this.liveRate.value = learningRate;
    this.#send({ kind: 'rate', learningRate });
  }

  /** One setting as a text says it; what it cannot take changes nothing. */
  write(key: Key, text: string): void {
    const plan = withSetting(this.plan.value, key, text);
    if (plan !== null) this.set({ [key]: plan[key] });
  }

  /** All settings of a run as they were on the first visit. */
  reset(): void {
    this.set(this.#within(this.defaults.value));
  }

  /** What opens this page with the settings as they are. */
  get link(): string {
    return linkOf(this.plan.value, this.defaults.value);
  }

  /** Takes the settings that a link holds; those that it cannot hold are said. */
  useLink(link: string): void {
    this.#link = link;
    if (this.backend.value.kind !== 'ready' || link === '') return;
    const { plan, faults } = planOfLink(link, this.defaults.value);
    this.plan.value = this.#within(plan);
    this.notice.value =
      faults.length === 0
        ? { tone: 'info', text: 'The settings are those of the link.' }
        : { tone: 'error', text: `The settings are those of the link, but for these. ${faults.join(' ')}` };
  }

  /** No more images than there are. */
  #within(plan: Plan): Plan {
    return { ...plan, images: Math.min(plan.images, this.data.value?.train ?? plan.images) };
  }

  /** Soon: while a hand moves a slider only the last place counts. */
  #askForSketch(plan: Plan, data: DataFacts | null): void {
    if (this.#sketching !== null) clearTimeout(this.#sketching);
    if (data === null) return;
    this.#sketching = setTimeout(() => this.#send({ kind: 'sketch', plan }), SKETCH_MS);
  }

  /** A run with the present settings. */
  start(): void {
    const plan = this.plan.value;
    this.#queue([{ name: generatedName(plan, [], this.defaults.value), study: null, plan, generated: true }]);
  }

  startStudy(names: readonly StudyRun[] = STUDY_RUNS.map(({ name }) => name)): void {
    const plans = STUDY_RUNS.filter(({ name }) => names.includes(name));
    const planOf = (plan: (typeof plans)[number]) => studyPlan(this.plan.value, plan, this.defaults.value);
    this.#queue(plans.map((plan) => ({ name: plan.name, study: plan.name, plan: planOf(plan) })));
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

  #queue(wanted: readonly (Pick<Run, 'name' | 'study' | 'plan'> & Partial<Pick<Run, 'generated'>>)[]): void {
    const data = this.data.value;
    if (data === null) return;
    this.notice.value = null;
    this.selected.value = null;
    for (const { name, study, plan, generated = false } of wanted) {
      const runs = this.runs.value;
      const run = newRun({
        // Sorted as they were begun.
        id: `${Date.now().toString(36)}-${String(runs.length).padStart(4, '0')}`,
        name: unusedName(name, runs),
        study,
        color: freePlace(
          runs.map((run) => run.color),
          study === null ? null : STUDY_COLORS[study],
        ),
        plan,
        data: nameOf(data),
        generated,
      });
      this.runs.value = [...runs, run];
      this.#storage?.keep(run);
    }
    this.#startNext();
  }

  #startNext(): void {
    if (this.current.value !== null) return;
    const next = this.runs.value.find(({ state }) => state === 'queued');
    if (next === undefined) return;
    this.#begin(next, false);
  }

  #begin(run: Run, goOn: boolean): void {
    const { id } = run;
    this.liveRate.value = run.plan.learningRate;
    this.#update(id, (one) => ({ ...one, state: 'compiling' }));
    this.#send({ kind: 'train', run: id, plan: planOfTraining(run), goOn });
  }

  /** The page may be gone soon. */
  keep(): void {
    if (this.current.value !== null) this.#send({ kind: 'keep' });
    this.#storage?.flush();
  }

  pauseOrResume(): void {
    this.#send({ kind: this.current.value?.state === 'paused' ? 'resume' : 'pause' });
  }

  step(): void {
    this.#send({ kind: 'step' });
  }

  /** Ends the run under way and gives up those that wait. */
  stop(): void {
    const given = this.runs.value.filter(({ state }) => state === 'queued');
    this.runs.value = this.runs.value.filter((run) => !given.includes(run));
    this.#storage?.remove(...given.map(({ id }) => id));
    this.#send({ kind: 'stop' });
  }

  toggle(id: string): void {
    this.#update(id, (run) => ({ ...run, visible: !run.visible }));
  }

  rename(id: string, name: string): void {
    const trimmed = name.trim();
    if (trimmed !== '') this.#update(id, (run) => ({ ...run, name: trimmed, generated: false }));
  }

  select(id: string): void {
    this.selected.value = this.selected.value === id ? null : id;
  }

  /** Those under way stay. */
  remove(ids: readonly string[]): void {
    const gone = this.runs.value.filter((run) => ids.includes(run.id) && !isUnderWay(run));
    if (gone.length === 0) return;
    this.runs.value = this.runs.value.filter((run) => !gone.includes(run));
    this.removed.value = [...this.removed.value, ...gone];
    this.#storage?.remove(...gone.map(({ id }) => id));
    this.#decided(gone.map(({ id }) => id));
  }

  removeAll(): void {
    this.remove(this.runs.value.map(({ id }) => id));
  }

  /** Puts back what was removed, each run at its place. */
  restore(): void {
    const back = this.removed.value;
    this.removed.value = [];
    const runs = back.map(put);
    this.runs.value = [...this.runs.value, ...runs].sort((a, b) => a.id.localeCompare(b.id));
    this.#storage?.keep(...runs);
    this.#ask(runs.filter(({ id }) => this.kept.value.has(id)));
  }

  /** What was removed cannot be put back any more. */
  forget(): void {
    for (const run of this.removed.value) if (this.kept.value.has(run.id)) this.leave(run);
    this.removed.value = [];
  }

  /** Files that somebody dropped on the page or chose: images, a model, or what the page has no use for. */
  takeFiles(files: readonly File[]): void {
    const { images, models, refusal } = sorted(files);
    if (refusal !== null) this.notice.value = { tone: 'error', text: refusal };
    else if (this.current.value !== null)
      this.notice.value = {
        tone: 'error',
        text: 'A run is under way. Stop it, or let it end, then drop the files again.',
      };
    else {
      if (images.length > 0) this.useFiles(images);
      for (const model of models) this.load(model);
    }
  }

  saveRuns(kind: 'csv' | 'json'): void {
    const runs = this.runs.value;
    const text = kind === 'csv' ? runsCsv(runs) : runsJson(runs);
    this.#download(`wgrad runs.${kind}`, new TextEncoder().encode(text));
  }

  #nameOf(id: string | null): string | null {
    return [...this.runs.value, ...this.removed.value].find((run) => run.id === id)?.name ?? null;
  }

  useFiles(files: readonly File[]): void {
    this.notice.value = null;
    this.#files = files;
    this.#send({ kind: 'useFiles', files });
  }

  useBuiltIn(): void {
    this.#files = null;
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
