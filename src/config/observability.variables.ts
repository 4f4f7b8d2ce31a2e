import { z } from 'zod';
import { oneOf } from './variables.js';

export const observabilityVariables = {
  LOG_LEVEL: oneOf(
    'Lowest level that is logged.',
    ['silent', 'error', 'warn', 'info', 'debug', 'trace'],
    'info',
  ),
  LOG_FORMAT: z.enum(['json', 'text']).optional().meta({
    description: 'How a line is written. Unset: `json` in production, else `text`.',
    unit: 'json or text',
  }),
};
