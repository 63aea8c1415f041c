/** Writes sweep.html: the sweep's page in one file that opens without a network. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Picture } from '../../src/pictures/index.ts';
import { bundledPage } from '../report/bundledPage.ts';
import { writeFile } from '../study/files.ts';
import type { PageData } from './page/pageData.ts';
import type { SweepFacts } from './plane.ts';

const PAGE = fileURLToPath(new URL('./page/', import.meta.url));

/** What the pictures show, by the names of their files; the page has a map of its own. */
const LABELS: Readonly<Record<string, string>> = {
  noise: 'The noise scale of gradients by epoch, and the batch size that it suggests',
  scaling: 'Steps, images and seconds to a target accuracy against the batch size',
  seconds: 'Seconds of training against validation accuracy, with the front of what nothing beats',
  parallel: 'Parallel coordinates of batch size, learning rate and validation accuracy',
};

/** Returns the file's path. */
export async function writePage(
  folder: string,
  facts: SweepFacts,
  words: readonly string[],
  charts: Readonly<Record<string, Picture>>,
): Promise<string> {
  const shown = Object.entries(charts).flatMap(([name, { svg }]) =>
    name in LABELS ? [{ label: LABELS[name], svg }] : [],
  );
  const data: PageData = { facts, words, charts: shown };
  const path = join(folder, 'sweep.html');
  await writeFile(path, await bundledPage(PAGE, 'sweep-data', data));
  return path;
}
