/**
 * Which users a group has (generation 1). Known by group id alone, as the family has it.
 *
 * @module
 */

/** Groups and their members. */
export class GroupTable {
  readonly #members = new Map<bigint, Int32Array>();

  /** Groups that are known. */
  get size(): number {
    return this.#members.size;
  }

  /**
   * Makes a group known, or replaces its members.
   *
   * @param group its id
   * @param members ids of its users
   */
  set(group: bigint, members: readonly bigint[]): void {
    const halves = new Int32Array(members.length * 2);
    members.forEach((uid, i) => {
      halves[2 * i] = Number(BigInt.asIntN(32, uid >> 32n));
      halves[2 * i + 1] = Number(BigInt.asIntN(32, uid));
    });
    this.#members.set(group, halves);
  }

  /** Forgets a group. */
  delete(group: bigint): void {
    this.#members.delete(group);
  }

  /**
   * The members of a group.
   *
   * @param group its id
   * @returns pairs of 32-bit halves, high one first, in no particular order; undefined when the group is not known
   */
  members(group: bigint): Int32Array | undefined {
    return this.#members.get(group);
  }
}
