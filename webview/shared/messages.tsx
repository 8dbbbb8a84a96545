import { HostError } from './host';

/** What went wrong and what to do about it, where the content would have been. */
export function Problem({ error }: { readonly error: unknown }) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof HostError ? error.hint : '';
  return (
    <div class="problem" role="alert">
      <strong>{message}</strong>
      {hint !== '' && <span>{hint}</span>}
    </div>
  );
}

/** A sentence whose part between `**` is strong: a translator may move it, which an element inside would prevent. */
export function Emphasized({ text }: { readonly text: string }) {
  const [before, strong, after] = text.split('**');
  return (
    <>
      {before}
      <strong>{strong}</strong>
      {after}
    </>
  );
}

/** Why there is nothing to see, and what would change that. */
export function Empty({ children }: { readonly children: string }) {
  return <p class="empty">{children}</p>;
}
