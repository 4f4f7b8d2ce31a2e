import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Text } from '../errors/rule.decorator.js';
import { OptionalMember } from './optional-member.decorator.js';

const LONGEST_REASON = 500;
/** Spaces say nothing, nor do characters that nobody sees. */
const SAYS_SOMETHING = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** Why an operator does what he does, in words that others can read later; `whereto` says where. */
export function Reason(whereto: string, required = true): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ required, minLength: 1, maxLength: LONGEST_REASON, description: `For ${whereto}.` }),
    Text(LONGEST_REASON, SAYS_SOMETHING, 'that says something'),
    ...(required ? [] : [OptionalMember()]),
  );
}
