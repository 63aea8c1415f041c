/** Which images a network was right about: a bit an image, in base64, so that two networks can be compared image by image. */

/** Of what stands for true and false, in the order of the images. */
export function packRight(right: ArrayLike<boolean | number>): string {
  const bytes = new Uint8Array(Math.ceil(right.length / 8));
  for (let i = 0; i < right.length; i++) if (right[i]) bytes[i >> 3] |= 1 << (i & 7);
  return btoa(String.fromCharCode(...bytes));
}

/** A 1 for each image that it was right about, else 0. */
export function unpackRight(packed: string, images: number): Uint8Array {
  const bytes = atob(packed);
  return Uint8Array.from({ length: images }, (_, i) => (bytes.charCodeAt(i >> 3) >> (i & 7)) & 1);
}

/**
 * Of a network's probabilities [images, classes], row by row: the class with the largest one counts, the first of equals. A row
 * that has a NaN is wrong.
 */
export function rightOf(labels: ArrayLike<number>, probabilities: ArrayLike<number>, classes: number): Uint8Array {
  return Uint8Array.from({ length: labels.length }, (_, i) => {
    let top = 0;
    for (let k = 0; k < classes; k++) {
      const value = probabilities[i * classes + k];
      if (Number.isNaN(value)) return 0;
      if (value > probabilities[i * classes + top]) top = k;
    }
    return top === labels[i] ? 1 : 0;
  });
}
