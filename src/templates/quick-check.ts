/** PC1: whether params may be held against a schema on the caller's thread. */

/** Length of the schema's text times that of the params: the check may apply each part to each value. */
const quickWorkMax = 10_000_000;
const slowKeywords = /"(?:pattern|patternProperties|format|uniqueItems|\$ref|\$dynamicRef|\$recursiveRef)":/;
const timeFormats = /"format":"(?:date-time|date|time)"/g;

export function isQuick(schema: Record<string, unknown>, params: Record<string, unknown>): boolean {
  return isQuickText(JSON.stringify(schema), params);
}

/** The same for params that stand in the template's file: formats of times are quick with them. */
export function isQuickOnceLoaded(schema: Record<string, unknown>, params: Record<string, unknown>): boolean {
  const text = JSON.stringify(schema);
  return isQuickText(JSON.stringify(params).length <= 1_000 ? text.replace(timeFormats, '""') : text, params);
}

function isQuickText(schema: string, params: Record<string, unknown>): boolean {
  return !slowKeywords.test(schema) && schema.length * JSON.stringify(params).length <= quickWorkMax;
}
