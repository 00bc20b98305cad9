/**
 * The spool in memory, with a disk that may be full.
 *
 * @module
 */

import type { ListSpool } from "../../../src/push/redis/list_writer.ts";
import { StoreError } from "../../../src/push/store_error.ts";
import { SinkFullError } from "../../../src/push/push_sink.ts";
import type { JobBatch } from "../../../src/router/job_batch.ts";
import { batchOf, textsOf } from "../fixtures.ts";

interface Row {
  readonly id: number;
  readonly writer: string;
  readonly seq: number;
  readonly text: string;
}

/** What is on the disk: it outlives a process. */
export class FakeDisk {
  rows: Row[] = [];
  /** Full: nothing can be written or deleted. */
  isFull = false;
  /** At the bound: new jobs are refused for good. */
  atBound = false;
  #lastId = 0;

  insert(writer: string, firstSeq: number, texts: readonly string[]): void {
    texts.forEach((text, i) =>
      this.rows.push({ id: ++this.#lastId, writer, seq: firstSeq + i, text })
    );
  }
}

/** One process's spool on that disk. */
export class FakeSpool implements ListSpool {
  isDead = false;
  readonly #disk: FakeDisk;
  #jobs: number;

  constructor(disk: FakeDisk) {
    this.#disk = disk;
    this.#jobs = disk.rows.length;
  }

  jobs(): number {
    return this.#jobs;
  }

  async append(_list: number, writer: string, firstSeq: number, batch: JobBatch): Promise<void> {
    const texts = textsOf(batch);
    this.#jobs += texts.length;
    await this.#turn();
    if (this.#disk.atBound || this.#disk.isFull) {
      this.#jobs -= texts.length;
      if (this.#disk.atBound) throw new SinkFullError("the spool is at its bound");
      throw new StoreError("disk_full", "no space left");
    }
    this.#disk.insert(writer, firstSeq, texts);
  }

  async peek(_list: number, jobsMax: number): ReturnType<ListSpool["peek"]> {
    await this.#turn();
    const [head] = this.#disk.rows;
    if (head === undefined) return undefined;
    const rows: Row[] = [];
    for (const row of this.#disk.rows) {
      const isNext = row.writer === head.writer && row.seq === head.seq + rows.length;
      if (!isNext || rows.length === jobsMax) break;
      rows.push(row);
    }
    return {
      writer: head.writer,
      firstSeq: head.seq,
      ids: rows.map(({ id }) => id),
      batch: batchOf(rows.map(({ text }) => text)),
    };
  }

  async delete(ids: readonly number[]): Promise<void> {
    await this.#turn();
    if (this.#disk.isFull) throw new StoreError("disk_full", "no space left");
    const gone = new Set(ids);
    this.#disk.rows = this.#disk.rows.filter(({ id }) => !gone.has(id));
    this.#jobs -= ids.length;
  }

  /** A disk takes its time; a dead process hears nothing of it. */
  async #turn(): Promise<void> {
    await null;
    if (this.isDead) await new Promise(() => {});
  }
}
