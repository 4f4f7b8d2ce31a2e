import { expect, it } from '@jest/globals';
import { fieldsOf } from './options-form.js';

const NOTHING = { description: '', retention: '', days: '', tags: '' };

it('has no fields where nothing was entered', () => {
  expect(fieldsOf({ ...NOTHING, description: '  ', tags: ' , ' })).toEqual({});
});

it('has the fields as the service calls them', () => {
  const entered = { description: ' a report ', retention: 'permanent', days: '7', tags: 'a, "b" ,' };
  expect(fieldsOf(entered)).toEqual({
    description: 'a report',
    retention_policy: 'permanent',
    ttl_days: '7',
    tags: '["a","\\"b\\""]',
  });
});
