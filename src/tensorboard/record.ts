/**
 * TFRecord, the framing of an event file: the payload's length (64 bits, little endian), its checksum, the payload, its
 * checksum.
 */
import { crc32c } from '@aws-crypto/crc32c';

const HEADER = 12;
const FOOTER = 4;
const MASK = 0xa282ead8;

/** A checksum of data that holds checksums itself would be weak: the format turns the bits and adds a number. */
function maskedChecksum(bytes: Uint8Array): number {
  const checksum = crc32c(bytes);
  return (((checksum >>> 15) | (checksum << 17)) + MASK) >>> 0;
}

export function encodeRecord(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER + payload.length + FOOTER);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(payload.length), true);
  view.setUint32(8, maskedChecksum(record.subarray(0, 8)), true);
  record.set(payload, HEADER);
  view.setUint32(HEADER + payload.length, maskedChecksum(payload), true);
  return record;
}

/** Bytes of the sound records, up to the first that is not, among the first `most` bytes: a reader gets no further. */
export function wholeRecords(content: Uint8Array, most: number): number {
  const known = content.subarray(0, most);
  const view = new DataView(known.buffer, known.byteOffset, known.byteLength);
  let whole = 0;
  while (whole + HEADER <= known.length) {
    const length = Number(view.getBigUint64(whole, true));
    const end = whole + HEADER + length;
    const sound =
      view.getUint32(whole + 8, true) === maskedChecksum(known.subarray(whole, whole + 8)) &&
      end + FOOTER <= known.length &&
      view.getUint32(end, true) === maskedChecksum(known.subarray(whole + HEADER, end));
    if (!sound) break;
    whole = end + FOOTER;
  }
  return whole;
}
