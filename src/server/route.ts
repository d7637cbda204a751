/**
 * What a route is: method, path, its page of the documentation, and the code that answers. The router and the OpenAPI
 * document are made from one list of these, so that neither knows a route that the other does not.
 */
import type { Context } from 'koa';
import type { Logger } from 'pino';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import type { Engine } from '../contract/engine.ts';
import type { ServerSettings } from '../contract/settings.ts';
import type { AnswerMemory, HeldMemory } from './answer-memory.ts';
import type { ServerBounds } from './bounds.ts';
import type { Clients } from './clients.ts';
import type { OpenRequests } from './open-requests.ts';
import type { Pairings } from './pairings.ts';
import type { Tickets } from './tickets.ts';
import type { WebFiles } from './web-files.ts';

export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  /** As OpenAPI writes it: `/api/workflows/{id}`. */
  readonly path: string;
  /** null for what lies outside `/api` and is not part of the document. */
  readonly operation: ZodOpenApiOperationObject | null;
  /** Its query is the sender's: no parameter is refused. */
  readonly takesAnyQuery?: true;
  /** Whether the scope `capture` reaches it; `own`: for workflows that this client has started or given data to. */
  readonly capture?: 'yes' | 'own';
  handle(ctx: Context): Promise<void> | void;
}

export interface RouteParts {
  readonly engine: Engine;
  readonly settings: ServerSettings;
  readonly bounds: ServerBounds;
  readonly log: Logger;
  readonly version: string;
  readonly openRequests: OpenRequests;
  readonly memory: AnswerMemory;
  readonly web: WebFiles;
  readonly tickets: Tickets;
  readonly clients: Clients;
  readonly pairings: Pairings;
}

/** What this request holds of the memory for bodies and answers. */
export function holdOf(ctx: Context): HeldMemory {
  return ctx.state.hold as HeldMemory;
}

export function pathParameter(ctx: Context, name: string): string {
  const value: unknown = ctx.params?.[name];
  return typeof value === 'string' ? value : '';
}
