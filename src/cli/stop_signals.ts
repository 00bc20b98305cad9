/**
 * SIGTERM and SIGINT: the first asks for an orderly end, a second one ends the process at once.
 *
 * @module
 */

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Exit status when a second signal cuts the orderly end short. */
const EXIT_CUT_SHORT = 1;

/**
 * Fires at the first signal, whose name is its reason. Listens as soon as this module is imported, which has to come before every
 * other import: as process 1 of a container a program without a handler ignores both.
 */
export const stop: AbortSignal = stopSignal();

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of SIGNALS) {
    Deno.addSignalListener(name, () => {
      if (stop.signal.aborted) Deno.exit(EXIT_CUT_SHORT);
      stop.abort(name);
    });
  }
  return stop.signal;
}
