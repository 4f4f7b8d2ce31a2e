import type { S3Settings } from './s3-settings.js';

/** Who signs. */
export interface S3Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3Credentials {
  /** Those to sign with now. @throws Error where there are none */
  current(): Promise<S3Identity>;
  /** Others, where the store takes `refused` no more; the same where there are no others. */
  renewed(refused: S3Identity): Promise<S3Identity>;
}

/** A provider of the usual chain: it keeps what it found, and looks again before that expires. */
type CredentialsChain = (options?: { readonly forceRefresh?: boolean }) => Promise<S3Identity>;

type ChainSettings = Pick<S3Settings, 'profile' | 'region'>;

export function credentialsOf(settings: ChainSettings & Pick<S3Settings, 'credentials'>): S3Credentials {
  const { credentials } = settings;
  return credentials ? new GivenCredentials(credentials) : new ChainCredentials(() => usualChain(settings));
}

class GivenCredentials implements S3Credentials {
  constructor(private readonly given: S3Identity) {}

  current(): Promise<S3Identity> {
    return Promise.resolve(this.given);
  }

  renewed(): Promise<S3Identity> {
    return Promise.resolve(this.given);
  }
}

/** What a chain finds, opened with the first request. */
export class ChainCredentials implements S3Credentials {
  #chain: Promise<CredentialsChain> | undefined;
  #renewing: Promise<S3Identity> | undefined;

  constructor(private readonly open: () => Promise<CredentialsChain>) {}

  async current(): Promise<S3Identity> {
    return (await this.#opened())();
  }

  /** Requests that are refused side by side look once. */
  async renewed(refused: S3Identity): Promise<S3Identity> {
    const current = await this.current();
    if (current.accessKeyId !== refused.accessKeyId || current.sessionToken !== refused.sessionToken)
      return current;
    this.#renewing ??= this.#look().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #look(): Promise<S3Identity> {
    return (await this.#opened())({ forceRefresh: true });
  }

  #opened(): Promise<CredentialsChain> {
    this.#chain ??= this.open();
    return this.#chain;
  }
}

/** Loaded when it is needed: who has no such element does not pay for it at the start. */
async function usualChain({ profile, region }: ChainSettings): Promise<CredentialsChain> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  // Files are read anew, or credentials that were put there meanwhile would not be found.
  return defaultProvider({ profile, ignoreCache: true, clientConfig: { region } });
}
