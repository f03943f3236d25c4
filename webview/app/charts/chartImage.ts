import { h } from '../dom';

/** What a chart's canvas shows as a PNG on an opaque background, a CSS colour. Undefined where it cannot be had. */
export async function chartImage(canvas: HTMLCanvasElement, background: string): Promise<Blob | undefined> {
  const copy = h('canvas', { width: canvas.width, height: canvas.height });
  const context = copy.getContext('2d');
  if (context === null) return undefined;
  context.fillStyle = background;
  context.fillRect(0, 0, copy.width, copy.height);
  context.drawImage(canvas, 0, 0);
  return new Promise(resolve => copy.toBlob(blob => resolve(blob ?? undefined)));
}
