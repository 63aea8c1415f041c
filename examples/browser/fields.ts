/** All that can be set of a run: what each setting is called, what it does, its range, and how it is written in a link. Pure. */

import type { OptimizerName } from '../../src/index.ts';
import { shortRate } from '../study/facts.ts';
import type { NetworkPlan, Plan, SchedulePlan } from './protocol.ts';

export interface Field<T> {
  /** In links. */
  readonly key: string;
  readonly label: string;
  /** What it does, in a sentence. */
  readonly hint: string;
  /** Which values it takes, in words. */
  readonly range: string;
  /** Undefined for what is none of them. */
  read(text: string): T | undefined;
}

export interface NumberField extends Field<number> {
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

export interface ChoiceField<T> extends Field<T> {
  /** As they are written, and as they are shown. */
  readonly options: readonly { readonly text: string; readonly name: string }[];
}

export interface FlagField extends Field<boolean> {
  readonly flag: true;
}

type Words = Pick<Field<unknown>, 'key' | 'label' | 'hint'>;

function number(words: Words, least: number, most: number, whole = false): NumberField {
  const format = (value: number): string => value.toLocaleString('en-US', { maximumSignificantDigits: 12 });
  return {
    ...words,
    least,
    most,
    whole,
    range: `a ${whole ? 'whole ' : ''}number from ${format(least)} to ${format(most)}`,
    read(text) {
      const value = text.trim() === '' ? Number.NaN : Number(text);
      return value >= least && value <= most && (!whole || Number.isInteger(value)) ? value : undefined;
    },
  };
}

const whole = (words: Words, least: number, most: number): NumberField => number(words, least, most, true);

function choice<const T extends string | number>(
  words: Words,
  choices: readonly T[],
  names: (choice: T) => string = String,
): ChoiceField<T> {
  return {
    ...words,
    options: choices.map((one) => ({ text: String(one), name: names(one) })),
    range: `one of ${choices.join(', ')}`,
    read: (text) => choices.find((one) => String(one) === text),
  };
}

function flag(words: Words): FlagField {
  return {
    ...words,
    flag: true,
    range: 'true or false',
    read: (text) => [false, true].find((one) => String(one) === text),
  };
}

export const BATCH_SIZES: readonly number[] = [8, 16, 32, 64, 128, 256, 512, 1024];
const OPTIMIZERS: readonly OptimizerName[] = ['adam', 'adamw', 'rmsprop', 'sgd'];
export const OPTIMIZER_NAMES: Readonly<Record<OptimizerName, string>> = {
  adam: 'Adam',
  adamw: 'AdamW',
  rmsprop: 'RMSprop',
  sgd: 'SGD',
};
const SCHEDULES: readonly SchedulePlan['schedule'][] = ['constant', 'plateau', 'step', 'exponential', 'cosine'];
const SCHEDULE_NAMES: Readonly<Record<SchedulePlan['schedule'], string>> = {
  constant: 'constant',
  plateau: 'lower on a plateau',
  step: 'in steps',
  exponential: 'exponential',
  cosine: 'cosine',
};
const ACTIVATION_NAMES: Readonly<Record<NetworkPlan['activation'], string>> = {
  relu: 'ReLU',
  leakyRelu: 'leaky ReLU',
  elu: 'ELU',
  gelu: 'GELU',
  silu: 'SiLU',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  softplus: 'softplus',
  linear: 'none (linear)',
};
/** In the order in which they are offered. */
export const ACTIVATIONS = [
  'relu',
  'leakyRelu',
  'elu',
  'gelu',
  'silu',
  'tanh',
  'sigmoid',
  'softplus',
  'linear',
] as const satisfies readonly NetworkPlan['activation'][];

/** Of a choice of small whole numbers, for who has no word for none. */
const noneOr = (unit: (n: number) => string) => (n: number) => (n === 0 ? 'none' : unit(n));

/** Largest share that rounds to less than 1 in float32. */
const ALMOST_ONE = 0.9999999;

export const FIELDS = {
  learningRate: number(
    {
      key: 'rate',
      label: 'Learning rate',
      hint: 'How far each step moves the weights. Too small learns slowly, too large diverges.',
    },
    1e-6,
    1,
  ),
  batchSize: choice(
    {
      key: 'batch',
      label: 'Batch size',
      hint: 'How many images each step averages over. Larger means fewer, steadier steps an epoch.',
    },
    BATCH_SIZES,
  ),
  optimizer: choice(
    {
      key: 'optimizer',
      label: 'Optimizer',
      hint: 'How a gradient becomes a step. Adam adapts each weight’s rate; SGD uses one rate for all and needs a larger one.',
    },
    OPTIMIZERS,
    (name) => OPTIMIZER_NAMES[name],
  ),
  epochs: whole(
    { key: 'epochs', label: 'Epochs', hint: 'How many times it goes through all training images.' },
    1,
    1000,
  ),
  images: whole(
    {
      key: 'images',
      label: 'Images',
      hint: 'How many of the training images it uses. Fewer is faster and learns less.',
    },
    1,
    50_000,
  ),
  dropout: number(
    {
      key: 'dropout',
      label: 'Dropout',
      hint: 'The share of values that is dropped at random while it trains, which keeps it from learning images by heart.',
    },
    0,
    0.8,
  ),
  blocks: choice(
    {
      key: 'blocks',
      label: 'Convolution blocks',
      hint: 'Each finds patterns in what the one before found: convolution, activation, pooling, dropout.',
    },
    [0, 1, 2, 3],
    noneOr(String),
  ),
  filters: choice(
    {
      key: 'filters',
      label: 'Filters',
      hint: 'How many patterns the first block looks for. Each further block has twice as many.',
    },
    [4, 8, 16, 32, 64, 128],
  ),
  kernelSize: choice(
    { key: 'kernel', label: 'Kernel', hint: 'How many pixels wide and high the patterns are.' },
    [1, 3, 5, 7],
    (side) => `${side} × ${side}`,
  ),
  pooling: choice(
    {
      key: 'pooling',
      label: 'Pooling',
      hint: 'What each 2 × 2 pixels become at the end of a block: their largest value, their mean, or all four as they are.',
    },
    ['max', 'average', 'none'],
  ),
  denseLayers: choice(
    {
      key: 'dense',
      label: 'Dense layers',
      hint: 'Hidden layers that see the whole image at once, before the ten outputs.',
    },
    [0, 1, 2],
    noneOr(String),
  ),
  units: choice(
    { key: 'width', label: 'Width', hint: 'How many values each dense layer has.' },
    [16, 32, 64, 100, 128, 256, 512],
  ),
  activation: choice(
    {
      key: 'activation',
      label: 'Activation',
      hint: 'The bend behind each layer. Without one all layers together are no more than one.',
    },
    ACTIVATIONS,
    (name) => ACTIVATION_NAMES[name],
  ),
  batchNorm: flag({
    key: 'batch-norm',
    label: 'Batch normalisation',
    hint: 'Brings what each layer gives to mean 0 and variance 1 before its activation, which bears larger rates.',
  }),
  momentum: number(
    {
      key: 'momentum',
      label: 'Momentum',
      hint: 'How much of the step before each step keeps. 0.9 is common; it acts like a rate ten times as large.',
    },
    0,
    0.999,
  ),
  nesterov: flag({
    key: 'nesterov',
    label: 'Nesterov',
    hint: 'Takes the gradient where momentum is about to lead. Needs momentum.',
  }),
  rho: number({ key: 'rho', label: 'Rho', hint: 'How slowly the mean of the squared gradients forgets.' }, 0, 0.9999),
  beta1: number(
    { key: 'beta1', label: 'Beta 1', hint: 'How slowly the mean of the gradients forgets: 0.9 is about ten steps.' },
    0,
    ALMOST_ONE,
  ),
  beta2: number(
    {
      key: 'beta2',
      label: 'Beta 2',
      hint: 'How slowly the mean of the squared gradients forgets: 0.999 is about a thousand steps.',
    },
    0,
    ALMOST_ONE,
  ),
  epsilon: number(
    {
      key: 'epsilon',
      label: 'Epsilon',
      hint: 'Added to what is divided by, so that tiny gradients make no huge steps.',
    },
    1e-10,
    1,
  ),
  weightDecay: number(
    {
      key: 'weight-decay',
      label: 'Weight decay',
      hint: 'The share of each weight that every step takes off, times the rate: it keeps weights small.',
    },
    0,
    1,
  ),
  schedule: choice(
    { key: 'schedule', label: 'Schedule', hint: 'How the rate goes on by itself, from epoch to epoch.' },
    SCHEDULES,
    (name) => SCHEDULE_NAMES[name],
  ),
  factor: number(
    {
      key: 'factor',
      label: 'Factor',
      hint: 'What the rate is multiplied by when the validation loss has stopped falling.',
    },
    0.01,
    0.99,
  ),
  patience: whole(
    { key: 'patience', label: 'Patience', hint: 'After how many epochs without a fall of the validation loss.' },
    1,
    100,
  ),
  control: flag({
    key: 'control',
    label: 'Control each fall',
    hint: 'Trains the weights of each fall on at the old rate as well, so that one sees what the fall did.',
  }),
  decay: number({ key: 'decay', label: 'Rate times', hint: 'What the rate is multiplied by each time.' }, 0.01, 1),
  every: whole({ key: 'every', label: 'Every … epochs', hint: 'How many epochs lie between two steps.' }, 1, 1000),
  warmup: whole(
    {
      key: 'warmup',
      label: 'Warm-up epochs',
      hint: 'Epochs in which the rate first rises from near 0. It helps large rates through their first steps.',
    },
    0,
    100,
  ),
  seed: whole(
    {
      key: 'seed',
      label: 'Seed',
      hint: 'Draws first weights, order and dropout. The same seed gives the same run, another one an equally good draw.',
    },
    0,
    2 ** 32 - 10,
  ),
  repeats: whole(
    {
      key: 'repeats',
      label: 'Repeats',
      hint: 'Trains as often, each time with the next seed, and shows mean and spread: how much is luck.',
    },
    1,
    5,
  ),
} as const satisfies { readonly [Key in keyof Plan]: Field<Plan[Key]> };

/** The same, as what all have in common. */
const ALL: { readonly [Key in keyof Plan]: Field<Plan[Key]> } = FIELDS;

export type Key = keyof Plan;

const isKey = (name: string): name is Key => Object.hasOwn(FIELDS, name);
export const KEYS: readonly Key[] = Object.keys(FIELDS).filter(isKey);

/** Of what the chosen optimizer can be told, beside its rate. */
export const OPTIMIZER_FIELDS = {
  adam: ['beta1', 'beta2', 'epsilon'],
  adamw: ['weightDecay', 'beta1', 'beta2', 'epsilon'],
  rmsprop: ['rho', 'momentum', 'epsilon'],
  sgd: ['momentum', 'nesterov'],
} as const satisfies Record<OptimizerName, readonly Key[]>;

/** Of what the chosen schedule can be told. */
export const SCHEDULE_FIELDS = {
  constant: [],
  plateau: ['factor', 'patience', 'control'],
  step: ['decay', 'every'],
  exponential: ['decay'],
  cosine: [],
} as const satisfies Record<SchedulePlan['schedule'], readonly Key[]>;

type Draft = { -readonly [K in Key]: Plan[K] };

function readInto<K extends Key>(draft: Draft, key: K, text: string): boolean {
  const value = ALL[key].read(text);
  if (value === undefined) return false;
  draft[key] = value;
  return true;
}

/** With one setting as a text says it; null for one that it cannot take. */
export function withSetting(plan: Plan, key: Key, text: string): Plan | null {
  const draft: Draft = { ...plan };
  return readInto(draft, key, text) ? draft : null;
}

/** What differs from `defaults`, as a link's last part: `rate=0.01&batch=64`; empty where nothing does. */
export function linkOf(plan: Plan, defaults: Plan): string {
  return KEYS.filter((key) => plan[key] !== defaults[key])
    .map((key) => `${ALL[key].key}=${plan[key]}`)
    .join('&');
}

export interface LinkRead {
  readonly plan: Plan;
  /** A sentence for each part that cannot be used. */
  readonly faults: readonly string[];
}

/** Longest text that a sentence quotes. */
const QUOTED = 40;
const MOST_PARTS = 100;

/** The settings that a link holds, over `defaults`; what it says wrong is left out. */
export function planOfLink(link: string, defaults: Plan): LinkRead {
  const plan: Draft = { ...defaults };
  const faults: string[] = [];
  const quoted = (text: string): string => `“${text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text}”`;
  for (const [name, text] of [...new URLSearchParams(link.replace(/^#/, ''))].slice(0, MOST_PARTS)) {
    const key = KEYS.find((one) => ALL[one].key === name);
    if (key === undefined) faults.push(`${quoted(name)} is no setting.`);
    else if (!readInto(plan, key, text)) {
      const { label, range } = ALL[key];
      faults.push(`${label}: expected ${range}, got ${quoted(text)}; ${valueWords(defaults, key)} is used.`);
    }
  }
  return { plan, faults };
}

/** A plan of an earlier visit, which may lack what there is by now, or hold what is no longer taken. */
export function completePlan(kept: object, defaults: Plan): Plan {
  const plan: Draft = { ...defaults };
  for (const [name, value] of Object.entries(kept)) if (isKey(name)) readInto(plan, name, String(value));
  if ('plateau' in kept && kept.plateau === true) plan.schedule = 'plateau';
  return plan;
}

/** Enough for an epsilon. */
const DIGITS = { maximumSignificantDigits: 12 } as const;

/** A setting's value as it is shown. */
export function valueWords(plan: Plan, key: Key): string {
  switch (key) {
    case 'optimizer':
      return OPTIMIZER_NAMES[plan.optimizer];
    case 'schedule':
      return SCHEDULE_NAMES[plan.schedule];
    case 'activation':
      return ACTIVATION_NAMES[plan.activation];
    case 'learningRate':
      return shortRate(plan.learningRate);
    default:
      return typeof plan[key] === 'boolean' ? (plan[key] ? 'yes' : 'no') : plan[key].toLocaleString('en-US', DIGITS);
  }
}

/** What a run does other than `defaults`, beside rate, batch, length and images, in a few words each. */
export const peculiarities = (plan: Plan, defaults: Plan): string[] => [
  ...networkPeculiarities(plan, defaults),
  ...(plan.dropout === defaults.dropout ? [] : [`dropout ${Math.round(100 * plan.dropout)} %`]),
  ...otherPeculiarities(plan, defaults),
];

/** Those of optimizer, schedule and seed. */
export function otherPeculiarities(plan: Plan, defaults: Plan): string[] {
  const differs = (key: Key): boolean => plan[key] !== defaults[key];
  const words: string[] = [];
  if (differs('optimizer')) words.push(OPTIMIZER_NAMES[plan.optimizer]);
  const named = (keys: readonly Key[]): void => {
    for (const key of keys) if (differs(key)) words.push(`${ALL[key].label.toLowerCase()} ${valueWords(plan, key)}`);
  };
  named(OPTIMIZER_FIELDS[plan.optimizer]);
  if (differs('schedule')) words.push(SCHEDULE_WORDS[plan.schedule]);
  named(SCHEDULE_FIELDS[plan.schedule]);
  if (differs('warmup')) words.push(`${plan.warmup} epochs of warm-up`);
  if (differs('seed')) words.push(`seed ${plan.seed}`);
  return words;
}

/** The same of the network: "conv 8-16", "no dense layer", "tanh". */
function networkPeculiarities(plan: NetworkPlan, defaults: NetworkPlan): string[] {
  const { blocks, kernelSize, denseLayers, pooling, activation } = plan;
  const filters = filtersOf(plan).join('-');
  const units = unitsOf(plan).join('-');
  const convolves = blocks > 0;
  const side = kernelSize === defaults.kernelSize ? '' : ` ${kernelSize}×${kernelSize}`;
  const words: string[] = [];
  if (!convolves && defaults.blocks > 0) words.push('no convolution');
  else if (convolves && (filters !== filtersOf(defaults).join('-') || side !== ''))
    words.push(`conv ${filters}${side}`);
  if (convolves && pooling !== defaults.pooling) words.push(`${pooling === 'none' ? 'no' : pooling} pooling`);
  if (units !== unitsOf(defaults).join('-')) words.push(denseLayers === 0 ? 'no dense layer' : `dense ${units}`);
  if (!convolves && denseLayers === 0) return words;
  if (activation !== defaults.activation) words.push(ACTIVATION_NAMES[activation]);
  if (plan.batchNorm !== defaults.batchNorm) words.push('batch normalisation');
  return words;
}

const filtersOf = ({ blocks, filters }: NetworkPlan): number[] =>
  Array.from({ length: blocks }, (_, block) => filters * 2 ** block);
const unitsOf = ({ denseLayers, units }: NetworkPlan): number[] => Array.from({ length: denseLayers }, () => units);

const SCHEDULE_WORDS: Readonly<Record<SchedulePlan['schedule'], string>> = {
  constant: 'constant rate',
  plateau: 'lower rate on a plateau',
  step: 'rate falls in steps',
  exponential: 'rate falls exponentially',
  cosine: 'rate falls as a cosine',
};

/** In words, such as "1 block of 32 3×3 filters, dense 100, ReLU". */
export function networkWords(plan: NetworkPlan): string {
  const { blocks, kernelSize, pooling, denseLayers, activation, batchNorm } = plan;
  const filters = `${filtersOf(plan).join(', ')} ${kernelSize}×${kernelSize} filters`;
  return [
    blocks === 0 ? 'no convolution' : `${blocks} ${blocks === 1 ? 'block' : 'blocks'} of ${filters}`,
    ...(blocks === 0 || pooling === 'max' ? [] : [pooling === 'none' ? 'no pooling' : 'average pooling']),
    denseLayers === 0 ? 'no hidden dense layer' : `dense ${unitsOf(plan).join(', ')}`,
    ...(blocks + denseLayers === 0
      ? []
      : [ACTIVATION_NAMES[activation], ...(batchNorm ? ['batch normalisation'] : [])]),
  ].join(', ');
}

/** Whether weights of the one can go on as those of the other: the words leave out what makes no difference. */
export const sameNetwork = (one: NetworkPlan, other: NetworkPlan): boolean => networkWords(one) === networkWords(other);
