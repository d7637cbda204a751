/** Schedules of templates: which there are, what they did last, and the calls that pause, resume and trigger one. */
import { z } from 'zod';
import { templateIdSchema } from '../../contract/definition.ts';
import type { CallOptions } from '../../contract/engine.ts';
import { Refusal } from '../../contract/failures.ts';
import { type Replayable, scheduleViewSchema, triggerReplySchema } from '../../contract/schedule.ts';
import { refuseBody } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import { changeRefusals, emptyBody, jsonAnswer, refusals, replayedHeader } from '../operation.ts';
import { quoted } from '../problem.ts';
import { idempotencyHeaderSchema, readCallOptions } from '../query.ts';
import { pathParameter, type Route, type RouteParts } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

export function scheduleRoutes({ engine, bounds }: RouteParts): Route[] {
  const change = createChange(bounds);
  const answer = 'the schedule after the change';
  return [
    {
      method: 'get',
      path: '/api/schedules',
      operation: {
        operationId: 'listSchedules',
        summary: 'The templates that run by themselves, when they run next, and which slots have passed',
        description: 'Those of templates with faults are not among them: see `GET /api/engine`.',
        tags: ['schedules'],
        responses: { 200: jsonAnswer('all of them, by template', z.array(scheduleViewSchema)), ...refusals() },
      },
      async handle(ctx) {
        sendJson(ctx, 200, JSON.stringify(await engine.schedules()));
      },
    },
    change(
      'pause',
      { summary: 'Let slots pass until it is resumed', description: 'Slots that wait pass, too.', answer },
      scheduleViewSchema,
      (template, options) => engine.pauseSchedule(template, options),
    ),
    change(
      'resume',
      {
        summary: 'Go on with the next slot',
        description: 'Slots that passed meanwhile do not run. `enabled: false` in the file wins.',
        answer,
      },
      scheduleViewSchema,
      (template, options) => engine.resumeSchedule(template, options),
    ),
    change(
      'trigger',
      {
        summary: 'Run it now, whether it is paused or not',
        description: 'The slot is the present time. 409 where `overlap` leaves it out.',
        answer: 'the workflow, or that it waits for the one that runs',
      },
      triggerReplySchema,
      (template, options) => engine.triggerSchedule(template, options),
    ),
  ];
}

/** The route of a call that changes one schedule. */
function createChange(bounds: RouteParts['bounds']) {
  return (
    verb: 'pause' | 'resume' | 'trigger',
    words: { readonly summary: string; readonly description: string; readonly answer: string },
    schema: z.ZodType,
    call: (template: string, options: CallOptions) => Promise<Replayable<object>>,
  ): Route => ({
    method: 'post',
    path: `/api/schedules/{template}/${verb}`,
    operation: {
      operationId: `${verb}Schedule`,
      summary: words.summary,
      description: words.description,
      tags: ['schedules'],
      requestParams: {
        path: z.object({ template: z.string().meta({ description: 'the id of a template' }) }),
        header: idempotencyHeaderSchema,
      },
      requestBody: emptyBody,
      responses: {
        200: jsonAnswer(words.answer, schema, replayedHeader),
        ...refusals('NOT_FOUND', ...(verb === 'trigger' ? (['CONFLICT'] as const) : []), ...changeRefusals),
      },
    },
    async handle(ctx) {
      const template = pathParameter(ctx, 'template');
      const options = readCallOptions(ctx);
      await refuseBody(ctx, toBodyBounds(bounds, 'other'));
      if (!templateIdSchema.safeParse(template).success) {
        const detail = `No template ${quoted(template)} has a schedule: GET /api/schedules lists them`;
        throw new Refusal({ code: 'NOT_FOUND', detail });
      }
      const reply = await call(template, options);
      if (reply.replayed) ctx.set('Idempotency-Replayed', 'true');
      sendJson(ctx, 200, JSON.stringify(reply));
    },
  });
}
