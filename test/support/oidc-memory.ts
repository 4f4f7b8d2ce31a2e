import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider';

/** Where an OpenID provider keeps its sessions, grants and codes: in memory, until the test is over. */
export function memoryAdapter(): AdapterFactory {
  const stored = new Map<string, AdapterPayload>();
  return (model): Adapter => {
    const key = (id: string): string => `${model}:${id}`;
    const find = (fits: (payload: AdapterPayload) => boolean): Promise<AdapterPayload | undefined> =>
      Promise.resolve([...stored].find(([name, payload]) => name.startsWith(key('')) && fits(payload))?.[1]);
    return {
      upsert: async (id, payload) => void stored.set(key(id), payload),
      find: (id) => Promise.resolve(stored.get(key(id))),
      findByUid: (uid) => find((payload) => payload.uid === uid),
      findByUserCode: (code) => find((payload) => payload.userCode === code),
      consume: async (id) =>
        void stored.set(key(id), { ...stored.get(key(id)), consumed: Date.now() / 1000 }),
      destroy: async (id) => void stored.delete(key(id)),
      revokeByGrantId: async (grantId) => {
        for (const [name, payload] of stored) if (payload.grantId === grantId) stored.delete(name);
      },
    };
  };
}
