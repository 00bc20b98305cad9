/**
 * Compares what a list holds with the jobs that were sent, number by number.
 *
 * @module
 */

import assert from "node:assert/strict";
import { jobOf, type List } from "./publisher.ts";

/** The numbers of the jobs of a list, in its order; each job is checked in full. */
export function numbersOf(list: List, jobs: readonly string[]): number[] {
  return jobs.map((text) => {
    const job = JSON.parse(text);
    const number = Number(String(job.content).split(" ")[1]);
    assert.deepEqual(job, jobOf(list, number));
    return number;
  });
}

/** What differs between numbers and `first` to `last`, each once and in order; empty when nothing does. */
export function differences(numbers: readonly number[], first: number, last: number): string[] {
  const times = new Map<number, number>();
  for (const number of numbers) times.set(number, (times.get(number) ?? 0) + 1);
  const all = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  const unique = [...times.keys()];
  const disorder = unique.findIndex((number, i) => i > 0 && number < unique[i - 1]!);
  return [
    ...said("missing", all.filter((number) => !times.has(number))),
    ...said("more than once", unique.filter((number) => times.get(number)! > 1)),
    ...said("not expected", unique.filter((number) => number < first || number > last)),
    ...disorder < 0 ? [] : [`${unique[disorder]} behind ${unique[disorder - 1]}`],
  ];
}

/** The numbers from 1 to `last` that are not there, as runs from one to another. */
export function gapsOf(numbers: readonly number[], last: number): [from: number, to: number][] {
  const there = new Set(numbers);
  return runsOf(Array.from({ length: last }, (_, i) => i + 1).filter((i) => !there.has(i)));
}

/** `what: 1-5 9`; nothing when there are no numbers. */
function said(what: string, numbers: readonly number[]): string[] {
  if (numbers.length === 0) return [];
  const runs = runsOf(numbers.toSorted((a, b) => a - b));
  return [`${what}: ${runs.map(([from, to]) => from === to ? from : `${from}-${to}`).join(" ")}`];
}

function runsOf(numbers: readonly number[]): [from: number, to: number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && number === run[1] + 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}
