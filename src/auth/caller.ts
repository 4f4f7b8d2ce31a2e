/** Who is calling, as the token says it. */
export interface Caller {
  /** `sub` of the token. */
  readonly subject: string;
  readonly username: string | null;
  readonly clientId: string | null;
  readonly roles: ReadonlySet<string>;
  readonly scopes: ReadonlySet<string>;
  /** When the token ends, in milliseconds since 1970, clock tolerance included; never without a token. */
  readonly expiresAtMs: number;
}
