/** Sums as texts, and how a model is trained and asked for them. */
import { random } from '../../src/graph.ts';
import {
  type Loss,
  type Metric,
  type Sequential,
  sparseCategoricalCrossentropy,
  type Tensor,
  tensor,
} from '../../src/index.ts';

const TOKENS = '0123456789+=';
/** How many different characters there are. */
export const TOKEN_COUNT = TOKENS.length;

/** Of the numbers that are added. */
const DIGITS = 2;
const LEAST = 10 ** (DIGITS - 1);
const BEYOND = 10 ** DIGITS;
/** Of a sum: one more. */
const ANSWER = DIGITS + 1;
/** Of `37+45=`. */
const QUESTION = 2 * DIGITS + 2;
/** Characters that the model sees: all but the last of the answer. */
export const PLACES = QUESTION + ANSWER - 1;

export type Pair = readonly [number, number];

/** All pairs of numbers of two digits, in an order that the seed decides. */
export function shuffledPairs(seed: number): Pair[] {
  const count = BEYOND - LEAST;
  return Array.from(
    random.permutation(count ** 2, seed),
    (i): Pair => [LEAST + Math.floor(i / count), LEAST + (i % count)],
  );
}

const idsOf = (text: string): number[] => [...text].map((character) => TOKENS.indexOf(character));
const question = ([a, b]: Pair): string => `${a}+${b}=`;
/** From the last digit on, as people add, and as a model learns it soonest. */
const answer = ([a, b]: Pair): string => [...String(a + b).padStart(ANSWER, '0')].reverse().join('');

/** Texts without their last character, and the answers that stand at their end. */
export function examplesOf(pairs: readonly Pair[]): readonly [texts: Tensor, answers: Tensor] {
  const texts = pairs.flatMap((pair) => idsOf(question(pair) + answer(pair)).slice(0, PLACES));
  const answers = pairs.flatMap((pair) => idsOf(answer(pair)));
  return [
    tensor(Int32Array.from(texts), [pairs.length, PLACES]),
    tensor(Int32Array.from(answers), [pairs.length, ANSWER]),
  ];
}

/** Logits of the answer's places alone: of what is asked nothing can be predicted. */
const ofAnswer = (output: Tensor): Tensor => {
  const [batch, places, tokens] = output.shape;
  return output.slice([0, places - ANSWER, 0], [batch, ANSWER, tokens]);
};

const entropy = sparseCategoricalCrossentropy({ fromLogits: true });

/** Mean cross-entropy of the answer's characters. */
export const answerLoss: Loss = {
  name: 'answerLoss',
  perExample(labels, output) {
    const logits = ofAnswer(output).reshape([-1, output.shape[2]]);
    return entropy
      .perExample(labels.reshape([-1]), logits)
      .reshape(labels.shape)
      .mean(-1);
  },
};

/** Share of sums of which every digit is right. */
export const wholeAnswer: Metric = {
  name: 'accuracy',
  perExample: (labels, output) => ofAnswer(output).argMax().equal(labels).min(-1),
};

/** What the model adds up: a digit at a time, each from the digits before it. */
export async function sumsBy(model: Sequential, pairs: readonly Pair[]): Promise<number[]> {
  const texts = pairs.map((pair) => idsOf(question(pair).padEnd(PLACES, '0')));
  const answers = pairs.map((): number[] => []);
  for (let digit = 0; digit < ANSWER; digit++) {
    const output = await model.predict(tensor(Int32Array.from(texts.flat()), [pairs.length, PLACES]));
    const likeliest = await ofAnswer(output).argMax().data();
    texts.forEach((text, at) => {
      const id = likeliest[at * ANSWER + digit];
      answers[at].push(id);
      if (digit + 1 < ANSWER) text[QUESTION + digit] = id;
    });
  }
  return answers.map((digits) =>
    Number(
      digits
        .toReversed()
        .map((id) => TOKENS[id])
        .join(''),
    ),
  );
}
