import { useEffect, useState } from 'preact/hooks';

/** The theme colors that canvases need; everything else uses CSS variables directly. */
export interface Theme {
  readonly kind: 'light' | 'dark' | 'high-contrast' | 'high-contrast-light';
  readonly foreground: string;
  readonly muted: string;
  readonly background: string;
  readonly grid: string;
  readonly border: string;
  readonly focus: string;
  readonly error: string;
  readonly font: string;
  readonly fontSize: number;
  /** Colors of series, distinguishable with color vision deficiencies; dashes and point styles carry the same information. */
  readonly series: readonly string[];
}

/** The palette of Okabe and Ito (2008), darkened for light and lightened for dark backgrounds where contrast requires it. */
const SERIES = {
  dark: ['#56b4e9', '#e69f00', '#2bbf94', '#f0e442', '#d98cbc', '#ff7f50', '#8ab4ff', '#c0c0c0'],
  light: ['#0072b2', '#b35c00', '#00785a', '#8a6d00', '#a3407a', '#c23b00', '#3b4cc0', '#555555'],
} as const;

/** Colors of series on a white page. */
export const PAPER_COLORS: readonly string[] = SERIES.light;

const kinds: readonly (readonly [string, Theme['kind']])[] = [
  ['vscode-high-contrast-light', 'high-contrast-light'],
  ['vscode-high-contrast', 'high-contrast'],
  ['vscode-light', 'light'],
];

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string, fallback: string) => style.getPropertyValue(`--vscode-${name}`).trim() || fallback;
  const kind = kinds.find(([name]) => document.body.classList.contains(name))?.[1] ?? 'dark';
  const light = kind === 'light' || kind === 'high-contrast-light';
  const foreground = read('editor-foreground', light ? '#333333' : '#cccccc');
  const contrast = kind.startsWith('high-contrast');
  return {
    kind,
    foreground,
    muted: contrast ? foreground : read('descriptionForeground', foreground),
    background: read('editor-background', light ? '#ffffff' : '#1e1e1e'),
    grid: contrast
      ? read('contrastBorder', foreground)
      : read('editorIndentGuide-background1', light ? '#d3d3d3' : '#404040'),
    border: read('panel-border', read('contrastBorder', foreground)),
    focus: read('focusBorder', foreground),
    error: read('errorForeground', foreground),
    font: read('font-family', 'sans-serif'),
    fontSize: Number.parseFloat(read('font-size', '13px')) || 13,
    series: light ? SERIES.light : SERIES.dark,
  };
}

/** The theme, updated when the user changes it. */
export function useTheme(): Theme {
  const [theme, setTheme] = useState(readTheme);
  useEffect(() => {
    // When the theme changes, VS Code changes the class of the body and the variables on the root element.
    const observer = new MutationObserver(() => {
      setTheme(readTheme());
    });
    observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
    return () => {
      observer.disconnect();
    };
  }, []);
  return theme;
}

export const reducedMotion = (): boolean =>
  document.body.classList.contains('vscode-reduce-motion') || matchMedia('(prefers-reduced-motion: reduce)').matches;
