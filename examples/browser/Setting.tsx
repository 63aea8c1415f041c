/** One setting of a run: a labelled field that says what it does, and what is wrong with what was typed. */

import { useId, useState } from 'preact/hooks';
import { FIELDS, type Key, type NumberField, withSetting } from './fields.ts';
import type { Store } from './store.ts';

interface Props {
  readonly store: Store;
  readonly name: Key;
  /** Where it has no meaning beside the others. */
  readonly disabled?: boolean;
}

export function Setting(props: Props) {
  const field = FIELDS[props.name];
  if ('flag' in field) return <Flag {...props} />;
  if ('options' in field) return <Choice {...props} options={field.options} />;
  return <NumberSetting {...props} field={field} />;
}

/** Told to who cannot see the line of hints. */
export function Hint({ id, name }: { readonly id: string; readonly name: Key }) {
  return (
    <span id={id} hidden>
      {FIELDS[name].hint}
    </span>
  );
}

function Flag({ store, name, disabled }: Props) {
  const id = useId();
  return (
    <label class="check" data-hint={name}>
      <input
        type="checkbox"
        checked={store.plan.value[name] === true}
        disabled={disabled}
        aria-describedby={id}
        onChange={({ currentTarget: { checked } }) => store.write(name, String(checked))}
      />
      {FIELDS[name].label}
      <Hint id={id} name={name} />
    </label>
  );
}

interface ChoiceProps extends Props {
  readonly options: readonly { readonly text: string; readonly name: string }[];
}

function Choice({ store, name, disabled, options }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field" data-hint={name}>
      <label for={`${id}-field`}>{FIELDS[name].label}</label>
      <select
        id={`${id}-field`}
        value={String(store.plan.value[name])}
        disabled={disabled}
        aria-describedby={id}
        onChange={({ currentTarget: { value } }) => store.write(name, value)}
      >
        {options.map((option) => (
          <option key={option.text} value={option.text}>
            {option.name}
          </option>
        ))}
      </select>
      <Hint id={id} name={name} />
    </div>
  );
}

function NumberSetting({ field, ...props }: Props & { readonly field: NumberField }) {
  const id = useId();
  return (
    <div class="field" data-hint={props.name}>
      <label for={`${id}-field`}>{field.label}</label>
      <NumberInput {...props} field={field} id={`${id}-field`} describedBy={id} />
      <Hint id={id} name={props.name} />
    </div>
  );
}

interface InputProps extends Props {
  readonly field: NumberField;
  readonly id?: string;
  readonly describedBy: string;
  readonly label?: string;
}

/** What cannot be used stays in the field, with the reason beside it; the run keeps what was there before. */
export function NumberInput({ store, name, disabled, field, id, describedBy, label }: InputProps) {
  const value = String(store.plan.value[name]);
  const [wrong, setWrong] = useState<{ readonly text: string; readonly beside: string } | null>(null);
  const problem = useId();
  const most = name === 'images' ? Math.min(field.most, store.data.value?.train ?? field.most) : field.most;
  // A slider or a link may have set something else meanwhile.
  const refused = wrong !== null && wrong.beside === value ? wrong : null;
  return (
    <>
      <input
        type="number"
        id={id}
        aria-label={label}
        min={field.least}
        max={most}
        step={field.whole ? 1 : 'any'}
        disabled={disabled}
        value={refused?.text ?? value}
        aria-invalid={refused !== null}
        aria-describedby={refused === null ? describedBy : `${problem} ${describedBy}`}
        onInput={({ currentTarget }) => {
          const text = currentTarget.value;
          const taken = withSetting(store.plan.value, name, text) !== null && !(Number(text) > most);
          setWrong(taken ? null : { text, beside: value });
          if (taken) store.write(name, text);
        }}
      />
      {refused !== null && (
        <span class="problem" id={problem} role="alert">
          {field.whole ? 'A whole number, ' : ''}
          {field.least.toLocaleString('en-US', { maximumSignificantDigits: 3 })} to {rounded(most)}. {value} stays.
        </span>
      )}
    </>
  );
}

const rounded = (most: number): string => most.toLocaleString('en-US', { maximumFractionDigits: 7 });
