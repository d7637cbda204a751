/** Pairing of browser extensions, and the list of clients that have a token of their own. */
import { z } from 'zod';
import { Refusal } from '../../contract/failures.ts';
import { limits } from '../../contract/limits.ts';
import {
  clientRequestSchema,
  isExtensionOrigin,
  newClientSchema,
  pairedClientSchema,
  pairingSchema,
  pairRequestSchema,
} from '../../contract/pairing.ts';
import { refuseBody, requireJsonObject } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import { pairPath } from '../guard.ts';
import { bodyRefusals, emptyBody, jsonAnswer, refusals } from '../operation.ts';
import { validate } from '../problem.ts';
import { pathParameter, type Route, type RouteParts } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

const minutes = limits.pairingMsMax / 60_000;

export function pairingRoutes({ bounds, pairings, clients }: RouteParts): Route[] {
  return [
    {
      method: 'post',
      path: '/api/pairings',
      operation: {
        operationId: 'openPairing',
        summary: 'A code by which one browser extension pairs itself',
        description: `Good once, for ${minutes} minutes, and until ${limits.pairingTriesMax} wrong tries. A new code ends the one before.`,
        tags: ['clients'],
        requestBody: emptyBody,
        responses: { 201: jsonAnswer('the code', pairingSchema), ...refusals('CONFLICT', ...bodyRefusals) },
      },
      async handle(ctx) {
        await refuseBody(ctx, toBodyBounds(bounds, 'other'));
        clients.checkRoom();
        sendJson(ctx, 201, JSON.stringify(pairings.open()));
      },
    },
    {
      method: 'post',
      path: pairPath,
      operation: {
        operationId: 'pair',
        summary: 'Turns a pairing code into a token of scope `capture`',
        description:
          'For the one origin of a browser extension (`chrome-extension://…`, `moz-extension://…`) that sends it: the token is good from there, and that origin may call from now on. A wrong, a used and an expired code are answered alike.',
        tags: ['clients'],
        security: [],
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: pairRequestSchema,
              example: { code: 'K7QM3XPA', name: 'Chrome on the desk' },
            },
          },
        },
        responses: {
          201: jsonAnswer('the token, told this once', newClientSchema),
          ...refusals('CONFLICT', 'DISK_FULL', ...bodyRefusals),
        },
      },
      async handle(ctx) {
        const origin: unknown = ctx.state.origin;
        if (typeof origin !== 'string' || !isExtensionOrigin(origin)) throw notAnExtension();
        const body = await requireJsonObject(ctx, {
          ...toBodyBounds(bounds, 'other'),
          bytesMax: limits.pairBodyBytesMax,
        });
        const { code, name } = validate(pairRequestSchema, body, 'The body');
        if (!pairings.take(code)) throw wrongCode();
        sendJson(ctx, 201, JSON.stringify(await clients.add({ name, origin, scope: 'capture' })));
      },
    },
  ];
}

export function clientRoutes({ bounds, clients }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/clients',
      operation: {
        operationId: 'listClients',
        summary: 'The paired extensions, and the programs with a token of their own',
        description: 'Without their tokens: those are told once, when a client is made.',
        tags: ['clients'],
        responses: { 200: jsonAnswer('all of them, oldest first', z.array(pairedClientSchema)), ...refusals() },
      },
      handle(ctx) {
        sendJson(ctx, 200, JSON.stringify(clients.list()));
      },
    },
    {
      method: 'post',
      path: '/api/clients',
      operation: {
        operationId: 'createClient',
        summary: 'A token of narrower scope for a program',
        description: '`read` reads everything but bound params; `capture` does what a paired extension may.',
        tags: ['clients'],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: clientRequestSchema, example: { name: 'Grafana', scope: 'read' } } },
        },
        responses: {
          201: jsonAnswer('the token, told this once', newClientSchema),
          ...refusals('CONFLICT', 'DISK_FULL', ...bodyRefusals),
        },
      },
      async handle(ctx) {
        const body = await requireJsonObject(ctx, toBodyBounds(bounds, 'other'));
        const { name, scope } = validate(clientRequestSchema, body, 'The body');
        sendJson(ctx, 201, JSON.stringify(await clients.add({ name, scope, origin: null })));
      },
    },
    {
      method: 'delete',
      path: '/api/clients/{id}',
      operation: {
        operationId: 'revokeClient',
        summary: 'Revokes a client: its token and its origin are refused from now on, its open answers are cut',
        description: 'Workflows that it has started go on. A new token needs a new pairing.',
        tags: ['clients'],
        requestParams: { path: z.object({ id: z.string() }) },
        responses: { 204: { description: 'revoked' }, ...refusals('NOT_FOUND', 'DISK_FULL', ...bodyRefusals) },
      },
      async handle(ctx) {
        await refuseBody(ctx, toBodyBounds(bounds, 'other'));
        await clients.revoke(pathParameter(ctx, 'id'));
        ctx.status = 204;
      },
    },
  ];
}

function notAnExtension(): Refusal {
  const detail =
    'Only a browser extension pairs here, from its own origin (chrome-extension://…, moz-extension://…); for a program make a token with POST /api/clients, or hybrid-engine pair --scope read';
  return new Refusal({ code: 'FORBIDDEN', detail });
}

function wrongCode(): Refusal {
  const again = 'get a new one with hybrid-engine pair, or on the page "Engine" of the dashboard';
  const detail = `The code is wrong, used or expired: look at it again, or ${again}. After ${limits.pairingTriesMax} wrong tries a code is void`;
  return new Refusal({ code: 'FORBIDDEN', detail });
}
