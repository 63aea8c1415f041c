/** The readings at a place as a sentence that is read aloud. Pure. */

import { type RunReading, type View, wasCutOff } from './curve.ts';
import { formatEnd, formatPlace, formatValue } from './format.ts';

/** Most runs that are told: who listens cannot skip. */
const MOST = 6;

export function spoken(rows: readonly RunReading[], at: number, { metric, axis }: View): string {
  const format = (value: number | null): string => (value === null ? 'no number' : formatValue[metric](value));
  const told = rows.slice(0, MOST).map((row) => {
    const { validation, training } = row;
    const values = [
      ...(validation === undefined ? [] : [row.control ? format(validation) : `validation ${format(validation)}`]),
      ...(training === undefined
        ? []
        : [metric === 'learning_rate' ? format(training) : `training ${format(training)}`]),
    ];
    const end = row.endedAt === null ? '' : `, ${endText(row, row.endedAt, axis)}`;
    return `${row.run.name}${row.control ? ', control' : ''}: ${values.join(', ')}${end}`;
  });
  const rest = rows.length > MOST ? [`and ${rows.length - MOST} more`] : [];
  return `${[formatPlace[axis](at), ...told, ...rest].join('. ')}.`;
}

/** `ended at epoch 2`, and otherwise where it was cut off within one. */
export const endText = (row: RunReading, at: number, axis: View['axis']): string =>
  `${wasCutOff(row) ? 'cut off' : 'ended'} at ${formatEnd[axis](at)}`;
