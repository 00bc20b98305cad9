/**
 * Everything that `/metrics` shows, in one registry of its own: several routers may live in one process.
 *
 * @module
 */

import { Counter, Histogram, Registry } from "prom-client";
import type { AdminSources } from "./admin_sources.ts";
import { EventLoopWatch } from "./event_loop.ts";
import { addGroupKeeperMetrics, addGroupMetrics } from "./group_metrics.ts";
import { addGauges } from "./metric_family.ts";
import { addProcessMetrics } from "./process_metrics.ts";
import { addPushMetrics, addQueueMetrics } from "./push_metrics.ts";
import { addRedisMetrics } from "./redis_metrics.ts";
import { addRouterMetrics } from "./router_metrics.ts";

const DELAY_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

/** The metrics of one router. */
export class Metrics {
  /** Looks at the event loop once it is started. */
  readonly eventLoop: EventLoopWatch;
  readonly #registry = new Registry();
  readonly #responses: Counter<"path" | "code">;

  /**
   * Names what there is to see.
   *
   * @param sources what to look at; only what is there gets metrics
   */
  constructor(sources: AdminSources) {
    const registers = [this.#registry];
    addRouterMetrics(this.#registry, sources);
    addGroupMetrics(this.#registry, sources.router.decisions);
    if (sources.groups !== undefined) addGroupKeeperMetrics(this.#registry, sources.groups);
    if (sources.push !== undefined) addPushMetrics(this.#registry, sources.push);
    if (sources.queue !== undefined) addQueueMetrics(this.#registry, sources.queue);
    if (sources.redis !== undefined) addRedisMetrics(this.#registry, sources.redis);
    addProcessMetrics(this.#registry, sources.version);
    const delays = new Histogram({
      name: "imr_event_loop_delay_seconds",
      help: "How late a timer came, looked at 20 times a second",
      buckets: DELAY_BUCKETS,
      registers,
    });
    this.eventLoop = new EventLoopWatch((seconds) => delays.observe(seconds));
    addGauges(this.#registry, [{
      name: "imr_event_loop_delay_max_seconds",
      help: "The greatest delay of the last 30 to 60 s",
      read: (put) => put(this.eventLoop.maxSeconds),
    }, {
      name: "imr_ready",
      help: "1 when the router should get connections, else 0",
      read: (put) => put(sources.notReadyReasons().length === 0 ? 1 : 0),
    }]);
    this.#responses = new Counter({
      name: "imr_http_responses_total",
      help: "Answers of the admin port by path (other: no such path) and status",
      labelNames: ["path", "code"],
      registers,
    });
  }

  /** The media type of {@linkcode Metrics.text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Names of all metrics. */
  get names(): string[] {
    return this.#registry.getMetricsAsArray().map(({ name }) => name);
  }

  /**
   * Counts an answer of the admin port.
   *
   * @param path one of the paths that there are, or "other"
   * @param code its status
   */
  countResponse(path: string, code: number): void {
    this.#responses.inc({ path, code: String(code) });
  }

  /** All metrics as they are now, in the text format of Prometheus. */
  async text(): Promise<string> {
    return await this.#registry.metrics();
  }
}
