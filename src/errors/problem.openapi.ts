import { applyDecorators } from '@nestjs/common';
import { ApiBearerAuth, ApiProperty, ApiPropertyOptional, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERROR_CATALOGUE, type ErrorCode } from './catalogue.js';
import { PROBLEM_MEDIA_TYPE } from './problem.js';

/** What every route that wants a token may answer. */
const OF_EVERY_ROUTE: readonly ErrorCode[] = [
  'MALFORMED_REQUEST',
  'UNAUTHORIZED',
  'UNKNOWN_API_VERSION',
  'VERSION_NOT_ACCEPTABLE',
  'API_VERSION_SUNSET',
  'INTERNAL_ERROR',
  'ADMIN_UNAVAILABLE',
];
const RETRY_AFTER: ReadonlySet<number> = new Set([409, 429, 503, 507]);
const WWW_AUTHENTICATE: ReadonlySet<number> = new Set([401, 403]);

class WrongField {
  @ApiProperty({ example: 'ttl_days' })
  readonly field!: string;

  @ApiProperty({ example: 'ttl_days must be a whole number from 1 to 365' })
  readonly message!: string;
}

/** The members of a `Problem`, as the documentation shows them. */
export class ProblemBody {
  @ApiProperty({ example: 'urn:ingester:error:validation-error' })
  readonly type!: string;

  @ApiProperty({ example: 'The request is not valid' })
  readonly title!: string;

  @ApiProperty({ example: 400 })
  readonly status!: number;

  @ApiProperty({ example: 'The upload has wrong fields: ttl_days.' })
  readonly detail!: string;

  @ApiPropertyOptional({ description: 'The path that was asked for.', example: '/api/v1/files/upload' })
  readonly instance?: string;

  @ApiProperty({
    enum: Object.keys(ERROR_CATALOGUE),
    description: 'Stable, to be compared.',
    example: 'VALIDATION_ERROR',
  })
  readonly code!: ErrorCode;

  @ApiProperty({ description: 'May the same request succeed later without a change?', example: false })
  readonly retryable!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Finds the log lines of the request.' })
  readonly trace_id!: string | null;

  @ApiPropertyOptional({ type: [WrongField] })
  readonly errors?: WrongField[];

  @ApiPropertyOptional({
    type: [String],
    description: 'Versions of the API that are served.',
    example: ['1'],
  })
  readonly supported?: string[];
}

/** The body of a problem, for a response of the OpenAPI document. */
export function problemContent(): Record<string, { schema: { $ref: string } }> {
  return { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: getSchemaPath(ProblemBody) } } };
}

/** Documents a route that wants a token, with the errors that it may answer beyond those of every such route. */
export function ApiProtected(...codes: readonly ErrorCode[]): MethodDecorator & ClassDecorator {
  return applyDecorators(ApiBearerAuth(), ApiProblems(...OF_EVERY_ROUTE, ...codes));
}

/** Documents errors of a route, one response for each status. */
export function ApiProblems(...codes: readonly ErrorCode[]): MethodDecorator & ClassDecorator {
  const byStatus = Map.groupBy(codes, (code) => ERROR_CATALOGUE[code].status);
  const responses = [...byStatus].map(([status, ofStatus]) =>
    ApiResponse({
      status,
      description: ofStatus.map((code) => `\`${code}\`: ${ERROR_CATALOGUE[code].title}.`).join(' '),
      content: problemContent(),
      headers: headersOf(status),
    }),
  );
  return applyDecorators(...responses);
}

function headersOf(status: number): Record<string, { description: string; schema: { type: string } }> {
  return {
    ...(RETRY_AFTER.has(status) && {
      'Retry-After': { description: 'Seconds to wait, where that is known.', schema: { type: 'integer' } },
    }),
    ...(WWW_AUTHENTICATE.has(status) && {
      'WWW-Authenticate': {
        description: 'RFC 6750, section 3; for 403 its `scope` is what the token lacks.',
        schema: { type: 'string' },
      },
    }),
  };
}
