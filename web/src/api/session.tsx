import type { ReactNode } from 'react';
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { ApiError, call, get, setCsrf, setSignedOut } from './client';
import { live } from './live';
import type { Session, User } from './schema';
import { asApiError } from './use';

interface SessionState {
  user: User | undefined;
  status: 'loading' | 'out' | 'in' | 'unreachable';
  error: ApiError | undefined;
  signIn: (user: string, password: string) => Promise<void>;
  first: (token: string, password: string) => Promise<void>;
  signOut: () => Promise<void>;
  retry: () => void;
}

const Context = createContext<SessionState | undefined>(undefined);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [user, setUser] = useState<User>();
  const [status, setStatus] = useState<SessionState['status']>('loading');
  const [error, setError] = useState<ApiError>();

  const enter = useCallback((s: Session) => {
    setCsrf(s.csrf);
    setUser(s.user);
    setStatus('in');
    live.start();
  }, []);
  const leave = useCallback(() => {
    live.stop();
    setCsrf(undefined);
    setUser(undefined);
    setStatus('out');
  }, []);

  const retry = useCallback(() => {
    setStatus('loading');
    get<Session>('/session')
      .then(enter)
      .catch((e) => {
        if (e instanceof ApiError && e.status === 401) return leave();
        setError(asApiError(e));
        setStatus('unreachable');
      });
  }, [enter, leave]);

  useEffect(() => {
    setSignedOut(leave);
    retry();
    return () => setSignedOut(undefined);
  }, [retry, leave]);

  const value = useMemo<SessionState>(
    () => ({
      user,
      status,
      error,
      retry,
      signIn: async (name, password) =>
        enter(await call<Session>('POST', '/session', { user: name, password })),
      first: async (token, password) =>
        enter(await call<Session>('POST', '/session/first', { token, password })),
      signOut: async () => {
        try {
          await call('DELETE', '/session');
        } finally {
          leave();
        }
      },
    }),
    [user, status, error, retry, enter, leave],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSession(): SessionState {
  const s = useContext(Context);
  if (!s) throw new Error('no session provider');
  return s;
}

const rank: Record<string, number> = { viewer: 0, operator: 1, admin: 2 };

/** Has the signed-in person at least this role? The server decides again on every request. */
export function useMay(role: 'operator' | 'admin'): boolean {
  const { user } = useSession();
  return (rank[user?.role ?? ''] ?? -1) >= (rank[role] ?? 9);
}
