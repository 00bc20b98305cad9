/**
 * Waiting for what happens, with a deadline; never for a time.
 *
 * @module
 */

/** Lets everything run that needs no more than promises. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Waits for a condition, a turn of the event loop at a time.
 *
 * @throws {Error} when it does not hold after `ms` milliseconds
 */
export async function until(condition: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await settle();
  }
}

/**
 * Waits for a promise.
 *
 * @throws {Error} when it has not settled after `ms` milliseconds
 */
export async function within<T>(promise: Promise<T>, what: string, ms = 10_000): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
