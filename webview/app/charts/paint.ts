import { h } from '../dom';
import type { Picture, Shape } from '../model/picture';

/** Pixels for each pixel of the picture, for sharp text on any screen. */
const scale = 2;

/** Paints a picture on a canvas out of sight and answers it as a PNG. */
export async function toPng(picture: Picture): Promise<Blob | undefined> {
  const canvas = h('canvas', { width: picture.width * scale, height: picture.height * scale });
  const context = canvas.getContext('2d');
  if (context === null) return undefined;
  context.scale(scale, scale);
  context.fillStyle = picture.background;
  context.fillRect(0, 0, picture.width, picture.height);
  for (const shape of picture.shapes) paint(context, shape, picture.fontFamily);
  return new Promise(resolve => canvas.toBlob(blob => resolve(blob ?? undefined)));
}

function paint(context: CanvasRenderingContext2D, shape: Shape, fontFamily: string): void {
  switch (shape.kind) {
    case 'rect':
      context.beginPath();
      context.roundRect(shape.x, shape.y, shape.width, shape.height, shape.radius ?? 0);
      if (shape.fill !== undefined) fill(context, shape.fill);
      if (shape.stroke !== undefined) stroke(context, shape.stroke, shape.dashed ?? false);
      return;
    case 'polygon':
      context.beginPath();
      for (const [x, y] of shape.points) context.lineTo(x, y);
      context.closePath();
      fill(context, shape.fill);
      return;
    case 'text':
      context.font = `${shape.bold ? '600 ' : ''}${shape.size}px ${fontFamily}`;
      context.textAlign = shape.anchor === 'middle' ? 'center' : (shape.anchor ?? 'start');
      context.fillStyle = shape.fill;
      context.fillText(shape.text, shape.x, shape.y);
  }
}

function fill(context: CanvasRenderingContext2D, colour: string): void {
  context.fillStyle = colour;
  context.fill();
}

function stroke(context: CanvasRenderingContext2D, colour: string, dashed: boolean): void {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash(dashed ? [3, 2] : []);
  context.stroke();
}
