/** Safetensors files of any header, sound or not. */

/** The header's length in 8 bytes, the header, the data. */
export function framed(header: string, data: Uint8Array = new Uint8Array(1)): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}
