/**
 * Which of some words may have been meant.
 *
 * @module
 */

/** More letters than this are not a slip. */
const DISTANCE_MAX = 3;

/**
 * Finds the word that is most like another.
 *
 * @returns undefined when none is
 */
export function nearest<W extends string>(word: string, words: readonly W[]): W | undefined {
  let best: W | undefined;
  let least = Math.min(DISTANCE_MAX, Math.floor(word.length / 2)) + 1;
  for (const each of words) {
    const distance = distanceOf(word.toLowerCase(), each.toLowerCase());
    if (distance < least) {
      least = distance;
      best = each;
    }
  }
  return best;
}

/** Letters to put in, leave out or change, to make one word of the other. */
function distanceOf(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
