/** What a picture is made of; coordinates in pixels from the top left, colours as CSS has them. */
export type Shape =
  | {
      readonly kind: 'rect';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly radius?: number;
      readonly fill?: string;
      readonly stroke?: string;
      readonly dashed?: boolean;
    }
  | { readonly kind: 'polygon'; readonly points: readonly (readonly [number, number])[]; readonly fill: string }
  | {
      readonly kind: 'text';
      readonly x: number;
      /** Of the baseline. */
      readonly y: number;
      readonly text: string;
      readonly fill: string;
      readonly size: number;
      readonly bold?: boolean;
      readonly anchor?: 'start' | 'middle' | 'end';
    };

/** A drawing that can become an SVG file or be painted on a canvas, the same in both. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly background: string;
  readonly fontFamily: string;
  readonly shapes: readonly Shape[];
}

/** An SVG document of its own: no style sheet, no script, fonts by name. */
export function toSvg(picture: Picture): string {
  const { width, height, title, background, fontFamily } = picture;
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" font-family="${escape(fontFamily)}">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="${escape(background)}"/>`,
    ...picture.shapes.map(element),
    '</svg>',
    '',
  ].join('\n');
}

function element(shape: Shape): string {
  switch (shape.kind) {
    case 'rect': {
      const { x, y, width, height, radius = 0, fill = 'none', stroke, dashed } = shape;
      const outline =
        stroke === undefined ? '' : ` stroke="${escape(stroke)}"${dashed ? ' stroke-dasharray="3 2"' : ''}`;
      return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${escape(fill)}"${outline}/>`;
    }
    case 'polygon':
      return `<polygon points="${shape.points.map(point => point.join(',')).join(' ')}" fill="${escape(shape.fill)}"/>`;
    case 'text': {
      const { x, y, size, fill, anchor = 'start', bold, text } = shape;
      const weight = bold ? ' font-weight="600"' : '';
      return `<text x="${x}" y="${y}" font-size="${size}"${weight} text-anchor="${anchor}" fill="${escape(fill)}">${escape(text)}</text>`;
    }
  }
}

/** XML 1.0 text: markup escaped, control characters that a document may not hold dropped. */
function escape(text: string): string {
  return text
    .replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
    .replace(/\p{Cc}/gu, character => ('\t\n\r'.includes(character) ? character : ''));
}
