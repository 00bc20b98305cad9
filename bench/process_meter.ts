/**
 * CPU time and memory of another process, as Linux tells them. Deno opens these files only with all permissions (`-A`).
 *
 * @module
 */

const TICKS_PER_SECOND = 100;

/** One reading. */
export interface ProcessReading {
  /** User and system time of all threads since the process started, in microseconds; steps of 10,000. */
  readonly cpuUs: number;
  /** Resident memory, in bytes. */
  readonly rssBytes: number;
}

/**
 * Reads CPU time and memory of a process.
 *
 * @param pid the process
 * @throws {Deno.errors.NotFound} when there is no such process, or no /proc
 */
export function readProcess(pid: number): ProcessReading {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The program's name stands in parentheses and may hold anything; state is the first field after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const rssKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  return { cpuUs: ticks * (1e6 / TICKS_PER_SECOND), rssBytes: rssKiB * 1024 };
}
