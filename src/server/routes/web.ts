/**
 * The dashboard: one shell for all its pages, and the files that it loads.
 *
 *   PG1  a page runs, loads and calls nothing but what this engine serves, is framed by nobody, and turns no text into
 *        markup or script: the policy takes away the ways;
 *   PG2  a program that asks for JSON where a page is gets what it always got;
 *   PG3  what was not there when the engine started is never answered, whatever a path says (web-files.ts);
 *   PG4  pages and their files need no token and tell nothing of the engine; all that they show comes through the API.
 */
import type { Context } from 'koa';
import { Refusal } from '../../contract/failures.ts';
import { unauthorized } from '../callers.ts';
import { matchesEntityTag } from '../entity-tag.ts';
import { isTrusted } from '../guard.ts';
import { pagePaths } from '../page-paths.ts';
import { quoted } from '../problem.ts';
import { pathParameter, type Route } from '../route.ts';
import type { WebFile, WebFiles } from '../web-files.ts';

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types engine',
].join('; ');

const keptForEver = 'public, max-age=31536000, immutable';

export function webRoutes({ page, assets }: WebFiles): Route[] {
  const pages = pagePaths.map(
    (path): Route => ({
      method: 'get',
      path,
      operation: null,
      handle(ctx) {
        // Programs that ask for JSON here have always been told that there is none.
        if (ctx.accepts('html', 'json') !== 'html') throw isTrusted(ctx) ? nothingHere(ctx) : unauthorized(ctx);
        if (page === null) {
          throw new Refusal({ code: 'NOT_FOUND', detail: 'The dashboard is not built: run "npm run build"' });
        }
        ctx.set('Cache-Control', 'no-cache');
        ctx.vary('Accept');
        answer(ctx, page);
      },
    }),
  );
  return [
    ...pages,
    {
      method: 'get',
      path: '/assets/{file}',
      operation: null,
      handle(ctx) {
        const name = pathParameter(ctx, 'file');
        const file = assets.get(name);
        if (file === undefined) {
          const detail = `${quoted(name)} is not part of this version of the dashboard: load the page again`;
          throw new Refusal({ code: 'NOT_FOUND', detail });
        }
        // The name has a hash of the bytes.
        ctx.set('Cache-Control', keptForEver);
        answer(ctx, file);
      },
    },
  ];
}

function nothingHere(ctx: Context): Refusal {
  return new Refusal({ code: 'NOT_FOUND', detail: `There is no ${quoted(ctx.path)} here: /docs lists what there is` });
}

function answer(ctx: Context, file: WebFile): void {
  const isGzipped = file.gzipped !== null && ctx.acceptsEncodings('gzip', 'identity') === 'gzip';
  const tag = `"${file.tag}${isGzipped ? '.gz' : ''}"`;
  ctx.set('Content-Security-Policy', contentSecurityPolicy);
  ctx.set('Cross-Origin-Opener-Policy', 'same-origin');
  ctx.set('ETag', tag);
  if (file.gzipped !== null) ctx.vary('Accept-Encoding');
  if (matchesEntityTag(ctx.get('If-None-Match'), tag)) {
    ctx.status = 304;
    return;
  }
  ctx.status = 200;
  ctx.type = file.type;
  if (isGzipped) ctx.set('Content-Encoding', 'gzip');
  ctx.body = isGzipped && file.gzipped !== null ? file.gzipped : file.plain();
}
