/** An address as it may be shown: without a name and password, and without what may be a token behind it. */
export function withoutSecrets(address: string): string {
  const text = address.trim();
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text;
  try {
    const { protocol, host, pathname } = new URL(text);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return text.replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/i, '$1').replace(/[?#].*$/, '');
  }
}
