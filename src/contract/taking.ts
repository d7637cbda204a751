/** What an `external_data` step says of the data that it waits for. */
import { z } from 'zod';
import { limits } from './limits.ts';

export const takeSchema = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .max(limits.urlPatternLengthMax)
      .regex(/^[A-Za-z*]+:\/\/./, 'must begin with a scheme, as in https://*.example.org/*')
      .optional()
      .meta({ description: 'of `source_url`; `*` stands for any characters, before the path for those of a host' }),
    content_type: z
      .array(z.string().min(1).max(255))
      .min(1)
      .max(20)
      .optional()
      .meta({ description: 'any of them, as in `html` or `text/*`; parameters such as a charset do not count' }),
  })
  .refine(({ url, content_type: types }) => url !== undefined || types !== undefined, 'name url, content_type or both');

/** How many pieces of data one step may collect. */
export const collectMin = 2;
export const collectMax = 1_000;
export const collectSchema = z.int().min(collectMin).max(collectMax);
