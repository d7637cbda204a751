/**
 * The documentation: the OpenAPI document and a page that shows it. The page's script and style lie beside the built
 * engine, and in a checkout in the swagger-ui-dist package; nothing is fetched from elsewhere.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Context } from 'koa';
import { Refusal } from '../../contract/failures.ts';
import { quoted } from '../problem.ts';
import { pathParameter, type Route } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

// Swagger UI needs no inline style or script: it sets styles through the DOM, which the policy lets pass.
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Hybrid Engine API</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <noscript><p>The same as data: <a href="/openapi.json">/openapi.json</a></p></noscript>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

// validatorUrl null: the badge would be fetched from another host.
const startScript = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: null,
  queryConfigEnabled: false,
  presets: [SwaggerUIBundle.presets.apis],
});
`;

const packageFiles: ReadonlyMap<string, string> = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);

export function docsRoutes(openApiText: () => string): Route[] {
  const fileTexts = new Map<string, Promise<Buffer>>();
  const readPackageFile = (name: string) => {
    const known = fileTexts.get(name);
    if (known !== undefined) return known;
    const built = new URL(`./swagger-ui/${name}`, import.meta.url);
    const inPackage = () => createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`);
    const reading = readFile(existsSync(built) ? built : inPackage());
    fileTexts.set(name, reading);
    reading.catch(() => fileTexts.delete(name));
    return reading;
  };
  return [
    {
      method: 'get',
      path: '/openapi.json',
      operation: null,
      handle(ctx) {
        sendJson(ctx, 200, openApiText());
      },
    },
    {
      method: 'get',
      path: '/docs',
      operation: null,
      handle(ctx) {
        ctx.set('Content-Security-Policy', contentSecurityPolicy);
        send(ctx, 'text/html; charset=utf-8', page);
      },
    },
    {
      method: 'get',
      path: '/docs/{file}',
      operation: null,
      async handle(ctx) {
        const name = pathParameter(ctx, 'file');
        const type = packageFiles.get(name);
        ctx.set('Cache-Control', 'private, max-age=3600');
        if (name === 'start.js') {
          send(ctx, 'text/javascript; charset=utf-8', startScript);
        } else if (type !== undefined) {
          send(ctx, type, await readPackageFile(name));
        } else {
          throw new Refusal({
            code: 'NOT_FOUND',
            detail: `${quoted(name)} is not part of the documentation: see /docs`,
          });
        }
      },
    },
  ];
}

function send(ctx: Context, type: string, body: string | Buffer): void {
  ctx.status = 200;
  ctx.type = type;
  ctx.body = body;
}
