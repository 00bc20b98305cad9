/**
 * Who may do what over HTTP. What the family's server offers, and what only reads figures, is open to everybody whom the port is
 * open to, as API servers call it without a token. Taking push jobs needs the token, and so does seeing who is in a group; where
 * none is set, both are for this machine alone.
 *
 * "This machine" includes the web browser on it, so two doors are shut to web pages. A page can send a request of its own to
 * 127.0.0.1, but it cannot read the answer, and cannot give it the type `application/json`, on which the requests insist that
 * change something. And a page can have its own host name point at 127.0.0.1 (DNS rebinding), but the browser then says that
 * name in `Host`: without a token, only IP addresses, `localhost` and the name that the port listens on are answered.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { RequestError } from "./answer.ts";

const LOOPBACK = /^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/i;
const IP = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i;
const LOCALHOST = /^(?:.+\.)?localhost$/i;
/** A host name or address, and perhaps a port. Anything else could be taken for the path of the URL that is put together from it. */
const HOST = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?$/i;

/**
 * Refuses a `Host` header that no honest client sends.
 *
 * @throws {RequestError} 400
 */
export function checkHostSyntax(headers: Headers): void {
  const host = headers.get("host");
  if (host !== null && !HOST.test(host)) throw new RequestError(400, "invalid Host header");
}

/** Decides who may take and acknowledge push jobs, and see who is in a group. */
export class Access {
  readonly #token: Buffer | undefined;
  readonly #hostname: string;

  /**
   * Makes a decider.
   *
   * @param hostname what the port listens on, as it was set
   * @param token what clients have to show; undefined: only this machine, and without
   */
  constructor(hostname: string, token: string | undefined) {
    this.#hostname = hostname;
    this.#token = token === undefined ? undefined : digest(token);
  }

  /**
   * Lets a request pass.
   *
   * @param headers of the request, with a sound `Host`
   * @param peer the address that it comes from
   * @throws {RequestError} 401 or 403
   */
  check(headers: Headers, peer: string): void {
    if (this.#token !== undefined) {
      const shown = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
      // Of digests, as the comparison needs equal lengths and must not tell how much was right.
      if (timingSafeEqual(digest(shown), this.#token)) return;
      throw new RequestError(401, "this needs the header `Authorization: Bearer TOKEN`", {
        "www-authenticate": "Bearer",
      });
    }
    if (!LOOPBACK.test(peer)) {
      throw new RequestError(403, "without a token this is for this machine alone");
    }
    const host = headers.get("host"); // left out by old clients, never by browsers
    if (host !== null && !this.#isOurs(HOST.exec(host)?.[1] ?? "")) {
      throw new RequestError(403, "without a token the Host has to be an IP address or localhost");
    }
  }

  #isOurs(name: string): boolean {
    return IP.test(name) || LOCALHOST.test(name) ||
      name.toLowerCase() === this.#hostname.toLowerCase();
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
