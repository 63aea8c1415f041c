/** Numbers as a picture shows them. */

/** `0.461` as `46.1 %`. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** A value in three digits or so, or as a share in percent. */
export function short(value: number, share = false): string {
  if (!Number.isFinite(value)) return String(value);
  if (share) return percent(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}
