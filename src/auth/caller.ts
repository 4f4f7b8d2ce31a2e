/** Who is calling, as the token says it. */
export interface Caller {
  /** `sub` of the token. */
  readonly subject: string;
  readonly username: string | null;
  readonly clientId: string | null;
  readonly roles: ReadonlySet<string>;
  readonly scopes: ReadonlySet<string>;
}
