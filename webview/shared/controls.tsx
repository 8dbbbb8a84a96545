import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { registerControls } from './toolkit';

registerControls();

/**
 * The accessible name of a control. The toolkit sets it from the element's text when the element is inserted ("Text field" if
 * it has none) and never updates it.
 */
function useAccessibleName<Control extends HTMLElement>(name: string) {
  const control = useRef<Control>(null);
  useLayoutEffect(() => {
    control.current?.setAttribute('aria-label', name);
  }, [name]);
  return control;
}

interface ButtonProps {
  readonly label?: string;
  readonly title?: string;
  readonly appearance?: 'primary' | 'secondary' | 'icon';
  readonly disabled?: boolean;
  /** For a toggle button. */
  readonly pressed?: boolean;
  readonly children?: ComponentChildren;
  readonly onClick: () => void;
}

export function Button({
  label,
  title,
  appearance = 'secondary',
  disabled = false,
  pressed,
  children,
  onClick,
}: ButtonProps) {
  return (
    <vscode-button
      appearance={appearance}
      disabled={disabled}
      title={title}
      aria-label={label ?? title}
      aria-pressed={pressed}
      onClick={onClick}
    >
      {children ?? label}
    </vscode-button>
  );
}

interface CheckboxProps {
  readonly label: string;
  readonly checked: boolean;
  readonly title?: string;
  readonly onChange: (checked: boolean) => void;
}

export function Checkbox({ label, checked, title, onChange }: CheckboxProps) {
  const change = (event: Event) => {
    const now = (event.target as HTMLInputElement).checked;
    // The element also reports changes made by the program.
    if (now !== checked) onChange(now);
  };
  const control = useAccessibleName<HTMLElement>(label);
  return (
    <vscode-checkbox ref={control} checked={checked} title={title} onChange={change}>
      {label}
    </vscode-checkbox>
  );
}

export interface Choice<Value extends string = string> {
  readonly value: Value;
  readonly label: string;
}

function Option({ value, label }: Choice) {
  const control = useAccessibleName<HTMLElement>(label);
  return (
    <vscode-option ref={control} value={value}>
      {label}
    </vscode-option>
  );
}

interface DropdownProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly choices: readonly Choice<Value>[];
  /** Whether the label is only for screen readers. */
  readonly hideLabel?: boolean;
  readonly onChange: (value: Value) => void;
}

export function Dropdown<Value extends string>({
  label,
  value,
  choices,
  hideLabel = false,
  onChange,
}: DropdownProps<Value>) {
  const id = useId();
  const change = (event: Event) => {
    const chosen = (event.target as HTMLSelectElement).value as Value;
    if (chosen !== value && choices.some((choice) => choice.value === chosen)) onChange(chosen);
  };
  return (
    <span class="field">
      <label id={id} class={hideLabel ? 'visually-hidden' : 'field-label'}>
        {label}
      </label>
      {/* The element loses its value when its options change, so a new list gets a new element. */}
      <vscode-dropdown
        key={choices.map((choice) => choice.value).join('\n')}
        aria-labelledby={id}
        value={value}
        onChange={change}
      >
        {choices.map((choice) => (
          <Option key={choice.value} {...choice} />
        ))}
      </vscode-dropdown>
    </span>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly hideLabel?: boolean;
  readonly onInput: (value: string) => void;
}

export function TextField({ label, value, placeholder, hideLabel = false, onInput }: TextFieldProps) {
  const control = useAccessibleName<HTMLElement>(label);
  return (
    <span class="field">
      {!hideLabel && (
        <span class="field-label" aria-hidden="true">
          {label}
        </span>
      )}
      <vscode-text-field
        ref={control}
        value={value}
        placeholder={placeholder}
        onInput={(event: Event) => {
          onInput((event.target as HTMLInputElement).value);
        }}
      />
    </span>
  );
}

export function Spinner({ label }: { readonly label: string }) {
  return (
    <span class="spinner" role="status">
      <vscode-progress-ring aria-hidden="true" />
      {label}
    </span>
  );
}

export interface TabDefinition {
  readonly id: string;
  readonly label: string;
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly TabDefinition[];
  readonly active: string;
  readonly children: ComponentChildren;
  readonly onChange: (id: string) => void;
}

/** A row of tabs; only the content of the active one is in the page. The arrow keys move between tabs. */
export function Tabs({ label, tabs, active, children, onChange }: TabsProps) {
  const id = useId();
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    const at = tabs.findIndex((tab) => tab.id === active);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    event.preventDefault();
    onChange(next.id);
    document.getElementById(`${id}-${next.id}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            id={`${id}-${tab.id}`}
            type="button"
            role="tab"
            aria-selected={tab.id === active}
            tabIndex={tab.id === active ? 0 : -1}
            onClick={() => {
              onChange(tab.id);
            }}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" aria-labelledby={`${id}-${active}`}>
        {children}
      </div>
    </>
  );
}

export function Tag({ children }: { readonly children: ComponentChildren }) {
  return <span class="tag">{children}</span>;
}
