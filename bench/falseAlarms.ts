/**
 * How often the divergence detector is wrong:  npm run bench:alarms [-- --count 200 --first 0 --kinds PATTERN --all]
 *
 * Runs small trainings of many kinds, all of them to the end, until there are `--count` healthy and as many sick ones, as judged
 * by their losses over all examples alone (`judge.ts`). Prints what the detector got wrong: false alarms on healthy ones, misses
 * of sick ones, and how long it took to find the others.
 */

import { Command, InvalidArgumentError } from 'commander';
import { reportError } from '../examples/study/reportError.ts';
import { defaultDevice } from '../src/index.ts';
import { type Health, judge, type Outcome } from './judge.ts';
import { spreadOf } from './statistics.ts';
import { HEALTHY, type Kinds, makeTrial, SICK } from './trials.ts';

interface Flags {
  readonly count: number;
  readonly first: number;
  readonly kinds: RegExp;
  readonly all: boolean;
}

function whole(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`Expected a whole number, got '${text}'.`);
}

const readFlags = (): Flags =>
  new Command('npm run bench:alarms --')
    .description('Counts false alarms and misses of the divergence detector.')
    .option('--count <number>', 'healthy trainings, and sick ones', whole, 200)
    .option('--first <number>', 'first variant of each kind: other seeds and settings', whole, 0)
    .option('--kinds <pattern>', 'kinds whose names match', (text) => new RegExp(text), /./)
    .option('--all', 'tell of every training', false)
    .allowExcessArguments(false)
    .parse()
    .opts<Flags>();

const short = (value: number): string => String(Number(value.toPrecision(3)));

function tell({ name, health, losses, guessing, alarm, delay }: Outcome): void {
  const [first, last] = [losses[0], losses[losses.length - 1]];
  const said = alarm === null ? 'no alarm' : `${alarm.kind} after ${delay} steps`;
  console.log(
    `${health}: ${name}: loss ${short(first)} to ${short(last)}, a constant costs ${short(guessing)}; ${said}`,
  );
}

/** Variants of the kinds in turn, until enough of them are `wanted`. */
async function measure(kinds: Kinds, wanted: Health, { count, first, kinds: pattern, all }: Flags): Promise<Outcome[]> {
  const names = Object.keys(kinds).filter((kind) => pattern.test(kind));
  const found: Outcome[] = [];
  let others = 0;
  for (let variant = first; found.length < count && variant < first + count && names.length > 0; variant++) {
    for (const kind of names) {
      if (found.length === count) break;
      const outcome = await judge(await makeTrial(kinds, kind, variant));
      const { health, alarm } = outcome;
      if (health !== wanted) others++;
      else found.push(outcome);
      if (all || (health === wanted && (alarm !== null) === (wanted === 'healthy'))) tell(outcome);
    }
  }
  console.log(`${found.length} ${wanted} trainings; ${others} more were not, by their losses`);
  return found;
}

async function main(): Promise<void> {
  const flags = readFlags();
  const { info } = await defaultDevice();
  console.log(`${info.name}: wrong verdicts of the detector`);
  const began = performance.now();
  const healthy = await measure(HEALTHY, 'healthy', flags);
  const sick = await measure(SICK, 'sick', flags);
  const alarms = healthy.filter(({ alarm }) => alarm !== null);
  const noticed = sick.filter(({ alarm }) => alarm !== null);
  const of = (key: 'delay' | 'delayInEpochs'): string =>
    noticed.length === 0 ? '–' : short(spreadOf(noticed.map((outcome) => outcome[key])).median);
  console.log(`false alarms: ${alarms.length} of ${healthy.length}`);
  console.log(`misses: ${sick.length - noticed.length} of ${sick.length}`);
  console.log(`median delay: ${of('delay')} steps, ${of('delayInEpochs')} epochs`);
  console.log(`${Math.round((performance.now() - began) / 1000)} s`);
}

try {
  await main();
} catch (error) {
  reportError(error);
}
