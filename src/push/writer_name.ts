/**
 * Names of writers: each process numbers its jobs under a name of its own.
 *
 * @module
 */

const BYTES = 8;

/** A name that no process had before: 16 random hexadecimal digits. */
export function newWriterName(): string {
  return crypto.getRandomValues(new Uint8Array(BYTES)).toHex();
}
