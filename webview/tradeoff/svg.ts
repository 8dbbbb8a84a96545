import type { PointStyle } from 'chart.js';

/** An axis of a picture: its title, and the pixel and label of each tick. */
export interface PictureAxis {
  readonly title: string;
  readonly ticks: readonly { readonly pixel: number; readonly label: string }[];
}

/** A series as shown in the chart. */
export interface PictureSeries {
  readonly label: string;
  readonly color: string;
  readonly dashes: readonly number[];
  readonly width: number;
  readonly style: PointStyle;
  /** Whether its points are connected. */
  readonly joined: boolean;
  readonly points: readonly {
    readonly x: number;
    readonly y: number;
    readonly filled: boolean;
    readonly name?: string;
  }[];
}

/** A chart as shown on screen, without the theme's colors: everything needed to draw it for a paper. */
export interface Picture {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly area: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
  readonly x: PictureAxis;
  readonly y: PictureAxis;
  readonly series: readonly PictureSeries[];
}

const LEGEND_LINE = 20;
const FONT = 'Helvetica, Arial, sans-serif';
const SIZE = 5;

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const at = (value: number) => String(Math.round(value * 100) / 100);

/** The picture as an SVG document on white, for papers: the legend is on top, and text stays text. */
export function toSvg({ title, width, height, area, x, y, series }: Picture): string {
  const top = LEGEND_LINE * series.length + 8;
  const { left, right, bottom } = area;
  const text = (content: string, px: number, py: number, more = '') =>
    `<text x="${at(px)}" y="${at(py)}"${more}>${escaped(content)}</text>`;
  const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, more = '') =>
    `<line x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}" stroke="${stroke}"${more}/>`;
  const middle = ' text-anchor="middle"';
  const parts = [
    ...series.flatMap((one, index) => {
      const middleY = LEGEND_LINE * (index + 0.5);
      return [
        ...(one.joined ? [line(left, middleY, left + 34, middleY, one.color, strokeOf(one))] : []),
        mark(one, left + 17, middleY, true),
        text(one.label, left + 44, middleY + 4),
      ];
    }),
    `<g transform="translate(0 ${top})">`,
    ...x.ticks.flatMap(({ pixel, label }) => [
      line(pixel, area.top, pixel, bottom, '#dddddd'),
      text(label, pixel, bottom + 16, middle),
    ]),
    ...y.ticks.flatMap(({ pixel, label }) => [
      line(left, pixel, right, pixel, '#dddddd'),
      text(label, left - 6, pixel + 4, ' text-anchor="end"'),
    ]),
    `<rect x="${at(left)}" y="${at(area.top)}" width="${at(right - left)}" height="${at(bottom - area.top)}" fill="none" stroke="#555555"/>`,
    text(x.title, (left + right) / 2, bottom + 36, middle),
    text(y.title, 14, (area.top + bottom) / 2, `${middle} transform="rotate(-90 14 ${at((area.top + bottom) / 2)})"`),
    `<clipPath id="area"><rect x="${at(left - SIZE)}" y="${at(area.top - SIZE)}" width="${at(right - left + 2 * SIZE)}" height="${at(bottom - area.top + 2 * SIZE)}"/></clipPath>`,
    '<g clip-path="url(#area)">',
    ...series.flatMap((one) => [
      ...(one.joined && one.points.length > 1
        ? [
            `<polyline fill="none" stroke="${one.color}"${strokeOf(one)} points="${one.points.map((point) => `${at(point.x)},${at(point.y)}`).join(' ')}"/>`,
          ]
        : []),
      ...one.points.map((point) => mark(one, point.x, point.y, point.filled)),
    ]),
    '</g>',
    ...series.flatMap(({ points }) =>
      points.flatMap(({ name, x: px, y: py }) => (name === undefined ? [] : [text(name, px + 9, py - 7)])),
    ),
    '</g>',
  ];
  const whole = height + top;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${at(width)}" height="${at(whole)}" viewBox="0 0 ${at(width)} ${at(whole)}" font-family="${FONT}" font-size="12" fill="#222222">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}

const strokeOf = ({ width, dashes }: PictureSeries) =>
  ` stroke-width="${width}"${dashes.length > 0 ? ` stroke-dasharray="${dashes.join(' ')}"` : ''}`;

function mark({ style, color }: PictureSeries, x: number, y: number, filled: boolean): string {
  const paint = `fill="${filled ? color : '#ffffff'}" stroke="${color}" stroke-width="1.5"`;
  const path = (...points: (readonly [number, number])[]) =>
    `<path d="M${points.map(([dx, dy]) => `${at(x + dx)} ${at(y + dy)}`).join(' L')} Z" ${paint}/>`;
  switch (style) {
    case 'triangle':
      return path([0, -SIZE], [SIZE, SIZE * 0.8], [-SIZE, SIZE * 0.8]);
    case 'rect':
      return path([-4, -4], [4, -4], [4, 4], [-4, 4]);
    case 'rectRot':
      return path([0, -SIZE], [SIZE, 0], [0, SIZE], [-SIZE, 0]);
    case 'star':
    case 'crossRot':
      return `<path d="M${at(x - 4)} ${at(y - 4)} L${at(x + 4)} ${at(y + 4)} M${at(x + 4)} ${at(y - 4)} L${at(x - 4)} ${at(y + 4)}" stroke="${color}" stroke-width="1.5"/>`;
    default:
      return `<circle cx="${at(x)}" cy="${at(y)}" r="${SIZE - 0.5}" ${paint}/>`;
  }
}
