/**
 * Waiting for what another process does, with a deadline; never for a time.
 *
 * @module
 */

const LOOK_MS = 10;
/** The longest that anything may take, in milliseconds. */
export const DEADLINE_MS = 30_000;

/**
 * Looks again and again until a condition holds.
 *
 * @param holds the condition; undefined or false: not yet
 * @param what is awaited, for the message
 * @throws {Error} when it does not hold in time
 */
export async function eventually(
  holds: () => Promise<boolean> | boolean,
  what: () => string,
  ms = DEADLINE_MS,
): Promise<void> {
  const end = performance.now() + ms;
  while (!await holds()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/**
 * Does something at equal distances while a promise is pending.
 *
 * @param pending until when
 * @param ms from one start to the next, at least
 * @param act what is done
 */
export async function meanwhile(
  pending: Promise<unknown>,
  ms: number,
  act: () => Promise<unknown>,
): Promise<void> {
  let isOver = false;
  const over = pending.finally(() => isOver = true);
  over.catch(() => {}); // whoever made it hears of it
  while (!isOver) {
    await act();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([over, promise]);
    clearTimeout(timer);
  }
}
