/**
 * The token of the admin port, from a file.
 *
 * @module
 */

/** Shorter ones can be guessed. */
const CHARACTERS_MIN = 16;

/** The file holds no token that can be used; the message says why, and nothing of what it holds. */
export class TokenFileError extends Error {
  /** Tells it from a bug, and from what an operator has no hand in. */
  readonly kind = "wrong_use";
}

/**
 * Reads it.
 *
 * @param path of a file whose first line it is
 * @throws {TokenFileError} when it cannot be read, or what it holds is too short or has blanks
 */
export function readToken(path: string): string {
  let token: string;
  try {
    token = Deno.readTextFileSync(path).split(/\r?\n/, 1)[0]!;
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    throw new TokenFileError(`cannot read the token file ${path}: ${error.message}`);
  }
  if (token.length < CHARACTERS_MIN || /[^\x21-\x7e]/.test(token)) {
    throw new TokenFileError(
      `the token in ${path} has to be ${CHARACTERS_MIN} or more visible ASCII characters, such as ` +
        "`openssl rand -hex 32` prints",
    );
  }
  return token;
}
