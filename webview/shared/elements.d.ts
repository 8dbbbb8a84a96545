import type { ClassAttributes, ComponentChildren, HTMLAttributes } from 'preact';

/** Attributes of the toolkit's custom elements beyond the standard ones; only `controls.tsx` uses them. */
interface ElementProps extends HTMLAttributes<HTMLElement>, ClassAttributes<HTMLElement> {
  appearance?: 'primary' | 'secondary' | 'icon';
  disabled?: boolean;
  checked?: boolean;
  value?: string;
  placeholder?: string | undefined;
  children?: ComponentChildren;
}

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'vscode-button': ElementProps;
      'vscode-checkbox': ElementProps;
      'vscode-dropdown': ElementProps;
      'vscode-option': ElementProps;
      'vscode-progress-ring': ElementProps;
      'vscode-text-field': ElementProps;
    }
  }
}
