/**
 * Which of some words may have been meant.
 *
 * @module
 */

import { findSimilar } from "@optique/core/suggestion";

/**
 * Finds the word that is most like another, by the rule that the command line has for its options.
 *
 * @returns undefined when none is
 */
export function nearest(word: string, words: readonly string[]): string | undefined {
  return findSimilar(word, words, { maxSuggestions: 1 })[0];
}
