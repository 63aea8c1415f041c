/** wgrad/pictures: sizes, colours of known pixels, words, and what is no number. */
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Resvg } from '@resvg/resvg-js';
import { decode } from 'fast-png';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rasterize, textWidth } from '#raster';
import {
  ArgumentError,
  Dense,
  DtypeError,
  FileError,
  History,
  input,
  Model,
  proceduralImages,
  Sequential,
  ShapeError,
  tensor,
} from '../src/index.ts';
import {
  barPanel,
  confusionCounts,
  confusionMatrix,
  filterGrid,
  filterPixels,
  imageGrid,
  imagePixels,
  likeliest,
  linePanel,
  montage,
  PALETTE,
  Picture,
  paragraph,
  place,
  plotHistory,
  plotModel,
  rateFalls,
  spread,
  text,
} from '../src/pictures/index.ts';
import { readableOn, tint } from '../src/pictures/palette.ts';

const MAGENTA = [255, 0, 255];
const GREEN = [0x00, 0x9e, 0x73];
const ORANGE = [0xd5, 0x5e, 0x00];

/** The colours of a picture's PNG, one pixel to a unit. */
async function pixelsOf(picture: Picture): Promise<(x: number, y: number) => number[]> {
  const { width, channels, data } = decode(await picture.png({ zoom: 1 }));
  return (x, y) => [...data.subarray((y * width + x) * channels, (y * width + x) * channels + 3)];
}

/** The numbers of an attribute of an SVG document's elements, in order. */
const numbersOf = (svg: string, element: string, attribute: string): number[] =>
  [...svg.matchAll(new RegExp(`<${element} [^>]*?\\b${attribute}="([\\d.]+)"`, 'g'))].map(([, value]) => Number(value));

const wordsOf = ({ svg }: Picture): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, word]) => word);

/** All that is written, whatever the lines. */
const textOf = (picture: Picture): string => wordsOf(picture).join(' ');

function rejects(call: () => Promise<unknown>, kind: new (...args: never[]) => Error, pattern: RegExp): Promise<void> {
  return call().then(
    () => assert.unreachable(`not refused: ${pattern}`),
    (error: unknown) => {
      if (!(error instanceof kind)) throw error;
      assert.match(error.message, pattern);
      // What is wrong, and what to do.
      assert.match(error.message, /\. [A-Z][^.]*(\.[^.]*)*\.$/);
    },
  );
}

/** A value that a caller without types may pass. */
const wrong = (value: unknown): never => value as never;

const epochs = {
  loss: [2.1, 1.6, 1.2],
  accuracy: [0.25, 0.42, 0.55],
  val_loss: [1.9, 1.5, 1.6],
  val_accuracy: [0.33, 0.46, 0.451],
  learning_rate: [0.004, 0.004, 0.002],
};
const broken = {
  loss: [2.4, 9.5, NaN],
  accuracy: [0.1, 0.1, 0.1],
  val_loss: [3, Infinity, NaN],
  val_accuracy: [0.1, NaN, NaN],
  learning_rate: [0.1, 0.1, 0.1],
};
const lost = { loss: [NaN], val_loss: [NaN] };
const kernel = (value: (i: number) => number, shape = [3, 3, 3, 4]) => ({
  name: 'conv2d/kernel',
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i)),
});
const { test: shapes, classNames } = proceduralImages({ train: 0, test: 10 });

/** With a wide name, and a model within. */
function model(): Model {
  const x = input([4], { name: 'x'.repeat(80) });
  const within = new Sequential([new Dense(8), new Dense(2)], { name: 'within', inputShape: [4] });
  return new Model({ inputs: x, outputs: within.apply(x) });
}

const drawn: Record<string, () => Promise<Picture>> = {
  'one training': () => plotHistory(epochs),
  'several trainings': () => plotHistory({ good: epochs, broken, lost }),
  'a training of NaN': () => plotHistory(lost),
  'no epoch': () => plotHistory({}),
  'a narrow chart': () => plotHistory(epochs, { width: 400 }),
  images: () => imageGrid(shapes, { classNames, predictions: shapes.labels }),
  'no image': () => imageGrid({ shape: [0, 4, 4, 1], data: new Uint8Array() }),
  'names with <, & and "': () => imageGrid(shapes, { classNames: classNames.map((name) => `<${name}> & "it"`) }),
  filters: () => filterGrid({ before: kernel(Math.sin), after: kernel(Math.cos) }),
  'a model': () => plotModel(model()),
  'a model from left to right': () => plotModel(model(), { rankDir: 'LR', expandNested: true }),
  'a matrix': () => confusionMatrix({ labels: [0, 1, 2], predictions: [0, 2, NaN] }),
  'a matrix of nothing': () => confusionMatrix({ labels: [], predictions: [], classNames: ['a', 'b'] }),
};

const pictures = suite('pictures');

for (const [name, draw] of Object.entries(drawn)) {
  pictures(`${name}: SVG that stands alone, and a PNG of its size`, async () => {
    const picture = await draw();
    const { svg, width, height } = picture;
    new Resvg(svg); // It parses XML, and throws where that is not well formed.
    assert.match(svg, new RegExp(`^<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"`));
    assert.not.match(svg, /\b(href|src)="(?!data:)|url\((?!#)|@import/);
    assert.not.match(svg, /="[^"<>]*(NaN|Infinity|undefined|null)/);
    for (const [zoom, png] of [
      [2, await picture.png()],
      [0.5, await picture.png({ zoom: 0.5 })],
    ] as const) {
      const image = decode(png);
      assert.ok(Math.abs(image.width - width * zoom) <= 1 && Math.abs(image.height - height * zoom) <= 1);
    }
    // A chart within the page cuts off what does not fit; a group of its own is rounded a bit differently.
    const whole = decode(await rasterize(svg.replaceAll(/<svg x=/g, '<svg overflow="visible" x=')));
    const { data } = decode(await picture.png({ zoom: 1 }));
    assert.ok(!data.some((byte, i) => Math.abs(byte - whole.data[i]) > 64), 'a chart cuts something off');
    // Text that is cut off runs through the margin.
    const pixel = await pixelsOf(picture);
    for (let y = 0; y < height; y++) assert.equal(pixel(width - 2, y), [255, 255, 255], `row ${y}`);
  });
}

pictures('save: by the ending, whole, with folders; or not at all', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wgrad-pictures-'));
  try {
    const picture = await imageGrid(shapes, { count: 1 });
    const within = join(folder, 'new/pictures');
    await picture.save(join(within, 'one.svg'));
    await picture.save(join(within, 'one.PNG'), { zoom: 1 });
    assert.is(await readFile(join(within, 'one.svg'), 'utf8'), picture.svg);
    assert.is(decode(await readFile(join(within, 'one.PNG'))).width, picture.width);
    await mkdir(join(within, 'folder.png'));
    await rejects(() => picture.save(join(within, 'folder.png')), FileError, /folder\.png/);
    await rejects(() => picture.save(join(within, 'one.jpg')), ArgumentError, /\.svg or \.png, got '.*one\.jpg'/);
    await rejects(() => picture.save(join(within, 'two.png'), { zoom: -1 }), ArgumentError, /zoom above 0.* got -1/);
    assert.equal((await readdir(within)).sort(), ['folder.png', 'one.PNG', 'one.svg']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

pictures('png: a zoom that is no size', async () => {
  const picture = await imageGrid(shapes, { count: 1 });
  for (const zoom of [0, NaN, Infinity, 1e4]) {
    await rejects(() => picture.png({ zoom }), ArgumentError, new RegExp(`zoom above 0.* got ${zoom}`));
  }
  await rejects(() => picture.png(wrong({ scale: 2 })), ArgumentError, /no option 'scale'/);
});

const images = suite('pictures: imageGrid');

images('pixels are sharp squares, in frames that say right or wrong', async () => {
  const data = new Uint8Array(2 * 32 * 32 * 3).fill(200, 32 * 32 * 3);
  data.set([10, 20, 30], 3);
  const options = { labels: [0, 1], predictions: [0.9, 0.1, 0.7, 0.3], classNames: ['cat', 'dog'] };
  const picture = await imageGrid({ shape: [2, 32, 32, 3], data }, options);
  const pixel = await pixelsOf(picture);
  // The first image's corner; its second pixel covers three by three.
  assert.equal(
    [pixel(36, 56), pixel(38, 56)],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  );
  assert.equal(
    [pixel(39, 56), pixel(41, 58)],
    [
      [10, 20, 30],
      [10, 20, 30],
    ],
  );
  assert.equal(
    [pixel(42, 56), pixel(39, 59)],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  );
  assert.equal(pixel(34, 60), GREEN);
  assert.equal(pixel(128 + 36, 56), [200, 200, 200]);
  assert.equal(pixel(128 + 34, 60), ORANGE);
  assert.match(picture.svg, 'image-rendering="pixelated"'); // For browsers.
  assert.equal(wordsOf(picture), ['1 of 2 images right (50.0 %)', 'cat 90 %', 'true: cat', 'cat 70 %', 'true: dog']);
});

images('bytes, floats, grey, tensors and what is not finite', async () => {
  const grey = [0, 51, 102, 255];
  const shares = Float32Array.from(grey, (byte) => byte / 255);
  const of = async (given: Parameters<typeof imageGrid>[0]): Promise<number[][]> => {
    const pixel = await pixelsOf(await imageGrid(given, { title: '', zoom: 10 }));
    // Without a title, the first of at least three cells begins at 20, 20.
    return [0, 1].flatMap((y) => [0, 1].map((x) => pixel(20 + 32 / 2 + 10 * x + 5, 20 + 4 + 10 * y + 5)));
  };
  const expected = grey.map((byte) => [byte, byte, byte]);
  const shape = [1, 2, 2, 1];
  assert.equal(await of({ shape, data: Uint8Array.from(grey) }), expected);
  assert.equal(await of({ shape, data: shares }), expected);
  assert.equal(await of(tensor(shares, shape)), expected);
  assert.equal(await of(tensor(Uint8Array.from(grey), shape)), expected);
  const holes = Float32Array.of(0, NaN, Infinity, 1);
  assert.equal(await of({ shape, data: holes }), [[0, 0, 0], MAGENTA, MAGENTA, [255, 255, 255]]);
  const colours = Float32Array.of(1, 0, 0, 0, 1, 0, 0, NaN, 0, 1, 1, 1);
  assert.equal(await of({ shape: [1, 2, 2, 3], data: colours }), [[255, 0, 0], [0, 255, 0], MAGENTA, [255, 255, 255]]);
});

images('the labels of a data set, and the first of many', async () => {
  assert.equal(wordsOf(await imageGrid(shapes, { count: 2, classNames })), [
    'The first 2 images',
    ...[...shapes.labels.subarray(0, 2)].map((label) => classNames[label]),
  ]);
  const numbered = wordsOf(await imageGrid(shapes, { count: 1, labels: tensor(new Int32Array(10).fill(7)) }));
  assert.equal(numbered, ['The first 1 image', '7']);
});

images('long names do not run into each other', async () => {
  const name = 'a class of an uncommonly long name';
  const picture = await imageGrid(shapes, { count: 2, classNames: classNames.map(() => name), title: '' });
  const [left, right] = numbersOf(picture.svg, 'text', 'x');
  assert.ok(right - left > textWidth(name, { size: 14 }) + 5);
});

images('predictions: ids, rows, one-hot labels, single probabilities, and no number', async () => {
  const blank = { shape: [3, 1, 1, 1], data: new Uint8Array(3) };
  const says = async (predictions: Parameters<typeof imageGrid>[1] & object): Promise<string[]> =>
    wordsOf(await imageGrid(blank, predictions)).slice(1);
  assert.equal(await says({ predictions: [2, 0, NaN] }), ['2', '0', 'no number']);
  const rows = tensor([0.5, 0.25, 0.25, 0, 0.2, 0.8, NaN, NaN, NaN], [3, 3]);
  assert.equal(await says({ predictions: rows }), ['0 50 %', '2 80 %', 'no number']);
  assert.equal(await says({ predictions: tensor([0.9, 0.25, 0.5], [3, 1]) }), ['1 90 %', '0 75 %', '1 50 %']);
  const oneHot = [0, 1, 1, 0, 0, 1];
  const judged = await says({ labels: oneHot, predictions: [1, 1, NaN] });
  assert.equal(judged, ['1', 'true: 1', '1', 'true: 0', 'no number', 'true: 1']);
});

images('what does not fit is refused', async () => {
  const grid = (given: unknown, options?: unknown) => () => imageGrid(wrong(given), wrong(options));
  const blank = { shape: [2, 1, 1, 1], data: new Uint8Array(2) };
  await rejects(grid({ shape: [4, 4], data: new Uint8Array(16) }), ShapeError, /imageGrid: expected images \[count/);
  await rejects(grid({ shape: [1, 2, 2, 3], data: new Uint8Array(4) }), ShapeError, /4 values/);
  await rejects(grid({ shape: [1, 1, 1, 1], data: [1] }), DtypeError, /bytes or floats, got an array \[1\]/);
  await rejects(grid({ shape: [1, 1, 1, 1], data: Float32Array.of(7) }), ArgumentError, /from 0 to 1, got 7.* by 255/);
  await rejects(grid(blank, { labels: [1] }), ShapeError, /labels of 2 examples.* got \[1\]/);
  await rejects(grid(blank, { predictions: [1, 2, 3] }), ShapeError, /predictions of 2 examples/);
  await rejects(grid(blank, { predictions: [0.5, 1.5] }), ArgumentError, /class ids from 0, or probabilities, got 1.5/);
  await rejects(grid(blank, { labels: [0, -1] }), ArgumentError, /labels to be class ids.* got -1/);
  const nan = { labels: [NaN, 0], predictions: [NaN, 0] };
  await rejects(grid(blank, nan), ArgumentError, /label 0 is no number/);
  await rejects(grid(blank, { column: 2 }), ArgumentError, /no option 'column'.*'columns'/);
  await rejects(grid(blank, { columns: 0 }), ArgumentError, /columns must be/);
  await rejects(grid(blank, { zoom: 0 }), ArgumentError, /zoom must be a finite number above 0/);
});

const filters = suite('pictures: filterGrid');

/** The colour in the middle of a weight of the first tile of an image of the document. */
async function weightOf(picture: Picture, image: number, row: number, column: number, zoom: number): Promise<number[]> {
  const [x, y] = ['x', 'y'].map((axis) => numbersOf(picture.svg, 'image', axis)[image]);
  return (await pixelsOf(picture))(Math.floor(x + (column + 0.5) * zoom), Math.floor(y + (row + 0.5) * zoom));
}

filters('a weight has its colour: grey for zero, magenta for what is not finite', async () => {
  const data = new Float32Array(3 * 3 * 3 * 2);
  data.set([1, -1, 0.5], 0); // At the top left: red of two filters, green of the first.
  data[6] = Infinity; // The next spot of the first filter.
  const picture = await filterGrid({ name: 'a/kernel', shape: [3, 3, 3, 2], data });
  assert.equal(await weightOf(picture, 0, 0, 0, 12), [255, 191, 128]);
  assert.equal(await weightOf(picture, 0, 0, 1, 12), MAGENTA);
  assert.equal(await weightOf(picture, 0, 2, 2, 12), [128, 128, 128]);
  // Three weights and a gap of one to the second filter, which has a scale of its own.
  assert.equal(await weightOf(picture, 0, 0, 4, 12), [0, 128, 128]);
  assert.match(textOf(picture), '2 filters of a/kernel, 3 × 3: 1 of 54 weights is not finite');
  assert.match(textOf(picture), 'Magenta is not finite.');
});

filters('before and after stand side by side, on one scale where asked', async () => {
  const before = kernel((i) => (i === 0 ? 1 : 0), [1, 1, 1, 1]);
  const after = tensor([-2], [1, 1, 1, 1]);
  const own = await filterGrid({ before, after });
  assert.equal(
    [await weightOf(own, 0, 0, 0, 36), await weightOf(own, 1, 0, 0, 36)],
    [
      [255, 255, 255],
      [0, 0, 0],
    ],
  );
  const shared = await filterGrid({ before, after }, { scale: 'all' });
  assert.equal(await weightOf(shared, 0, 0, 0, 36), [191, 191, 191]);
  assert.match(textOf(shared), 'White is 2 or more, black -2 or less.');
  assert.equal(wordsOf(own).slice(-2), ['before', 'after']);
});

filters('filters of other channels: a row a filter, a column a channel', async () => {
  const picture = await filterGrid(kernel(Math.sin, [3, 3, 5, 2]));
  const [width, height] = ['width', 'height'].map((side) => numbersOf(picture.svg, 'image', side)[0]);
  assert.equal([width / 12, height / 12], [5 * 3 + 4, 2 * 3 + 1]);
  assert.match(textOf(picture), 'A row is a filter');
  const narrow = await filterGrid(kernel(Math.sin, [3, 3, 5, 2]), { columns: 2 });
  assert.not.match(textOf(narrow), 'A row is a filter');
});

filters('what is no kernel is refused', async () => {
  const grid = (given: unknown, options?: unknown) => () => filterGrid(wrong(given), wrong(options));
  await rejects(grid(kernel(Math.sin, [4, 4])), ShapeError, /expected a kernel \[height.* got shape \[4, 4\]/);
  const two = { before: kernel(Math.sin), after: kernel(Math.sin, [3, 3, 3, 5]) };
  await rejects(grid(two), ShapeError, /one shape, got \[3, 3, 3, 4\] and \[3, 3, 3, 5\]/);
  await rejects(grid(kernel(Math.sin), { scale: 'every' }), ArgumentError, /'each', 'all' or a number/);
  await rejects(grid(kernel(Math.sin), { zoom: NaN }), ArgumentError, /zoom must be a finite number above 0/);
});

filters('pixels: montage leaves a white gap, and a number as scale cuts off', () => {
  const [one] = filterPixels(
    kernel((i) => [4, -4, 1, 0][i], [2, 2, 1, 1]),
    { scale: 2 },
  );
  assert.equal([...one.data], [255, 255, 255, 0, 0, 0, 191, 191, 191, 128, 128, 128]);
  const [dark] = imagePixels({ shape: [1, 1, 1, 1], data: Uint8Array.of(9) });
  const both = montage([dark, dark, dark], 2);
  assert.equal([both.width, both.height], [3, 3]);
  assert.equal([...both.data.subarray(0, 9)], [9, 9, 9, 255, 255, 255, 9, 9, 9]);
  assert.equal(montage([], 2), { width: 0, height: 0, data: new Uint8Array() });
});

const matrix = suite('pictures: confusionMatrix');

matrix('counts: rows of true, columns of predicted classes, and one of no number', () => {
  const nan = [NaN, NaN];
  assert.equal(confusionCounts([0, 1, 1, 1], [0.9, 0.1, 0.8, 0.2, 0.3, 0.7, ...nan], 2), [
    [1, 0, 0],
    [1, 1, 1],
  ]);
  assert.equal(confusionCounts([], [], 2), [
    [0, 0, 0],
    [0, 0, 0],
  ]);
  assert.throws(() => confusionCounts([0], [1], 2), /1 labels and 2 classes need 2 predictions, got 1\. Pass/);
  assert.throws(() => confusionCounts([2], [1, 0], 2), /label 0 is 2, expected a whole number from 0 to 1/);
});

matrix('likeliest: the first of the largest finite ones', () => {
  assert.equal(likeliest([0.1, 0.6, 0.6]), { index: 1, probability: 0.6 });
  assert.equal(likeliest([NaN, -3, Infinity]), { index: 1, probability: -3 });
  assert.equal(likeliest([NaN]), { index: -1, probability: NaN });
});

/** Counts and colours of the cells, in the order of the rows. */
async function cellsOf(picture: Picture, columns: number): Promise<{ colour: string; xs: number[] }[][]> {
  const rects = [
    ...picture.svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="[\d.]+" fill="(#\w+)"/g),
  ];
  const cells = rects.map(([, x, colour]) => ({ colour, xs: [Number(x)] }));
  return Array.from({ length: cells.length / columns }, (_, row) => cells.slice(row * columns, (row + 1) * columns));
}

matrix('cells: the deeper the larger their share of the row; green on the diagonal', async () => {
  const picture = await confusionMatrix({
    labels: [0, 0, 0, 0, 1],
    predictions: [0, 0, 0, 1, 1],
    classNames: ['cat', 'dog'],
  });
  const [[catCat, catDog], [dogCat, dogDog]] = await cellsOf(picture, 2);
  assert.is(dogDog.colour, '#009e73'); // All of its row.
  assert.is(catCat.colour, tint('#009E73', 0.75));
  assert.is(catDog.colour, tint('#D55E00', 0.25));
  assert.is(dogCat.colour, '#f3f3f3');
  const words = wordsOf(picture);
  assert.equal(words[0], '80.0 % right; cat is taken for dog once');
  assert.match(words[1], '5 examples.');
  assert.equal(words.slice(-9), ['3', '1', '1', 'cat', 'dog', 'cat', 'dog', 'true', 'predicted']);
  const [x, y] = ['x', 'y'].map((axis) => numbersOf(picture.svg, 'rect', axis)[3]);
  assert.equal((await pixelsOf(picture))(Math.ceil(x) + 2, Math.ceil(y) + 2), GREEN);
});

matrix('a column of no number is there only where one is needed', async () => {
  const labels = [0, 1];
  assert.not.ok(wordsOf(await confusionMatrix({ labels, predictions: [0, 1] })).includes('no number'));
  const picture = await confusionMatrix({ labels, predictions: tensor([1, 0, NaN, NaN], [2, 2]) });
  assert.ok(wordsOf(picture).includes('no number'));
  assert.match(textOf(picture), '50.0 % right; 1 has no number');
  assert.is((await cellsOf(picture, 3))[1][2].colour, '#d55e00');
});

matrix('a hundred classes: no counts, but all names', async () => {
  const labels = Array.from({ length: 2000 }, (_, i) => i % 100);
  const picture = await confusionMatrix({ labels, predictions: labels });
  assert.match(textOf(picture), 'Grey: never.');
  assert.is(wordsOf(picture).filter((word) => word === '57').length, 2);
});

matrix('letters stand out from every colour of a cell', () => {
  const luminance = (color: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(color.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const color of ['#009E73', '#D55E00', '#0072B2', '#000000']) {
    for (let share = 0; share <= 1; share += 0.05) {
      const fill = tint(color, share);
      const [light, dark] = [luminance(fill), luminance(readableOn(fill))].sort((a, b) => b - a);
      assert.ok((light + 0.05) / (dark + 0.05) >= 4.5, `${readableOn(fill)} on ${fill}`);
    }
  }
});

matrix('what does not fit is refused', async () => {
  const draw = (options: unknown) => () => confusionMatrix(wrong(options));
  await rejects(draw({ labels: [0, 1], predictions: [0] }), ShapeError, /predictions of 2 examples/);
  const three = tensor([1, 0, 0], [1, 3]);
  await rejects(
    draw({ labels: [0], predictions: three, classNames: ['a'] }),
    ArgumentError,
    /each of 3 classes, got 1/,
  );
  await rejects(draw({ labels: [3], predictions: three }), ArgumentError, /label 0 is 3.* from 0 to 2/);
  await rejects(draw({ labels: [0], predictions: [1], classNames: ['a'] }), ArgumentError, /prediction 0 is 1/);
});

const curves = suite('pictures: plotHistory');

curves('a panel for the loss, each metric and a rate that changes; the title tells the end', async () => {
  const picture = await plotHistory(epochs);
  const words = wordsOf(picture);
  assert.is(words[0], 'Validation accuracy ends at 45.1 %; its best was 46.0 %, in epoch 2');
  for (const word of ['loss', 'accuracy (%)', 'learning rate (log scale)', '1.6 validation', '1.2 training', '0.002']) {
    assert.ok(words.includes(word), `${word} is in ${words.join(', ')}`);
  }
  const steady = await plotHistory({ ...epochs, learning_rate: [0.1, 0.1, 0.1] });
  assert.not.match(steady.svg, 'learning rate');
  const asked = await plotHistory(
    { ...epochs, learning_rate: [0.1, 0.1, 0.1] },
    { metrics: ['learning_rate'], title: '' },
  );
  assert.is(wordsOf(asked)[0], 'learning rate (log scale)');
  assert.not.match(asked.svg, 'loss');
});

curves('uprights mark single falls of the rate, not a schedule that lowers it all the time', async () => {
  const loss = [6, 5, 4, 3, 2, 1];
  const note = 'Dashed uprights: the learning rate fell.';
  const dropped = await plotHistory({ loss, learning_rate: [0.1, 0.1, 0.1, 0.01, 0.01, 0.01] });
  assert.ok(wordsOf(dropped).some((word) => word.includes(note)));
  const lowered = await plotHistory({ loss, learning_rate: [0.01, 0.1, 0.08, 0.05, 0.02, 0.01] });
  assert.not.ok(wordsOf(lowered).some((word) => word.includes(note)));
});

curves('precision, recall and F1 are shares, of AUC more is better, of errors less', async () => {
  const titleOf = async (numbers: Record<string, number[]>) =>
    wordsOf(await plotHistory({ loss: [3, 2, 1], ...numbers }))[0];
  assert.is(
    await titleOf({ precision: [0.1, 0.6, 0.5] }),
    'Training precision ends at 50.0 %; its best was 60.0 %, in epoch 2',
  );
  assert.is(await titleOf({ f1_score: [0.1, 0.2, 0.5] }), 'Training f1 score ends at its best, 50.0 %, after 3 epochs');
  assert.is(await titleOf({ auc: [0.5, 0.9, 0.8] }), 'Training auc ends at 0.8; its best was 0.9, in epoch 2');
  assert.is(await titleOf({ rmse: [0.5, 0.1, 0.2] }), 'Training rmse ends at 0.2; its best was 0.1, in epoch 2');
});

curves('the noise scale of gradients has a panel behind the metrics, and no title', async () => {
  const { learning_rate, ...others } = epochs;
  const noise = { gradient_noise_scale: [40, 310, Number.POSITIVE_INFINITY] };
  const words = wordsOf(await plotHistory({ ...noise, ...others, learning_rate }));
  const places = ['loss', 'accuracy (%)', 'gradient noise scale (log scale)', 'learning rate (log scale)'].map((word) =>
    words.indexOf(word),
  );
  assert.ok(
    places.every((at, i) => at > (places[i - 1] ?? 0)),
    words.join(', '),
  );
  assert.match(words[0], /^Validation accuracy/);
  assert.ok(words.includes('310, then Infinity'), words.join(', '));
  const alone = await plotHistory({ loss: [2, 1, 0.5], gradient_noise_scale: [40, 50, 60] });
  assert.is(wordsOf(alone)[0], 'Training loss ends at its best, 0.5, after 3 epochs');
});

curves('a History, its record, and several by name give the same numbers', async () => {
  const history = new History();
  history.onEpochEnd(0, { loss: 2, accuracy: 0.1 });
  history.onEpochEnd(1, { loss: 1, accuracy: 0.5 });
  const one = await plotHistory(history);
  assert.is((await plotHistory(history.history)).svg, one.svg);
  assert.is(wordsOf(one)[0], 'Training accuracy ends at its best, 50.0 %, after 2 epochs');
  const two = await plotHistory({ history, other: { loss: [1, 0.9], accuracy: [0.4, 0.6] } });
  const words = wordsOf(two);
  assert.is(words[0], 'other ends highest, at 60.0 % training accuracy');
  assert.ok(words.includes('history: 50.0 %') && words.includes('other: 0.9'));
  assert.match(two.svg, '#0072B2');
  assert.match(two.svg, '#D55E00');
});

curves('the loss is on a logarithmic axis where it spans much, or where asked', async () => {
  const heads = async (loss: number[], logarithmic?: boolean) =>
    wordsOf(await plotHistory({ loss }, { logarithmic, title: '' }))[0];
  assert.is(await heads([2, 1]), 'loss');
  assert.is(await heads([20, 1]), 'loss (log scale)');
  assert.is(await heads([20, 1], false), 'loss');
  assert.is(await heads([2, 1], true), 'loss (log scale)');
  // There is no logarithm of zero.
  assert.is(await heads([20, 0], true), 'loss');
});

curves('a curve that ends in no number says so, and has a cross', async () => {
  const crosses = ({ svg }: Picture): number => [...svg.matchAll(/ d="M-[\d.,-]+L[\d.,]+M-[\d.,]+L[\d.,-]+"/g)].length;
  const picture = await plotHistory(broken);
  const words = wordsOf(picture);
  assert.is(words[0], 'Validation accuracy was 10.0 % when it turned to NaN in epoch 2');
  for (const word of ['9.5, then NaN training', '3, then Infinity validation', '10.0 %, then NaN validation']) {
    assert.ok(words.includes(word), `${word} is in ${words.join(', ')}`);
  }
  assert.match(words[1], '×: the last number of a run');
  assert.is(crosses(await plotHistory(epochs)), 0);
  assert.is(crosses(picture), 3);
  assert.ok(wordsOf(await plotHistory(lost)).includes('no finite number'));
  const several = wordsOf(await plotHistory({ good: epochs, lost }));
  assert.is(several[0], 'good ends at 45.1 % validation accuracy');
  assert.ok(several.includes('lost: NaN'));
});

curves('every second validation is drawn at every second epoch', async () => {
  const loss = [6, 5, 4, 3, 2, 1];
  const ends = async (val_loss: number[]): Promise<number[]> => {
    const { svg } = await plotHistory({ loss, val_loss }, { title: '', logarithmic: false });
    const [path] = [...svg.matchAll(/<path[^>]* d="(M[^"]*L[^"]*)"[^>]*stroke-width="2.5"/g)].map(([, d]) => d);
    return path
      .split(/[ML]/)
      .slice(1)
      .map((point) => Number(point.split(',')[0]));
  };
  assert.equal(
    await ends([5, 3, 1]),
    (await ends(loss)).filter((_, i) => i % 2 === 1),
  );
});

curves('what is no history is refused', async () => {
  const plot = (given: unknown, options?: unknown) => () => plotHistory(wrong(given), wrong(options));
  await rejects(plot({ a: epochs, b: 3 }), ArgumentError, /'b' is 3/);
  await rejects(plot(epochs, { metrics: ['acuracy'] }), ArgumentError, /no metric 'acuracy'.*'accuracy'/);
  await rejects(plot(epochs, { width: 10 }), ArgumentError, /width must be .* at least 400/);
  await rejects(plot(epochs, { log: true }), ArgumentError, /no option 'log'/);
});

const own = suite('pictures: of your own');

own('one is put together from text, charts and other pictures', async () => {
  const [x, y] = [
    [0, 1, 2],
    [1, 10, 100],
  ];
  const lines = await linePanel({
    width: 300,
    height: 200,
    lines: [{ x, y, color: PALETTE[0], label: 'grows' }],
    x: { title: 'year', max: 2 },
    y: { title: '', min: 1, max: 100, log: true },
  });
  const bars = await barPanel({
    width: 200,
    height: 100,
    bars: [{ name: 'one', value: 3, label: 'three', color: PALETTE[1] }],
    title: 'how many',
    max: 4,
    named: true,
  });
  const images = await imageGrid({ shape: [1, 2, 2, 1], data: new Uint8Array([0, 255, 0, 255]) }, { title: '' });
  const lead = paragraph(10, 30, 'a title of several words that wraps', 120, { size: 20 });
  const picture = new Picture(639.5, 400, [
    `<rect x="0" y="0" width="5" height="5" fill="${PALETTE[2]}"/>`,
    lead.svg,
    text(620, 20, '<end>', { size: 12, anchor: 'end' }),
    place(0, 150, lines),
    place(320, 150, bars),
    place(320, 260, images.svg),
  ]);
  assert.equal([picture.width, picture.height], [640, 400]);
  new Resvg(picture.svg); // It parses XML.
  const at = await pixelsOf(picture);
  assert.equal(at(2, 2), [0x00, 0x80, 0x5f]);
  assert.equal(at(600, 5), [255, 255, 255]);
  const words = textOf(picture);
  for (const word of ['grows', 'year', 'one', 'three', 'how many', '&lt;end&gt;']) assert.match(words, word);
  // Round numbers on the logarithmic axis, unasked.
  for (const tick of ['1', '2', '5', '10', '20', '50', '100']) assert.ok(wordsOf(picture).includes(tick), tick);
  const rows = [...lead.svg.matchAll(/<text /g)].length;
  assert.ok(rows > 1);
  assert.is(lead.nextY, 30 + rows * 25);
});

own('without a size it is refused', async () => {
  for (const [width, height] of [
    [0, 10],
    [10, -1],
    [Number.NaN, 10],
    [10, Number.POSITIVE_INFINITY],
  ]) {
    await rejects(
      async () => new Picture(width, height, []),
      ArgumentError,
      /^Picture: expected a width and a height above 0/,
    );
  }
});

own('falls of a rate, and room for labels', () => {
  assert.equal(rateFalls([0.1, 0.1, 0.05, 0.049_999, 0.01, 0.02]), [2, 4]);
  assert.equal(spread([5, 1, 5.5], 2, [0, 10]), [4.25, 1, 6.25]);
  assert.equal(spread([10, 10], 2, [0, 10]), [8, 10]);
});

const gallery = suite('pictures: gallery');

gallery('its pictures are small', async () => {
  const folder = fileURLToPath(new URL('../docs/gallery/', import.meta.url));
  const files = await Promise.all((await readdir(folder)).map((name) => readFile(folder + name)));
  assert.is(files.length, 4);
  assert.ok(files.every(({ length }) => length < 60_000));
  assert.ok(files.reduce((sum, { length }) => sum + length, 0) < 250_000);
});

pictures.run();
images.run();
filters.run();
matrix.run();
curves.run();
own.run();
gallery.run();
