/**
 * One request of a connection at a time. Node hands over every request that stands in a packet at once; a client that
 * sends hundreds without waiting would have hundreds of answers built for it before it has read the first.
 *
 *   CN1  a request is handled when the answer before it, on the same connection, has left or has failed;
 *   CN2  while requests wait, no more are read from that connection; those that wait are bounded over all connections,
 *        and the connection that goes beyond the bound is closed;
 *   CN3  what cannot be parsed is answered after everything that came before it;
 *   CN4  beyond `connectionsMax` the connection that has been idle longest gives way to the new one; where none is idle,
 *        one whose request has not come whole; else the new one is closed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

interface Line {
  current: ServerResponse | null;
  readonly waiting: [IncomingMessage, ServerResponse][];
  /** CN3. */
  last: (() => void) | null;
}

/** A connection is read no further while so many of its requests wait. */
const waitingOfOne = 8;

export class ConnectionTurns {
  readonly #handle: Handle;
  readonly #waitingMax: number;
  readonly #connectionsMax: number;
  /** Connections without a request, those that have been so longest first. */
  readonly #idle = new Set<Socket>();
  readonly #lines = new Map<Socket, Line>();
  #waiting = 0;

  constructor(handle: Handle, bounds: { waitingMax: number; connectionsMax: number }) {
    this.#handle = handle;
    this.#waitingMax = bounds.waitingMax;
    this.#connectionsMax = bounds.connectionsMax;
  }

  /** For each new connection. */
  readonly open = (socket: Socket): void => {
    if (this.#lines.size >= this.#connectionsMax) {
      const given = this.#leastBusy();
      (given ?? socket).destroy();
      if (given === undefined) return;
      this.#forget(given);
    }
    this.#lines.set(socket, { current: null, waiting: [], last: null });
    this.#idle.add(socket);
    socket.once('close', () => this.#forget(socket));
  };

  readonly take: Handle = (request, response) => {
    const { socket } = request;
    const line = this.#lines.get(socket);
    if (line === undefined) {
      socket.destroy();
      return;
    }
    if (line.current === null) {
      this.#begin(socket, line, request, response);
      return;
    }
    if (this.#waiting >= this.#waitingMax) {
      socket.destroy();
      return;
    }
    this.#waiting += 1;
    line.waiting.push([request, response]);
    if (line.waiting.length >= waitingOfOne) socket.pause();
  };

  /** Calls `act` when everything before has been answered: at once where there is nothing. */
  afterAll(socket: Socket, act: () => void): void {
    const line = this.#lines.get(socket);
    if (line === undefined || line.current === null) {
      act();
      return;
    }
    // A request whose body broke off cannot be handled: what is said now is its answer.
    if (line.waiting.at(-1)?.[0].complete === false) {
      line.waiting.pop();
      this.#waiting -= 1;
    }
    line.last = act;
  }

  /** The answer that a connection is at; null when it is at none. */
  current(socket: Socket): ServerResponse | null {
    return this.#lines.get(socket)?.current ?? null;
  }

  #leastBusy(): Socket | undefined {
    for (const socket of this.#idle) return socket;
    for (const [socket, { current }] of this.#lines) {
      if (current !== null && !current.headersSent && !current.req.complete) return socket;
    }
    return undefined;
  }

  #forget(socket: Socket): void {
    this.#waiting -= this.#lines.get(socket)?.waiting.length ?? 0;
    this.#lines.delete(socket);
    this.#idle.delete(socket);
  }

  #begin(socket: Socket, line: Line, request: IncomingMessage, response: ServerResponse): void {
    line.current = response;
    this.#idle.delete(socket);
    response.once('close', () => this.#next(socket, line));
    this.#handle(request, response);
  }

  #next(socket: Socket, line: Line): void {
    if (socket.destroyed) return;
    const next = line.waiting.shift();
    if (next !== undefined) {
      this.#waiting -= 1;
      this.#begin(socket, line, ...next);
      if (line.waiting.length === 0) socket.resume();
      return;
    }
    line.current = null;
    this.#idle.add(socket);
    line.last?.();
  }
}
