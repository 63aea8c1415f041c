/**
 * How often the study's words are wrong:  npm run bench:verdicts [-- --count 200 --first 0]
 *
 * Judges simulated studies whose true differences are zero, and as many whose differences are known, and counts for each word the
 * studies in which it was said of anything, and in which it was wrong.
 */

import { Command, InvalidArgumentError } from 'commander';
import { judgeStudy } from '../examples/study/judgeStudy.ts';
import { EQUAL } from '../examples/study/verdict.ts';
import { Chance, type Setting, simulate, type Truth } from './simulatedStudy.ts';

/** How often a word was said in a set of studies, and was wrong. */
export interface Tally {
  said: number;
  wrong: number;
}

/** Whether each word is wrong where it is said of a run that truly ends so much over the baseline. */
const WRONG: Readonly<Record<string, (gap: number) => boolean>> = {
  better: (gap) => gap <= 0,
  worse: (gap) => gap >= 0,
  slow: (gap) => gap >= 0,
  'as good': (gap) => Math.abs(gap) > EQUAL,
};

export const NULL: Truth = {
  ends: { baseline: 0.45, 'low-lr': 0.45, 'batch-128': 0.45, 'batch-128-scaled': 0.45, 'high-lr': 0.45 },
  drop: 0,
};

/** Differences of a few points, other ones in each study. */
export function known(seed: number): Truth {
  const chance = new Chance(seed);
  const end = (): number => 0.45 + 0.04 * chance.normal();
  return {
    ends: { baseline: 0.45, 'low-lr': end(), 'batch-128': end(), 'batch-128-scaled': end(), 'high-lr': end() },
    drop: 0.03 * chance.normal(),
  };
}

/** Of `count` studies, which are numbered from `first`. */
export function tallyOf(truthOf: (study: number) => Truth, setting: Setting, first: number, count: number) {
  const tallies: Record<string, Tally> = {};
  const tell = (word: string, judgements: readonly boolean[]): void => {
    tallies[word] ??= { said: 0, wrong: 0 };
    const tally = tallies[word];
    if (judgements.length > 0) tally.said++;
    if (judgements.includes(true)) tally.wrong++;
  };
  for (let study = first; study < first + count; study++) {
    const truth = truthOf(study);
    const runs = simulate(study, truth, setting);
    const { verdicts, best } = judgeStudy(runs, setting.images);
    for (const [word, isWrong] of Object.entries(WRONG))
      tell(
        word,
        runs.flatMap(({ name }, i) =>
          verdicts[i].verdict === word ? [isWrong(truth.ends[name] - truth.ends.baseline)] : [],
        ),
      );
    const highest = Math.max(...Object.values(truth.ends));
    const others = Object.values(truth.ends).filter((end) => end === highest).length;
    tell('best', best === null ? [] : [truth.ends[runs[best].name] < highest || others > 1]);
    const falls = verdicts[runs.findIndex(({ name }) => name === 'plateau')].verdict;
    tell('drops help', falls === 'drops help' ? [truth.drop <= 0] : []);
    tell('drops hurt', falls === 'drops hurt' ? [truth.drop >= 0] : []);
    tell(
      'never learns',
      verdicts.flatMap(({ verdict }) => (verdict === 'never learns' ? [true] : [])),
    );
  }
  return tallies;
}

/** As measured: a study of 2,500 photographs, and one of 10,000. */
export const SETTINGS: Readonly<Record<string, Setting>> = {
  '1,000 images, 1 seed': { images: 1000, seeds: 1, epochs: 5, lasting: 0.018, jitter: 0.018, paired: true },
  '1,000 images, 3 seeds': { images: 1000, seeds: 3, epochs: 5, lasting: 0.018, jitter: 0.018, paired: true },
  '1,000 images, 3 seeds, unpaired': {
    images: 1000,
    seeds: 3,
    epochs: 5,
    lasting: 0.018,
    jitter: 0.018,
    paired: false,
  },
  '10,000 images, 1 seed': { images: 10_000, seeds: 1, epochs: 6, lasting: 0.006, jitter: 0.008, paired: true },
  '10,000 images, 3 seeds': { images: 10_000, seeds: 3, epochs: 6, lasting: 0.006, jitter: 0.008, paired: true },
};

function whole(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`Expected a whole number, got '${text}'.`);
}

if (process.argv[1]?.endsWith('falseVerdicts.ts')) {
  const { count, first } = new Command('npm run bench:verdicts --')
    .description('Counts wrong words of the study on simulated studies.')
    .option('--count <number>', 'studies without differences, and with known ones', whole, 200)
    .option('--first <number>', 'first study', whole, 0)
    .allowExcessArguments(false)
    .parse()
    .opts<{ count: number; first: number }>();
  for (const [name, setting] of Object.entries(SETTINGS)) {
    console.log(`\n${name}: studies of ${count} in which a word was said, and in which it was wrong`);
    const none = tallyOf(() => NULL, setting, first, count);
    const some = tallyOf(known, setting, first, count);
    for (const word of Object.keys(none)) {
      const share = ({ said, wrong }: Tally): string =>
        `${String(said).padStart(4)} said, ${String(wrong).padStart(3)} wrong (${((100 * wrong) / count).toFixed(1)} %)`;
      console.log(`  ${word.padEnd(13)} no difference: ${share(none[word])}   known: ${share(some[word])}`);
    }
  }
}
