/** The links of Markdown pages that lead to files and headings beside them. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A block between fences. */
export const FENCE = /^```(.*)\n([\s\S]*?)^```$/gm;

const proseOf = (path: string): string => readFileSync(path, 'utf8').replace(FENCE, '');

/** The anchors of a page: those of its headings, as code hosts make them, and those that it names itself. */
function anchorsOf(prose: string): Set<string> {
  const anchors = new Set([...prose.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id));
  for (const [, heading] of prose.matchAll(/^#+ (.*)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    // Of headings that are alike, the second has a number.
    let name = anchor;
    for (let again = 1; anchors.has(name); again++) name = `${anchor}-${again}`;
    anchors.add(name);
  }
  return anchors;
}

/** The links of `pages`, paths within `root`, that lead nowhere, each with its page. */
export function deadLinks(root: string, pages: readonly string[]): string[] {
  const known = new Map<string, Set<string>>();
  const leads = (file: string, anchor: string | undefined): boolean => {
    const path = join(root, file);
    if (!existsSync(path)) return false;
    if (anchor === undefined) return true;
    const anchors = known.get(path) ?? anchorsOf(proseOf(path));
    known.set(path, anchors);
    return anchors.has(anchor);
  };
  return pages.flatMap((page) =>
    [...proseOf(join(root, page)).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path, anchor] = target.split('#');
        return !leads(path === '' ? page : join(dirname(page), path), anchor);
      })
      .map((target) => `${page}: ${target}`),
  );
}
