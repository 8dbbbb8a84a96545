import type { ClassAttributes, ComponentChildren, HTMLAttributes } from 'preact';

/** What the toolkit's custom elements take besides what every element takes; see `controls.tsx`, their only user. */
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
