// Small wishes of the person at the screen, kept in this browser. Storage may be full or refused:
// then the wish lasts as long as the page.

const memory = new Map<string, string>();

export function load<T>(key: string, fallback: T, ok: (value: unknown) => boolean): T {
  let text = memory.get(key) ?? null;
  try {
    text = localStorage.getItem(`skep.${key}`) ?? text;
    if (text === null) return fallback;
    const value: unknown = JSON.parse(text);
    return ok(value) ? (value as T) : fallback;
  } catch {
    return fallback;
  }
}

export function save(key: string, value: unknown): void {
  const text = JSON.stringify(value);
  memory.set(key, text);
  try {
    localStorage.setItem(`skep.${key}`, text);
  } catch {
    // kept in memory only
  }
}

export function forget(key: string): void {
  memory.delete(key);
  try {
    localStorage.removeItem(`skep.${key}`);
  } catch {
    // was in memory only
  }
}
