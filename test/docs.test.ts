/**
 * The documentation: its programs compile under strict and print what they say, its links lead somewhere, and every
 * public name stands in it.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as wgrad from '../src/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = ['README.md', ...readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'))].map((file) =>
  file === 'README.md' ? file : `docs/${file}`,
);
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

const FENCE = /^```(.*)\n([\s\S]*?)^```$/gm;

interface Program {
  readonly name: string;
  readonly text: string;
  /** False: it is only compiled. */
  readonly runs: boolean;
}

/** The quick start is a file of this repository, which the tests of the examples run. */
const LOCAL = "'../src/index.ts'";

/** The blocks of a page are one program, from top to bottom; a block that is not run here stands on its own. */
function programsOf(page: string): Program[] {
  const name = basename(page, '.md').toLowerCase();
  const blocks = [...textOf(page).matchAll(FENCE)].map(([, language, text]) => ({ language, text }));
  const alone = blocks.filter(({ language, text }) => language === 'ts no-run' || text.includes(LOCAL));
  const run = blocks.filter((block) => block.language === 'ts' && !alone.includes(block));
  return [
    { name, text: run.map(({ text }) => text).join('\n'), runs: true },
    ...alone.map(({ text }, at) => ({ name: `${name}-${at + 1}`, text: text.replace(LOCAL, "'wgrad'"), runs: false })),
  ].filter(({ text }) => text !== '');
}

const programs = pages.flatMap(programsOf);

/** Runs a command; resolves with its code and all that it printed. */
const run = (
  cwd: string,
  env: NodeJS.ProcessEnv,
  args: readonly string[],
): Promise<{ code: unknown; output: string }> =>
  new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...env }, timeout: 60_000, maxBuffer: 2 ** 24 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), output: stdout + stderr });
    });
  });

let folder = '';
const config = (): string => join(folder, 'tsconfig.json');

const docs = suite('docs');
docs.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-docs-'));
  const at = (path: string): string[] => [join(root, path)];
  const compilerOptions = {
    types: ['@webgpu/types', '@types/node'].map((name) => join(root, 'node_modules', name)),
    paths: {
      '#platform': at('src/platform/node.ts'),
      '#raster': at('src/pictures/raster/node.ts'),
      wgrad: at('src/index.ts'),
      'wgrad/npz': at('src/io/npz.ts'),
      'wgrad/onnx': at('src/io/onnx.ts'),
      'wgrad/op': at('src/op.ts'),
      'wgrad/pictures': at('src/pictures/index.ts'),
      'wgrad/tensorboard': at('src/tensorboard/index.ts'),
    },
    // A page shows what it can be done with a thing, not always all of it.
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  const extended = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.mts'] };
  await writeFile(config(), JSON.stringify(extended));
  for (const { name, text } of programs) {
    await writeFile(join(folder, `${name}.mts`), `${text}\nexport {};\n`);
  }
});
docs.after(() => rm(folder, { recursive: true, force: true }));

docs('the programs compile', async () => {
  const { code, output } = await run(root, {}, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config()]);
  assert.is(code, 0, output);
});

/** What a program says that it prints: the lines `// → text`, in order. */
const expectations = (text: string): string[] => [...text.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);

for (const { name, text, runs } of programs) {
  if (!runs) continue;
  docs(`${name} runs and prints what it says`, async () => {
    const cwd = join(folder, name);
    await mkdir(cwd);
    const { code, output } = await run(cwd, { TSX_TSCONFIG_PATH: config() }, [
      '--import',
      import.meta.resolve('tsx'),
      join(folder, `${name}.mts`),
    ]);
    assert.is(code, 0, output);
    let at = 0;
    for (const line of expectations(text)) {
      const found = output.indexOf(line, at);
      assert.ok(found >= 0, `not printed, or too early: ${line}\n${output}`);
      at = found + line.length;
    }
  });
}

const prose = (page: string): string => textOf(page).replace(FENCE, '');

/** The anchors of a page's headings, as code hosts make them. */
const anchorsOf = (page: string): string[] =>
  [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

docs('links lead to files and headings that exist', () => {
  const dead: string[] = [];
  for (const page of pages) {
    for (const [, target] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path, anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      const sound = existsSync(join(root, file)) && (anchor === undefined || anchorsOf(file).includes(anchor));
      if (!sound) dead.push(`${page}: ${target}`);
    }
  }
  assert.equal(dead, []);
});

docs('every public name stands in a guide or the README', () => {
  const words = new Set(pages.flatMap((page) => textOf(page).match(/\w+/g) ?? []));
  assert.equal(
    Object.keys(wgrad).filter((name) => !words.has(name)),
    [],
  );
});

docs.run();
