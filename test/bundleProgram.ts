import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface Bundling {
  /** Beside the tests: its imports are relative to them. */
  readonly text: string;
  /** Where `program.mjs` goes. */
  readonly outDir: string;
  readonly platform: 'node' | 'browser';
  /** Whether names are shortened, as for a page. Default false. */
  readonly minify?: boolean;
}

/**
 * A program made of the sources for one platform, which Node starts without compiling TypeScript, and that may be the other
 * platform's. Returns its path.
 */
export async function bundleProgram({ text, outDir, platform, minify = false }: Bundling): Promise<string> {
  const entry = join(root, 'test', 'bundled program.ts');
  await build({
    configFile: false,
    logLevel: 'error',
    root,
    resolve: {
      alias: Object.fromEntries(
        ['datasets', 'platform'].map((part) => [
          `#${part}`,
          join(root, `src/${part}`, platform === 'node' ? 'node/index.ts' : 'browser.ts'),
        ]),
      ),
    },
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === entry ? entry : null),
        load: (id) => (id === entry ? text : null),
      },
    ],
    build: {
      ssr: entry,
      outDir,
      target: 'node20',
      minify,
      rollupOptions: { output: { entryFileNames: 'program.mjs' } },
    },
    ssr: platform === 'node' ? { external: ['webgpu'] } : { noExternal: true },
  });
  return join(outDir, 'program.mjs');
}
