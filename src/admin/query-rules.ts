import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn } from 'class-validator';
import { Text, WholeNumber } from '../errors/rule.decorator.js';
import { OptionalMember } from './optional-member.decorator.js';

const LONGEST_CURSOR = 200;
const MOST_ITEMS = 200;

/** How many a page has where nobody says otherwise. */
export const DEFAULT_ITEMS = 50;

/** Nothing that a database would choke on. */
export function PlainText(max: number): PropertyDecorator {
  return Text(max, /^[^\p{Cc}\p{Cs}]+$/u, 'without control characters');
}

/** A query has texts only. What is no number is left for the check of its class to name. */
export function Digits(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value,
  );
}

/** A filter by a text. */
export function TextFilter(max: number, description: string): PropertyDecorator {
  return applyDecorators(ApiPropertyOptional({ description }), OptionalMember(), PlainText(max));
}

/** A filter by one of a few words. */
export function WordFilter(words: readonly string[]): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ enum: words }),
    OptionalMember(),
    IsIn(words, { message: `$property must be one of ${words.join(', ')}` }),
  );
}

/** Where a page begins. */
export function Cursor(): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ description: '`next_cursor` of the page before.' }),
    OptionalMember(),
    Text(LONGEST_CURSOR),
  );
}

/** How many items a page has at most. */
export function PageSize(): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MOST_ITEMS, default: DEFAULT_ITEMS }),
    OptionalMember(),
    Digits(),
    WholeNumber(1, MOST_ITEMS),
  );
}
