/** A page with its script, its styles and its data in one file that opens without a network. */

import type { Rollup } from 'vite';

/** `folder`: of the page's index.html; `id`: of the script in it that holds the data. */
export async function bundledPage(folder: string, id: string, data: object): Promise<string> {
  // Not at the start of every program that may come to write a page: they take as long to load as all of wgrad.
  const [{ build }, { viteSingleFile }] = await Promise.all([import('vite'), import('vite-plugin-singlefile')]);
  const result = await build({
    configFile: false,
    root: folder,
    publicDir: false,
    logLevel: 'error',
    plugins: [viteSingleFile({ removeViteModuleLoader: true })],
    build: { write: false, target: 'es2022' },
  });
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput;
  const html = output.find(({ fileName }) => fileName === 'index.html');
  if (html?.type !== 'asset') throw new Error(`The page did not bundle to one file. Look into ${folder}.`);
  const json = JSON.stringify(data)
    // Whatever a text holds, it cannot end the script that it stands in.
    .replaceAll('<', '\\u003c');
  const place = `<script type="application/json" id="${id}">`;
  return String(html.source).replace(place, () => `${place}${json}`);
}
