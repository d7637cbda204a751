/** Errors of real servers where nobody looks for them: inside a 200, or with a body that is not OpenAI's. */

export interface ServerError {
  readonly server: string;
  readonly status: number;
  readonly body: unknown;
  readonly code: string;
  readonly message: RegExp;
  readonly retryAfterMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly kept?: Readonly<Record<string, unknown>>;
}

const groqLimit = (what: string) =>
  `Rate limit reached for model \`m\` in organization \`org_1\` service tier \`on_demand\` on ${what}: Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s.`;

export const serverErrors: Readonly<Record<string, ServerError>> = {
  'fastapi-detail-list': {
    server: 'vLLM',
    status: 422,
    body: { detail: [{ type: 'missing', loc: ['body', 'messages', 0, 'role'], msg: 'Field required', input: {} }] },
    code: 'PROVIDER_REJECTED',
    message: /answered 422: body\.messages\.0\.role: Field required/,
  },
  'fastapi-detail-text': {
    server: 'SGLang',
    status: 400,
    body: { detail: 'This model does not support images' },
    code: 'PROVIDER_REJECTED',
    message: /answered 400: This model does not support images/,
  },
  'detail-in-a-200': {
    server: 'SGLang',
    status: 200,
    body: { detail: 'Service is starting' },
    code: 'HTTP_RETRYABLE',
    message: /broke off its answer: Service is starting/,
  },
  'old-vllm': {
    server: 'vLLM',
    status: 200,
    body: { object: 'error', message: "This model's maximum context length is 10", type: 'BadRequestError', code: 400 },
    code: 'PROVIDER_REJECTED',
    message: /broke off its answer \(BadRequestError, 400\): This model's maximum context length/,
  },
  'tgi-error-type': {
    server: 'TGI',
    status: 429,
    body: { error: 'Model is overloaded', error_type: 'overloaded' },
    code: 'RATE_LIMITED',
    message: /answered 429 \(overloaded\): Model is overloaded/,
  },
  'llama.cpp-context-size': {
    server: 'llama.cpp',
    status: 400,
    body: {
      error: {
        code: 400,
        message: 'the request exceeds the available context size',
        type: 'exceed_context_size_error',
        n_ctx: 10,
      },
    },
    code: 'PROVIDER_REJECTED',
    message: /answered 400 \(exceed_context_size_error, 400\): the request exceeds/,
  },
  'lm-studio-text': {
    server: 'LM Studio',
    status: 200,
    body: { error: 'Unexpected endpoint or method. (POST /chat/completions)' },
    code: 'HTTP_RETRYABLE',
    message: /broke off its answer: Unexpected endpoint or method/,
  },
  'openrouter-credits': {
    server: 'OpenRouter',
    status: 200,
    body: { error: { code: 402, message: 'Insufficient credits' }, user_id: 'u' },
    code: 'QUOTA_USED_UP',
    message: /broke off its answer \(402\): Insufficient credits/,
  },
  'openrouter-rate': {
    server: 'OpenRouter',
    status: 200,
    body: {
      error: { code: 429, message: 'Provider returned error', metadata: { raw: 'slow down', provider_name: 'X' } },
    },
    code: 'RATE_LIMITED',
    message: /broke off its answer \(429\): Provider returned error/,
  },
  'openrouter-choice-error': {
    server: 'OpenRouter',
    status: 200,
    body: {
      choices: [
        {
          finish_reason: 'error',
          message: { role: 'assistant', content: 'Half an' },
          error: { code: 503, message: 'No instances available' },
        },
      ],
    },
    code: 'HTTP_RETRYABLE',
    message: /broke off its answer \(503\): No instances available/,
    kept: { content: 'Half an', characters: 7, finish_reason: 'error' },
  },
  'openrouter-free-day': {
    server: 'OpenRouter',
    status: 429,
    body: {
      error: {
        message: 'Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day',
        code: 429,
        metadata: { headers: { 'X-RateLimit-Limit': '50', 'X-RateLimit-Remaining': '0' } },
      },
    },
    code: 'QUOTA_USED_UP',
    message: /free-models-per-day.*The account's quota is used up/,
  },
  'groq-tokens-a-day': {
    server: 'Groq',
    status: 429,
    headers: { 'retry-after': '578' },
    body: { error: { message: groqLimit('tokens per day (TPD)'), type: 'tokens', code: 'rate_limit_exceeded' } },
    code: 'QUOTA_USED_UP',
    message: /tokens per day \(TPD\).*The account's quota is used up/,
  },
  'groq-tokens-a-minute': {
    server: 'Groq',
    status: 429,
    headers: { 'retry-after': '7' },
    body: { error: { message: groqLimit('tokens per minute (TPM)'), type: 'tokens', code: 'rate_limit_exceeded' } },
    code: 'RATE_LIMITED',
    message: /tokens per minute \(TPM\)/,
    retryAfterMs: 7_000,
  },
  'openai-requests-a-day': {
    server: 'OpenAI',
    status: 429,
    headers: { 'retry-after': '432' },
    body: {
      error: {
        message:
          'Rate limit reached for gpt-4o in organization org-1 on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s.',
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      },
    },
    code: 'QUOTA_USED_UP',
    message: /requests per day \(RPD\)/,
  },
  'wait-of-hours': {
    server: 'Other gateways',
    status: 429,
    headers: { 'retry-after': '3601' },
    body: { error: { message: 'slow down' } },
    code: 'QUOTA_USED_UP',
    message: /answered 429: slow down\. The account's quota is used up/,
  },
  'wait-of-an-hour': {
    server: 'Other gateways',
    status: 429,
    headers: { 'retry-after': '3600' },
    body: { error: { message: 'slow down' } },
    code: 'RATE_LIMITED',
    message: /answered 429: slow down$/,
    retryAfterMs: 60_000,
  },
  'github-models-day': {
    server: 'Azure OpenAI',
    status: 429,
    body: {
      error: { code: 'RateLimitReached', message: 'Rate limit of 50 per 86400s exceeded for UserByModelByDay.' },
    },
    code: 'QUOTA_USED_UP',
    message: /per 86400s exceeded/,
  },
  'azure-apim': {
    server: 'Azure OpenAI',
    status: 429,
    body: { statusCode: 429, message: 'Rate limit is exceeded. Try again in 5 seconds.' },
    code: 'RATE_LIMITED',
    message: /answered 429 \(429\): Rate limit is exceeded/,
  },
  'both-limits-named': {
    server: 'Other gateways',
    status: 429,
    body: { error: { message: 'Limits are 10 requests per minute and 500 per day' } },
    code: 'RATE_LIMITED',
    message: /10 requests per minute/,
  },
  'groq-failed-generation': {
    server: 'Groq',
    status: 400,
    body: {
      error: {
        message: "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.",
        type: 'invalid_request_error',
        code: 'json_validate_failed',
        failed_generation: '{"n": 1,',
      },
    },
    code: 'PROVIDER_REJECTED',
    message: /answered 400 \(invalid_request_error, json_validate_failed\): Failed to generate JSON/,
    kept: { content: '{"n": 1,', characters: 8 },
  },
  'anthropic-overloaded': {
    server: 'Anthropic-shaped proxies',
    status: 200,
    body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    code: 'HTTP_RETRYABLE',
    message: /broke off its answer \(overloaded_error\): Overloaded/,
  },
  'cloudflare-errors': {
    server: 'Other gateways',
    status: 200,
    body: { success: false, errors: [{ code: 7003, message: 'Could not route' }], messages: [], result: null },
    code: 'HTTP_RETRYABLE',
    message: /broke off its answer \(7003\): Could not route/,
  },
  'minimax-base-resp': {
    server: 'Other gateways',
    status: 200,
    body: { id: 'x', choices: null, base_resp: { status_code: 1004, status_msg: 'login fail' } },
    code: 'HTTP_RETRYABLE',
    message: /broke off its answer \(1004\): login fail/,
  },
  'code-and-message': {
    server: 'Other gateways',
    status: 200,
    body: { code: 401, msg: 'Token is invalid', data: null },
    code: 'PROVIDER_REJECTED',
    message: /broke off its answer \(401\): Token is invalid/,
  },
};
