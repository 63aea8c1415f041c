/** What the page makes of files that are dropped on it, by their names. Pure. */

const IMAGES = /\.(bin|tar\.gz|tgz)$/i;
const MODEL = /\.safetensors$/i;

export interface Sorted<Of> {
  readonly images: readonly Of[];
  /** One at most. */
  readonly models: readonly Of[];
  /** Why none of them is taken; null where all are. */
  readonly refusal: string | null;
}

export function sorted<Of extends { readonly name: string }>(files: readonly Of[]): Sorted<Of> {
  const images = files.filter(({ name }) => IMAGES.test(name));
  const models = files.filter(({ name }) => MODEL.test(name));
  const other = files.find((file) => !images.includes(file) && !models.includes(file));
  const refuse = (refusal: string): Sorted<Of> => ({ images: [], models: [], refusal });
  if (other !== undefined) {
    return refuse(
      `${other.name}: this is neither a .bin file nor a .tar.gz archive of CIFAR-10, nor a model as .safetensors. Drop one of those, and no folder.`,
    );
  }
  if (models.length > 1) {
    return refuse(`${models.map(({ name }) => name).join(' and ')}: a run begins with one model. Drop one of them.`);
  }
  return { images, models, refusal: null };
}
