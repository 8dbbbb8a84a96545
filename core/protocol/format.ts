import * as l10n from '@vscode/l10n';

/** How numbers are formatted for people, everywhere: in the terminal, the trees and the panels. */

/**
 * Four significant digits, and all digits before the decimal point: `65504` never becomes `65500`. Uses an exponent if the
 * number is tiny or huge, or an integer too large for a double to be exact.
 */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const size = Math.abs(value);
  const plain = Number.isInteger(value) ? Number.isSafeInteger(value) : size >= 1e-3 && size < 1e7;
  if (!plain) return value.toExponential(2);
  const whole = Math.floor(Math.log10(size)) + 1;
  const rounded = whole >= digits ? Math.round(value) : Number(value.toPrecision(digits));
  return Math.abs(rounded) >= 1e5 ? rounded.toLocaleString('en-US') : String(rounded);
}

/** An integer of any size, from its decimal digits: `9,007,199,254,740,993`. */
export const formatInteger = (digits: string): string => BigInt(digits).toLocaleString('en-US');

const COUNT_UNITS = ['', 'K', 'M', 'B', 'T'] as const;

/** `950`, `5.48M`, `1.1B`: counts of parameters, tokens and operations. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  let rest = value;
  let unit = 0;
  // Three digits are shown; a value that would round to 1000 is shown in the next unit.
  while (unit < COUNT_UNITS.length - 1 && Math.abs(Number(rest.toPrecision(3))) >= 1000) {
    rest /= 1000;
    unit++;
  }
  return `${Number(rest.toPrecision(3))}${COUNT_UNITS[unit] ?? ''}`;
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `24.7 MB`, in powers of 1000 like disks and download pages. */
export function formatBytes(bytes: number): string {
  const step = Math.min(BYTE_UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${step === 0 ? bytes : (bytes / 1000 ** step).toFixed(1)} ${BYTE_UNITS[step] ?? ''}`;
}

/** `52 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** `1 epoch`, `2.5 epochs`. */
export function formatEpochs(epochs: number): string {
  const rounded = Number(epochs.toFixed(1));
  return rounded === 1 ? l10n.t`${rounded} epoch` : l10n.t`${rounded} epochs`;
}

/** `just now`, `6 min ago`, `3 h ago`, `5 d ago`; a date after four weeks. Times in milliseconds since 1970. */
export function formatAgo(time: number, now: number = Date.now()): string {
  const minutes = Math.floor((now - time) / 60_000);
  if (minutes < 1) return l10n.t('just now');
  if (minutes < 60) return l10n.t`${minutes} min ago`;
  if (minutes < 48 * 60) return l10n.t`${Math.floor(minutes / 60)} h ago`;
  if (minutes < 28 * 24 * 60) return l10n.t`${Math.floor(minutes / (24 * 60))} d ago`;
  return new Date(time).toISOString().slice(0, 10);
}

/** `81.3%`; values that would round to 0 or 100 become `<0.1%` or `>99.9%`. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.0005) return '<0.1%';
  if (share < 1 && share >= 0.9995) return '>99.9%';
  return `${(share * 100).toFixed(1)}%`;
}
