import type { ComponentChildren, TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface VirtualListProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  /** Height of every row, pixels. */
  readonly rowHeight: number;
  readonly role?: 'listbox' | 'treegrid' | 'grid';
  readonly header?: ComponentChildren;
  /** The row to keep in view. */
  readonly active: number;
  readonly onKeyDown?: (event: TargetedKeyboardEvent<HTMLDivElement>) => void;
  /** Called with the range of drawn rows, excluding the last: a list that is loaded in parts loads these. */
  readonly onView?: (first: number, last: number) => void;
  readonly render: (row: Row, index: number) => ComponentChildren;
}

/** Extra rows drawn, so that fast scrolling shows no gaps. */
const SPARE = 8;

/** A list of any length; only visible rows are in the page. */
export function VirtualList<Row>(props: VirtualListProps<Row>) {
  const { label, rows, rowHeight, role = 'listbox', header, active, onKeyDown, onView, render } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  useEffect(() => {
    const element = frame.current;
    if (!element) return undefined;
    const measure = () => {
      setView({ top: element.scrollTop, height: element.clientHeight });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);
  useEffect(() => {
    const element = frame.current;
    if (!element || active < 0) return;
    const [top, bottom] = [active * rowHeight, (active + 1) * rowHeight];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  }, [active, rowHeight]);
  const first = Math.max(0, Math.floor(view.top / rowHeight) - SPARE);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + SPARE);
  useEffect(() => {
    onView?.(first, last);
  }, [onView, first, last]);
  return (
    <div class="virtual">
      {header}
      <div
        ref={frame}
        class="virtual-frame"
        role={role}
        aria-label={label}
        aria-rowcount={rows.length}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onScroll={({ currentTarget }) => {
          setView({ top: currentTarget.scrollTop, height: currentTarget.clientHeight });
        }}
      >
        <div style={{ height: `${rows.length * rowHeight}px`, position: 'relative' }}>
          <div style={{ position: 'absolute', top: `${first * rowHeight}px`, left: '0', right: '0' }}>
            {rows.slice(first, last).map((row, index) => render(row, first + index))}
          </div>
        </div>
      </div>
    </div>
  );
}
