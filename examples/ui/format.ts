/** Numbers as the chart and the lists beside it write them. */

import { percent, shortLoss, shortRate } from '../study/facts.ts';
import type { Axis, Metric } from './curve.ts';

export const formatValue: Readonly<Record<Metric, (value: number) => string>> = {
  accuracy: percent,
  loss: shortLoss,
  learning_rate: shortRate,
};

export const METRIC_NAMES: Readonly<Record<Metric, string>> = {
  accuracy: 'Accuracy',
  loss: 'Loss',
  learning_rate: 'Learning rate',
};

export const AXIS_NAMES: Readonly<Record<Axis, string>> = {
  epoch: 'epoch',
  step: 'training step',
  seconds: 'seconds of training',
};

export const formatPlace: Readonly<Record<Axis, (value: number) => string>> = {
  epoch: (value) => `epoch ${value.toFixed(1)}`,
  step: (value) => `step ${Math.round(value).toLocaleString('en-US')}`,
  seconds: (value) => `${value.toFixed(1)} s`,
};

/** Where a curve ends: whole epochs without a fraction. */
export const formatEnd: Readonly<Record<Axis, (value: number) => string>> = {
  ...formatPlace,
  epoch: (value) => `epoch ${Number(value.toFixed(1))}`,
};

/** A place on an axis: as long as it needs to be. */
export const formatTick = (value: number): string => Number(value.toPrecision(6)).toLocaleString('en-US');
